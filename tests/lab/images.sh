# shellcheck shell=bash
# images.sh - images made of the programs in $LAB_BIN, and how a registry with no memory keeps them.  Source after env.sh.
# Names carry no registry: a node's containerd asks a mirror for the repository's path only (registry.k8s.io/pause ->
# /v2/pause/...?ns=registry.k8s.io), so unchanged names of charts and of kubeadm find what lies here.
#   image_tree NAME                        a folder with users, CA certificates, /tmp: the start of an image
#   image_push NAME REPO:TAG PROGRAM [UID]   push it; kept for every later 'lab serve'
#   manifests_save REPO:TAG...             keep what someone else pushed (charts)

IMAGES=$HOMELAB_LAB/image-trees
BUILD_REGISTRY=127.0.0.1:5057   # during a build only; writes the same blobs to disk as the lab's own

image_tree() {
  local d=$IMAGES/$1
  rm -rf "$d"; mkdir -p "$d"/{etc/ssl/certs,tmp,usr/local/bin,usr/sbin,bin}; chmod 1777 "$d/tmp"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/false\n' > "$d/etc/passwd"
  printf 'root:x:0:\nnobody:x:65534:\n' > "$d/etc/group"
  cp /etc/ssl/certs/ca-certificates.crt "$d/etc/ssl/certs/"
}

image_closure() { # NAME FILE...: files of the base ($IMAGE_ROOT, if set) with the libraries they need
  local d=$IMAGES/$1 b=${IMAGE_ROOT:-$HOMELAB_LAB/base} f p; shift
  for f in "$@"; do
    { echo "$f"; chroot "$b" ldd "$f" 2>/dev/null | grep -o '/[^ ]*' || :; } | sort -u | while read -r p; do
      mkdir -p "$d${p%/*}"; cp -L "$b$p" "$d$p"
    done
  done
}

image_iptables() {
  local d=$IMAGES/$1 n ext
  mapfile -t ext < <(cd "$HOMELAB_LAB/base" && printf '/%s\n' usr/lib/x86_64-linux-gnu/xtables/*.so)
  image_closure "$1" /usr/sbin/xtables-nft-multi "${ext[@]}"
  for n in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf xtables-nft-multi "$d/usr/sbin/$n"
  done
}

image_push() {
  local name=$1 ref=$2 program=$3 user=${4:-} layer=$IMAGES/$1.tar
  build_registry_start
  # same content, same digest: a rebuilt image with nothing new must not look like an update
  tar -C "$IMAGES/$name" --sort=name --mtime=@1767225600 --numeric-owner --owner=0 --group=0 -cf "$layer" .
  "$LAB_BIN/crane" append --insecure --oci-empty-base -f "$layer" -t "$BUILD_REGISTRY/$ref" --platform linux/amd64 >>"$LAB_LOG/images.log" 2>&1
  "$LAB_BIN/crane" mutate --insecure "$BUILD_REGISTRY/$ref" --entrypoint="$program" ${user:+--user="$user"} \
    --set-platform linux/amd64 -t "$BUILD_REGISTRY/$ref" >>"$LAB_LOG/images.log" 2>&1
  manifest_keep "$BUILD_REGISTRY" "$ref"
  rm -rf "$layer" "${IMAGES:?}/$name"
  say "image $ref"
}

# --- the registry's memory --------------------------------------------------------------------------------------

build_registry_start() {
  daemon_running build-registry && return
  mkdir -p "$HOMELAB_LAB/registry" "$LAB_RUN"
  daemon host build-registry "$LAB_BIN/crane" registry serve --address "$BUILD_REGISTRY" --disk "$HOMELAB_LAB/registry"
  until_ok 5 curl -fs -o /dev/null "http://$BUILD_REGISTRY/v2/" || die "no registry to build with"
}

manifest_keep() { # registry REPO:TAG
  local repo=${2%:*} tag=${2##*:}
  mkdir -p "$HOMELAB_LAB/manifests/$repo"
  "$LAB_BIN/crane" manifest --insecure "$1/$2" > "$HOMELAB_LAB/manifests/$repo/$tag.new"
  mv "$HOMELAB_LAB/manifests/$repo/$tag.new" "$HOMELAB_LAB/manifests/$repo/$tag"
  ! daemon_running registry || manifest_put "$repo" "$tag"
}

manifests_save() { local ref; for ref in "$@"; do ns hw-lan bash -c ". '$LAB_SRC/env.sh'; . '$LAB_SRC/images.sh'; manifest_keep '$LAB_REGISTRY' '$ref'"; done; }

manifest_put() { # REPO TAG: by tag, and by digest as containerd asks the second time
  local f=$HOMELAB_LAB/manifests/$1/$2 type
  type=$(/usr/bin/python3 -c 'import json,sys; print(json.load(open(sys.argv[1])).get("mediaType","application/vnd.oci.image.manifest.v1+json"))' "$f")
  ns hw-lan curl -fsS -o /dev/null -X PUT -H "Content-Type: $type" --data-binary "@$f" "http://$LAB_REGISTRY/v2/$1/manifests/$2"
}

manifests_restore() {
  local f
  [ -d "$HOMELAB_LAB/manifests" ] || return 0
  (cd "$HOMELAB_LAB/manifests" && find . -type f ! -name '*.new' -printf '%P\n') | sort | while read -r f; do
    manifest_put "${f%/*}" "${f##*/}"
  done
}

