# etcd.sh [remove ID]: prints etcd's members and which of them answer; with "remove", takes the member ID out first. Asked
# inside etcd's own container, which has the program for it.
set -eu
cri() { crictl -r unix:///run/containerd/containerd.sock "$@"; }
container=$(cri ps --name '^etcd$' --state Running -q | head -n 1)
[ -n "$container" ] || { echo "etcd does not run on this node" >&2; exit 1; }
pki=/etc/kubernetes/pki/etcd
etcd() {
  cri exec "$container" etcdctl --endpoints=https://127.0.0.1:2379 --cacert=$pki/ca.crt \
    --cert=$pki/healthcheck-client.crt --key=$pki/healthcheck-client.key "$@"
}
[ "${1:-}" != remove ] || etcd member remove "$2" >/dev/null
echo "@@ members"
etcd member list -w json
printf '\n@@ health\n'
etcd endpoint health --cluster -w json || : # ends with 1 when one of them does not answer
