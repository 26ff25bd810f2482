#!/bin/sh
# homelab-etcd-restore FILE [--rehearse | --alone | --new-card] - brings the cluster back to a snapshot. Written by homelab.
#   --rehearse  restores into a folder of its own, starts an etcd there that nobody else uses, and says what is in it;
#               the cluster goes on undisturbed
#   --alone     with several control planes: begin a cluster of this node alone; the others join again afterwards
#   --new-card  this node has its old name and address and is prepared, but nothing of the cluster is on it any more
# FILE is an archive that homelab-etcd-snapshot made. Needs root, and nothing but this node. docs/restore.md tells more.
# not kept: the folders of a cluster are given back as a whole, the rest is in a folder of homelab
set -eu
umask 077
. /usr/local/lib/homelab/etcd-tools.sh
manifests=/etc/kubernetes/manifests
aside=/var/lib/homelab/manifests-set-aside # while a restore is at work; a second try finds them there
parts='etcd kube-apiserver kube-controller-manager kube-scheduler'
endpoint=https://127.0.0.1:2379
server=
usage='usage: homelab-etcd-restore FILE [--rehearse | --alone | --new-card]'

read_words() {
  file='' rehearse='' alone='' new=''
  for word in "$@"; do
    case $word in
      --rehearse) rehearse=1 ;;
      --alone) alone=1 ;;
      --new-card) new=1 ;;
      -*) die "$usage" ;;
      *) file=$word ;;
    esac
  done
  [ -n "$file" ] || die "$usage"
  [ "$(id -u)" = 0 ] || die "This needs root: sudo homelab-etcd-restore $*"
  [ -r "$file" ] || die "There is no file $file. This node's snapshots: sudo ls /var/lib/homelab/etcd-snapshots"
}

leave() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || :
  close_image
  rm -rf "$work"
  [ ! -e "$aside/etcd.yaml" ] || echo "The restore was stopped in the middle: the control plane is off. Run the same command again." >&2
}

open_snapshot() {
  mkdir "$work/bundle"
  tar -C "$work/bundle" -xzf "$file" || die "$file is not a whole archive. Take another snapshot, or fetch it again."
  for part in snapshot.db about etc/kubernetes/pki/ca.crt; do
    [ -f "$work/bundle/$part" ] || die "$file is not an archive of homelab-etcd-snapshot: it holds no $part."
  done
  manifest=$manifests/etcd.yaml
  [ ! -e "$aside/etcd.yaml" ] || manifest=$aside/etcd.yaml
  [ -z "$new" ] || become_control_plane
  [ -e "$manifest" ] || die "This node runs no etcd ($manifest is missing). Use a control plane of the cluster, or --new-card."
  cmp -s "$work/bundle/etc/kubernetes/pki/ca.crt" "$pki/ca.crt" ||
    die "This snapshot is of another cluster: its authority is not the one in $pki/ca.crt. Nothing was touched."
  open_image "$manifest" "$work/image"
  name=$(setting name "$manifest") peer=$(setting initial-advertise-peer-urls "$manifest") data=$(setting data-dir "$manifest")
  [ -n "$name" ] && [ -n "$peer" ] && [ -n "$data" ] || die "$manifest does not name the node, its address and its data. Nothing was touched."
}

