# Saves etcd's data as one file, /var/lib/homelab/before-upgrade.db; the one from before is replaced once it is whole.
# not kept: a file in the folder of homelab, and one in a folder of the cluster for as long as it takes
set -eu
umask 077
cri() { crictl -r unix:///run/containerd/containerd.sock "$@"; }
container=$(cri ps --name '^etcd$' --state Running -q | head -n 1)
[ -n "$container" ] || { echo "error: etcd does not run on this node" >&2; exit 1; }
pki=/etc/kubernetes/pki/etcd inside=/var/lib/etcd/homelab-snapshot.db # the folder that node and container share
trap 'rm -f "$inside" "$inside.part"' EXIT
cri exec "$container" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=$pki/ca.crt \
  --cert=$pki/healthcheck-client.crt --key=$pki/healthcheck-client.key snapshot save "$inside"
mkdir -p /var/lib/homelab
sync "$inside"
mv -f "$inside" /var/lib/homelab/before-upgrade.db
sync /var/lib/homelab
