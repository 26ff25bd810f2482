#!/bin/sh
# homelab-snapshot-receive SENDER NEWEST - stores a snapshot that SENDER sends. Written by homelab: sshd runs it, whatever the
# sender asks for. It can store a file of at most 1 GiB under a name of its own, and keeps the NEWEST of this sender.
# not kept: it writes only into its folder, which is given back with the account
set -eu
umask 077
export PATH=/usr/bin:/bin LC_ALL=C
sender=$1 newest=$2
folder=/var/lib/homelab-snapshots/store most=1073741824
# shellcheck disable=SC2086  # words
set -f -- ${SSH_ORIGINAL_COMMAND:-}
[ $# = 3 ] && [ "$1" = store ] || { echo "only: store NAME SHA256" >&2; exit 2; }
name=$2 digest=$3
echo "$name" | grep -qxE "etcd-$sender-[0-9]{8}T[0-9]{6}Z\.tar\.gz" || { echo "not a name for a snapshot of $sender" >&2; exit 2; }
echo "$digest" | grep -qxE '[0-9a-f]{64}' || { echo "not a checksum" >&2; exit 2; }
set +f
free=$(df -P -k "$folder" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 524288 ] || { echo "too little room: $((free / 1024)) MB are free, 512 MB must stay so" >&2; exit 1; }
new=$folder/.$sender.new
trap 'rm -f "$new"' EXIT
head -c "$((most + 1))" >"$new"
[ "$(stat -c %s "$new")" -le "$most" ] || { echo "larger than $((most / 1048576)) MB" >&2; exit 1; }
echo "$digest  $new" | sha256sum --check --status || { echo "it did not arrive as it was sent" >&2; exit 1; }
sync "$new"
mv "$new" "$folder/$name"
find "$folder" -maxdepth 1 -name "etcd-$sender-*.tar.gz" | sort -r | tail -n "+$((newest + 1))" | while read -r old; do rm -f "$old"; done
echo "stored $name $digest"
