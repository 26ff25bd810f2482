# shellcheck shell=bash
# versions.sh - the other Kubernetes versions that upgrades start from and lead to.  Source it after debs.sh and images.sh.
# Their programs are in tools-versions.tsv, named NAME-VERSION. Their packages join those of KUBE_VERSION on the mirror.

OTHER_VERSIONS='v1.36.3 v1.37.2'

versions_build() {
  build_tools "$LAB_SRC/tools-versions.tsv"
  versions_debs
  versions_images
}

versions_debs() {
  local version repo
  for version in $OTHER_VERSIONS; do
    repo="$LAB_WWW/kubernetes/core:/stable:/${version%.*}/deb"
    # kube_debs writes its repository anew when it has to; then these are no longer in it
    [ "$(cat "$repo/.built-$version" 2>/dev/null)" = "$(versions_stamp "$version")" ] || version_repository "$version" "$repo"
  done
}

versions_stamp() { cat "$LAB_BIN"/.kube{adm,ctl,let}-"$1".version; cat "$LAB_SRC"/{debs,versions}.sh | sha256sum; }

version_repository() { # version, folder: what is there and this version, in a new folder that takes the old one's place
  local version=$1 repo=$2 t=$HOMELAB_LAB/deb-versions start=$SECONDS name from
  from="$LAB_WWW/kubernetes/core:/stable:/$KUBE_MINOR/deb"
  rm -rf "$t" "$repo".{new,old}; mkdir -p "$t" "$repo.new"
  mkdir "$t/bin"; ln -s "$LAB_BIN/crictl" "$t/bin/crictl"
  for name in kubeadm kubectl kubelet; do ln -s "$LAB_BIN/$name-$version" "$t/bin/$name"; done
  LAB_BIN=$t/bin kubernetes_packages "$t" "$repo.new" "${version#v}-1.1"
  for name in "$repo"/*.deb "$from"/{cri-tools,kubernetes-cni}_*.deb "$repo"/.built-*; do # the same files, unchanged
    [[ ! -e $name || $name = *"_${version#v}-1.1_"* ]] || ln -f "$name" "$repo.new/"
  done
  versions_stamp "$version" > "$t/stamp"; mv "$t/stamp" "$repo.new/.built-$version"
  flat_repository "$repo.new"; cp "$HOMELAB_LAB/apt-key.asc" "$repo.new/Release.key"
  [ ! -d "$repo" ] || mv "$repo" "$repo.old"
  mv "$repo.new" "$repo"; rm -rf "$t" "$repo.old"
  say "Kubernetes $version in its repository in $((SECONDS - start)) s"
}

versions_images() {
  local version ref stamp start=$SECONDS
  # shellcheck disable=SC2086  # a list of words
  stamp=$(cat "$LAB_BIN"/.*-v[0-9]*.version; cat "$LAB_SRC"/{images,versions}.sh "$HOMELAB_LAB/manifests.stamp" | sha256sum)
  [ "$(cat "$HOMELAB_LAB/versions.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  for version in $OTHER_VERSIONS; do
    "$LAB_BIN/kubeadm-$version" config images list --kubernetes-version "$version" 2>/dev/null
  done | sort -u | grep -vxFf "$HOMELAB_LAB/kubeadm-images" > "$HOMELAB_LAB/versions-images"
  while read -r ref; do image_for_kubeadm "${ref#*/}"; done < "$HOMELAB_LAB/versions-images"
  stop_daemon build-registry
  echo "$stamp" > "$HOMELAB_LAB/versions.stamp"
  say "images of other versions in $((SECONDS - start)) s"
}
