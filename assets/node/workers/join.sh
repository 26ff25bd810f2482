# Joins this node to the cluster, and removes the configuration with the token, however it ends.
# not kept: it writes only into a cluster's own folders, which keep_places has seen
set -eu
config=/run/homelab/join.yaml
trap 'rm -f "$config"' EXIT
if [ -e /etc/kubernetes/kubelet.conf ]; then # an interrupted join had come as far as the node's own certificate
  echo "this node has been let in already; finishing"
  rm -f /etc/kubernetes/bootstrap-kubelet.conf
  systemctl restart kubelet
  exit 0
fi
if [ -e /etc/kubernetes/bootstrap-kubelet.conf ]; then # it had not: nothing of it is worth keeping
  systemctl stop kubelet
  rm -f /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/pki/ca.crt
fi
kubeadm config validate --config "$config"
kubeadm join --config "$config"
