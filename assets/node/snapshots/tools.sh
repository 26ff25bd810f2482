# etcd-tools.sh - what homelab-etcd-snapshot and homelab-etcd-restore share. Written by homelab. Sourced, never run.
# etcd's own programs are run out of the image of the etcd that this node runs: nothing is installed or downloaded.
# not kept: folders of its own
# shellcheck shell=sh disable=SC2034
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
pki=/etc/kubernetes/pki
image=

die() { # what, and what to do
  echo "$*" >&2
  exit 1
}

setting() { # NAME FILE: the value of etcd's flag --NAME in its manifest
  sed -n "s/^ *- --$1=//p" "$2" | head -n 1
}

open_image() { # MANIFEST FOLDER: etcd's image, mounted read-only
  reference=$(sed -n 's/^ *image: *//p' "$1" | head -n 1)
  mkdir -p "$2"
  said=$(ctr -n k8s.io images mount "$reference" "$2" 2>&1) ||
    die "The image $reference could not be opened: $(echo "$said" | tail -n 1)"
  image=$2
}

close_image() {
  [ -z "$image" ] || ctr -n k8s.io images unmount --rm "$image" >/dev/null 2>&1 || :
  image=
}

etcdutl() { "$image/usr/local/bin/etcdutl" "$@"; }

etcdctl() { # asks the etcd of this node
  ETCDCTL_CACERT=$pki/etcd/ca.crt ETCDCTL_CERT=$pki/etcd/healthcheck-client.crt ETCDCTL_KEY=$pki/etcd/healthcheck-client.key \
    "$image/usr/local/bin/etcdctl" --endpoints "${endpoint:-https://127.0.0.1:2379}" --dial-timeout 5s "$@"
}

number() { # NAME: the number that is called so in the JSON on stdin
  sed -n "s/.*\"$1\": *\"\{0,1\}\([0-9][0-9]*\).*/\1/p" | head -n 1
}
