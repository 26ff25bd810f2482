# init.sh CONFIG: makes the cluster. Never where a cluster's data is, whatever was asked for.
# not kept: it writes only into a cluster's own folders, which keep_places has seen
set -eu
config=$1
no_data() {
  if [ -d /var/lib/etcd/member ]; then
    echo "there is a cluster's data in /var/lib/etcd; kubeadm init was not run" >&2
    exit 1
  fi
}

no_data
kubeadm config validate --config "$config"
if [ -e /etc/kubernetes/manifests/kube-apiserver.yaml ] || [ -e /etc/kubernetes/admin.conf ]; then
  echo "clearing away what a kubeadm init left that had not come to keeping data"
  systemctl stop kubelet
  rm -f /etc/kubernetes/manifests/*.yaml /etc/kubernetes/*.conf
  for pod in $(crictl -r unix:///run/containerd/containerd.sock pods -q 2>/dev/null); do
    crictl -r unix:///run/containerd/containerd.sock rmp -f "$pod" 2>/dev/null || :
  done
  no_data # etcd may have come up in the last moment
  # certificates for what was answered then; the authorities stay
  find /etc/kubernetes/pki -type f ! -name 'ca.*' ! -name 'front-proxy-ca.*' ! -name 'sa.*' -delete
fi
kubeadm init --config "$config" --skip-token-print