# --- the images of a cluster ------------------------------------------------------------------------------------

images_build() {
  local stamp start=$SECONDS ref
  stamp=$(cat "$LAB_BIN"/.{kube-{apiserver,controller-manager,scheduler,proxy},etcd,etcdctl,etcdutl,coredns,install-conf}.version \
    "$LAB_BIN"/.{flanneld,cni-flannel,metallb-*}.version; sha256sum < "$LAB_SRC/images.sh")
  [ "$(cat "$HOMELAB_LAB/manifests.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  # kubeadm knows which tags it will ask for; the network is not needed for that
  "$LAB_BIN/kubeadm" config images list --kubernetes-version "$KUBE_VERSION" > "$HOMELAB_LAB/kubeadm-images" 2>/dev/null
  while read -r ref; do image_for_kubeadm "${ref#*/}"; done < "$HOMELAB_LAB/kubeadm-images"
  images_network
  stop_daemon build-registry
  echo "$stamp" > "$HOMELAB_LAB/manifests.stamp"
  say "images in $((SECONDS - start)) s"
}

image_for_kubeadm() { # REPO:TAG
  local name=${1%:*} tag=${1##*:}; name=${name##*/}
  image_tree "$name"
  case $name in
    kube-proxy) image_iptables kube-proxy; image_program kube-proxy "$tag"; image_push kube-proxy "$1" /usr/local/bin/kube-proxy ;;
    kube-*) image_program "$name" "$tag"; image_push "$name" "$1" "/usr/local/bin/$name" ;;
    etcd) image_program etcd "$tag" etcd etcdctl etcdutl; image_push etcd "$1" /usr/local/bin/etcd ;;
    coredns) cp "$(program_of coredns "$tag")" "$IMAGES/coredns/coredns"; image_push coredns "$1" /coredns ;;
    pause) pause_program "$IMAGES/pause/pause" "$tag"; image_push pause "$1" /pause ;;
    *) die "kubeadm wants an image the lab cannot make: $1" ;;
  esac
}

image_program() { # IMAGE TAG [NAME...]: programs of the tag's own version
  local image=$1 tag=$2 name; shift 2
  for name in "${@:-$image}"; do cp "$(program_of "$name" "$tag")" "$IMAGES/$image/usr/local/bin/$name"; done
}

program_of() { # NAME TAG: the built program of that very version; a tag never carries another one
  local version=${2#v} name
  version=v${version%-0}
  for name in "$1-$version" "$1"; do
    ! grep -qs "@$version " "$LAB_BIN/.$name.version" || { echo "$LAB_BIN/$name"; return; }
  done
  die "$1 $version is not built: add it to tools-versions.tsv"
}

pause_program() { # FILE VERSION: from Kubernetes' own source; kubeadm's checks run it with -v
  local dir; dir=$(cd "$HOMELAB_LAB/mod/kubeadm" && GOFLAGS=-mod=mod go list -m -f '{{.Dir}}' k8s.io/kubernetes)
  gcc -Os -static -DVERSION="$2" -o "$1" "$dir/build/pause/linux/pause.c"
}

images_network() {
  local d=$IMAGES/flannel part manifest refs
  # flannel's published manifest, a download like any other; it also says which tags are asked for
  manifest=$(cd "$HOMELAB_LAB/mod/flanneld" && GOFLAGS=-mod=mod go list -m -f '{{.Dir}}' github.com/flannel-io/flannel)
  manifest+=/Documentation/kube-flannel.yml
  install -D -m 644 "$manifest" "$LAB_WWW/flannel/kube-flannel.yml"
  mapfile -t refs < <(grep -o 'flannel-io/flannel.*:v[^ ]*' "$manifest" | sort -u)
  image_tree flannel; mkdir -p "$d/opt/bin"
  cp "$LAB_BIN/flanneld" "$d/opt/bin/"; cp "$LAB_BIN/install-conf" "$d/opt/bin/"; cp "$LAB_BIN/cni-flannel" "$d/flannel"
  image_iptables flannel; image_closure flannel /bin/cp /bin/sh /sbin/ip
  for part in "${refs[@]}"; do # two images, one content: the daemon, and the plugin that is copied to the node
    rm -rf "$d-copy"; cp -a "$d" "$d-copy"
    case $part in
      */flannel-cni-plugin:*) image_push flannel-copy "$part" /flannel ;;
      */flannel:*) image_push flannel-copy "$part" /opt/bin/flanneld ;;
      *) die "flannel wants an image the lab cannot make: $part" ;;
    esac
  done
  rm -rf "$d"
  for part in controller speaker; do
    image_tree metallb; cp "$LAB_BIN/metallb-$part" "$IMAGES/metallb/$part"
    image_push metallb "metallb/$part:v0.16.1" "/$part"
  done
}
