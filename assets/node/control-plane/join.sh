# join.sh anew|finish: joins this node as a control plane, and removes the configuration with the secrets, however it
# ends. "finish": its etcd has a vote already, so what is there stays and the rest is done. "anew": what an interrupted
# join left is cleared away; its etcd never had a vote, which the caller has made sure of.
# not kept: the folders of a cluster are given back as a whole
set -eu
config=/run/homelab/join.yaml
trap 'rm -f "$config"' EXIT
kubeadm config validate --config "$config"
if [ "$1" = finish ]; then
  [ -e /etc/kubernetes/kubelet.conf ] || kubeadm join phase kubelet-start --config "$config"
  kubeadm join phase kubelet-wait-bootstrap --config "$config"
  kubeadm join phase control-plane-join all --config "$config"
  exit 0
fi
if [ -d /var/lib/etcd/member ] || [ -e /var/lib/kubelet/config.yaml ] || [ -d /etc/kubernetes/pki ]; then
  echo "clearing away what an interrupted join left"
  systemctl stop kubelet
  rm -f /etc/kubernetes/manifests/*.yaml
  for pod in $(crictl -r unix:///run/containerd/containerd.sock pods -q 2>/dev/null); do
    crictl -r unix:///run/containerd/containerd.sock rmp -f "$pod" >/dev/null 2>&1 || :
  done
  rm -rf /etc/kubernetes/pki /etc/kubernetes/*.conf /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env
  [ ! -d /var/lib/etcd ] || find /var/lib/etcd -mindepth 1 -delete
fi
kubeadm join --config "$config"
