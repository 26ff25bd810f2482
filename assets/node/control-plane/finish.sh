# finish.sh CONFIG: what was left when a kubeadm init was interrupted after etcd had begun to keep data. Each phase leaves
# alone what is there already: the same certificates, the same data, the same cluster.
# not kept: it writes only into a cluster's own folders, which keep_places has seen
set -eu
config=$1
phase() { kubeadm init phase "$@" --config "$config"; }
phase certs all
phase kubeconfig all
phase etcd local
phase control-plane all
phase kubelet-start
echo "waiting for the API to answer"
tries=240
until kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=5s get --raw /readyz >/dev/null 2>&1; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { echo "the API does not answer" >&2; exit 1; }
  sleep 2
done
phase upload-config all
phase mark-control-plane
phase bootstrap-token >/dev/null
phase kubelet-finalize all
phase addon all
rm -f /var/lib/homelab/init.begun
