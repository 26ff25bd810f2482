# member.sh show|remove ADDRESS: what the node at ADDRESS is to etcd: absent, unstarted, learner or voter. "remove" takes
# out one that has not come to vote, and refuses for a voter: it holds the cluster's data. Asked on another control plane.
set -eu
word=$1 peer=https://$2:2380
cri() { crictl -r unix:///run/containerd/containerd.sock "$@" 2>/dev/null; }
container=$(cri ps --name '^etcd$' --state Running -q | head -n 1)
[ -n "$container" ] || { echo "etcd does not run on this node" >&2; exit 1; }
pki=/etc/kubernetes/pki/etcd
etcd() {
  cri exec "$container" etcdctl --endpoints=https://127.0.0.1:2379 --command-timeout=10s --cacert=$pki/ca.crt \
    --cert=$pki/healthcheck-client.crt --key=$pki/healthcheck-client.key "$@"
}
list=$(etcd member list) || { echo "etcd on this node does not answer" >&2; exit 1; }
line=$(echo "$list" | grep -F ", $peer, " || :) # ID, status, name, peer URLs, client URLs, learner or not
case $line in
  '') state=absent ;;
  *true) state=learner ;;
  *', unstarted, '*) state=unstarted ;;
  *) state=voter ;;
esac
if [ "$word" = remove ]; then
  case $state in
    absent) ;;
    voter)
      echo "the member at $peer has a vote; it is not taken out" >&2
      exit 1
      ;;
    *) etcd member remove "${line%%,*}" >/dev/null && state=absent ;;
  esac
fi
echo "$state"
