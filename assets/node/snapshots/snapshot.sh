#!/bin/sh
# homelab-etcd-snapshot - saves what the cluster knows, in this node and in a second place. Written by homelab.
# homelab-etcd-snapshot.timer runs it; by hand: sudo systemctl start homelab-etcd-snapshot
# A snapshot is an archive of etcd's data, and of this node's keys and settings for Kubernetes. It holds every Secret of the
# cluster: who can read it is the cluster's administrator. Settings: /etc/homelab/snapshots.conf.
# not kept: it writes only what is in a folder of its own, and on the disk that it was told to
set -eu
umask 077
. /usr/local/lib/homelab/etcd-tools.sh
. /etc/homelab/snapshots.conf # KEEP, PLACE, TO
manifest=/etc/kubernetes/manifests/etcd.yaml
folder=/var/lib/homelab/etcd-snapshots
mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9
rm -rf "$folder"/.new.* # what an interrupted run left
work=$(mktemp -d "$folder/.new.XXXXXX")
trap 'close_image; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

room() { # a card that is full stops the whole node: better no snapshot than that
  free=$(df -P -k "$folder" | awk 'NR == 2 { print $4 }')
  size=$(du -sk /var/lib/etcd/member/snap/db | cut -f1)
  [ "$free" -gt $((3 * size + 524288)) ] ||
    die "Too little room in $folder: $((free / 1024)) MB. A snapshot needs $((3 * size / 1024 + 512)) MB. Free some space."
}

save() {
  mkdir "$work/bundle"
  etcdctl snapshot save "$work/bundle/snapshot.db" >/dev/null 2>"$work/said" || die "etcd gave no snapshot: $(tail -n 1 "$work/said")"
  status=$(etcdutl snapshot status "$work/bundle/snapshot.db" -w json 2>"$work/said") ||
    die "The snapshot is damaged: $(tail -n 1 "$work/said")"
  revision=$(echo "$status" | number revision) keys=$(echo "$status" | number totalKey)
}

pack() {
  seconds=$(date +%s) name=etcd-$(hostname)-$(date -u +%Y%m%dT%H%M%SZ).tar.gz
  { echo "taken=$seconds"; echo "host=$(hostname)"; echo "revision=$revision"; echo "keys=$keys"; echo "hash=$(echo "$status" | number hash)"
    echo "image=$reference"; } >"$work/bundle/about"
  # and what makes this node a control plane, with the program that restores it: a new card needs no more
  tar --exclude=etc/kubernetes/tmp -czf "$work/$name" -C "$work/bundle" snapshot.db about -C / etc/kubernetes \
    var/lib/kubelet/config.yaml var/lib/kubelet/kubeadm-flags.env var/lib/kubelet/pki \
    usr/local/sbin/homelab-etcd-restore usr/local/lib/homelab/etcd-tools.sh
  digest=$(sha256sum "$work/$name" | cut -d' ' -f1)
  bytes=$(stat -c %s "$work/$name")
  sync "$work/$name"
  mv "$work/$name" "$folder/$name"
  prune "$folder"
}

prune() { # FOLDER: the newest KEEP of this node's stay; their names sort by time
  find "$1" -maxdepth 1 -name "etcd-$(hostname)-*.tar.gz" | sort -r | tail -n "+$((KEEP + 1))" | while read -r old; do rm -f "$old"; done
}

to_ssh() { # the account there can do nothing but store a snapshot
  said=$(ssh -F none -i /etc/homelab/snapshots-key -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=20 \
    -o ServerAliveInterval=15 -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null \
    -o UserKnownHostsFile=/etc/homelab/snapshots-known-hosts "homelab-snapshots@$TO" "store $name $digest" <"$folder/$name" 2>&1) ||
    die "The snapshot $name is on this node only. $TO did not take it: $(echo "$said" | tail -n 1)"
  [ "$said" = "stored $name $digest" ] || die "The snapshot $name is on this node only. $TO said: $(echo "$said" | tail -n 1)"
}

to_folder() { # a disk that isn't mounted must not be taken for one that is
  [ -d "$TO" ] || die "The snapshot $name is on this node's own disk only. There is no folder $TO."
  [ "$(stat -c %d "$TO")" != "$(stat -c %d "$folder")" ] ||
    die "The snapshot $name is on this node's own disk only: nothing is mounted at $TO."
  cp "$folder/$name" "$TO/.$name.new"
  echo "$digest  $TO/.$name.new" | sha256sum --check --status || die "The copy in $TO is not what was copied. Look at that disk."
  sync "$TO/.$name.new"
  mv "$TO/.$name.new" "$TO/$name"
  prune "$TO"
}

room
open_image "$manifest" "$work/image"
save
close_image
pack
case $PLACE in ssh) to_ssh ;; folder) to_folder ;; esac
{ echo "time=$seconds"; echo "file=$name"; echo "sha256=$digest"; echo "bytes=$bytes"; echo "revision=$revision"; echo "keys=$keys"
  echo "PLACE=$PLACE"; echo "TO=$TO"; } >"$work/last"
mv "$work/last" "$folder/last"
echo "$name: $keys keys, revision $revision, $((bytes / 1024)) kB${TO:+, also in $TO}"
