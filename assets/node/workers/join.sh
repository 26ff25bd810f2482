# Joins this node to the cluster, and removes the configuration with the token, however it ends.
set -eu
config=/run/homelab/join.yaml
trap 'rm -f "$config"' EXIT
kubeadm config validate --config "$config"
if [ ! -e /etc/kubernetes/kubelet.conf ]; then # what an interrupted join left: no data is in it
  systemctl stop kubelet
  rm -f /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/pki/ca.crt
fi
kubeadm join --config "$config"