become_control_plane() { # a new card: everything but the data, which come as in any restore; begun twice it goes on
  [ ! -e /var/lib/etcd/member ] && [ ! -e "$manifest" ] || [ "$manifest" = "$aside/etcd.yaml" ] ||
    die "There is a cluster on this card already. Without --new-card it is brought back to the snapshot. Nothing was touched."
  command -v kubelet >/dev/null && command -v crictl >/dev/null || die "This node is not prepared. On your computer: homelab run --until prepare"
  [ "$(hostname)" = "$(about host)" ] || die "This snapshot is of $(about host), and this node is called $(hostname). Nothing was touched."
  peer=$(setting initial-advertise-peer-urls "$work/bundle/etc/kubernetes/manifests/etcd.yaml") peer=${peer#https://}
  ip -o -4 addr show | grep -qF " ${peer%:*}/" || die "This node must have its old address ${peer%:*}. Nothing was touched."
  systemctl stop kubelet
  mkdir -p "$aside"
  mv "$work/bundle/etc/kubernetes/manifests"/*.yaml "$aside/" # first: kubelet must not find them before the data is there
  mkdir -p "$manifests" /var/lib/kubelet
  cp -a "$work/bundle/etc/kubernetes/." /etc/kubernetes/
  cp -a "$work/bundle/var/lib/kubelet/." /var/lib/kubelet/
  manifest=$aside/etcd.yaml
  crictl pull "$(sed -n 's/^ *image: *//p' "$manifest" | head -n 1)" >/dev/null 2>"$work/log" || die "etcd's image can't be had: $(tail -n 1 "$work/log")"
}

about() { sed -n "s/^$1=//p" "$work/bundle/about"; }

look_at_snapshot() {
  found=$(etcdutl snapshot status "$work/bundle/snapshot.db" -w json) || die "$file is damaged. Take another snapshot."
  revision=$(echo "$found" | number revision)
  [ "$revision" = "$(about revision)" ] && [ "$(echo "$found" | number totalKey)" = "$(about keys)" ] ||
    die "$file is not what was saved: revision and number of keys differ. Take another snapshot."
  taken=$(date -u -d "@$(about taken)" '+%Y-%m-%d %H:%M:%S UTC')
  echo "snapshot of $(about host), taken $taken: $(about keys) keys, revision $revision"
}

restored() { # PEER-URL [WORDS...]: the snapshot as the data of a cluster of one member
  url=$1
  shift
  etcdutl snapshot restore "$work/bundle/snapshot.db" --data-dir "$work/data" --name "$name" --initial-cluster "$name=$url" \
    --initial-advertise-peer-urls "$url" "$@" >"$work/log" 2>&1 || die "The snapshot can't be restored: $(tail -n 1 "$work/log")"
}

# -- the rehearsal ----------------------------------------------------------------------------------------------

rehearse() {
  endpoint=https://127.0.0.1:12379 own=https://127.0.0.1:12380
  restored "$own"
  "$image/usr/local/bin/etcd" --data-dir "$work/data" --name "$name" --listen-client-urls "$endpoint" \
    --advertise-client-urls "$endpoint" --listen-peer-urls "$own" --initial-advertise-peer-urls "$own" --initial-cluster "$name=$own" \
    --cert-file "$pki/etcd/server.crt" --key-file "$pki/etcd/server.key" --trusted-ca-file "$pki/etcd/ca.crt" --client-cert-auth \
    --peer-cert-file "$pki/etcd/peer.crt" --peer-key-file "$pki/etcd/peer.key" --peer-trusted-ca-file "$pki/etcd/ca.crt" \
    --peer-client-cert-auth >"$work/log" 2>&1 &
  server=$!
  tries=60
  until etcdctl endpoint health >/dev/null 2>&1; do
    tries=$((tries - 1))
    kill -0 "$server" 2>/dev/null && [ "$tries" -gt 0 ] || die "etcd does not start with this snapshot: $(tail -n 1 "$work/log")"
    sleep 1
  done
  now=$(etcdctl endpoint status -w json | number revision)
  [ "$now" = "$revision" ] || die "etcd starts with revision $now, the snapshot's is $revision. Take another snapshot."
  etcdctl get /registry/ --prefix --keys-only | grep . >"$work/keys"
  echo "etcd starts with it and answers; revision $now"
  echo "it holds $(wc -l <"$work/keys") objects: $(count deployments), $(count daemonsets), $(count pods), $(count secrets), $(count configmaps)"
  echo "namespaces: $(sed -n 's|^/registry/namespaces/||p' "$work/keys" | tr '\n' ' ')"
  echo "The rehearsal went well. The cluster was not touched."
}

count() { echo "$(grep -c "^/registry/$1/" "$work/keys") $1"; }

# -- the restore ------------------------------------------------------------------------------------------------

refuse_several() {
  members=$(etcdctl member list 2>/dev/null | grep -c .) || members=$(setting initial-cluster "$manifest" | tr ',' '\n' | grep -c .)
  [ "$members" -le 1 ] || [ -n "$alone" ] ||
    die "This cluster has $members control planes. A restore makes it a cluster of this node alone: read docs/restore.md first, then add --alone. Nothing was touched."
}

make_data() { # who watches the cluster must see that the past has changed: its revision leaps ahead
  live=$(etcdctl endpoint status -w json 2>/dev/null | number revision)
  leap=1000000000
  [ "$((${live:-0} - revision + 1000000))" -lt "$leap" ] || leap=$((live - revision + 1000000))
  restored "$peer" --bump-revision "$leap" --mark-compacted
}

running() { for part in $parts; do crictl ps -q --name "^$part\$" --label io.kubernetes.pod.namespace=kube-system 2>/dev/null; done; }

stop_control_plane() {
  echo "stopping kubelet and the control plane on this node"
  systemctl stop kubelet
  mkdir -p "$aside"
  for part in $parts; do
    [ ! -e "$manifests/$part.yaml" ] || mv "$manifests/$part.yaml" "$aside/"
  done
  tries=30
  while [ -n "$(running)" ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || die "The control plane's containers do not end. Look at: sudo crictl ps"
    running | while read -r id; do crictl stop --timeout 20 "$id" >/dev/null 2>&1 || :; done
    sleep 1
  done
}

exchange_data() {
  old=/var/lib/homelab/etcd-before-$(date -u +%Y%m%dT%H%M%SZ)
  mkdir "$old"
  [ ! -e "$data/member" ] || mv "$data/member" "$old/member"
  mkdir -p "$data"
  chmod 700 "$data"
  mv "$work/data/member" "$data/member"
  sync
  echo "the data as it was before is in $old"
}

start_control_plane() {
  echo "starting the control plane with the restored data"
  mv "$aside"/*.yaml "$manifests/"
  rmdir "$aside"
  systemctl start kubelet
  address=$(setting advertise-address "$manifests/kube-apiserver.yaml")
  tries=150
  until api get --raw /readyz >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || die "The API does not answer. Look at: sudo crictl ps -a; sudo journalctl -u kubelet. The data before is in $old"
    sleep 2
  done
}

api() { kubectl --kubeconfig /etc/kubernetes/admin.conf --server "https://$address:6443" --request-timeout 10s "$@"; }

read_words "$@"
mkdir -p /var/lib/homelab
work=$(mktemp -d /var/lib/homelab/etcd-restore.XXXXXX)
trap leave EXIT
trap 'exit 1' HUP INT TERM
export KUBECACHEDIR=/run/homelab-kube CONTAINER_RUNTIME_ENDPOINT=unix:///run/containerd/containerd.sock
open_snapshot
look_at_snapshot
if [ -n "$rehearse" ]; then
  rehearse
  exit 0
fi
refuse_several
make_data
stop_control_plane
exchange_data
start_control_plane
echo "The cluster is as it was at $taken. Nodes follow within a minute: sudo kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes"
