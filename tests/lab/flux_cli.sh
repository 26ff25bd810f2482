# shellcheck shell=bash
# flux_cli.sh - build the Flux CLI and pack it as its release is packed.  Source it after env.sh and tools.sh.
#   flux_cli   $LAB_BIN/flux, and the release's two files under $LAB_WWW/downloads/fluxcd/flux2/…
# The CLI embeds one manifest per component. Upstream's build makes them with kustomize from files that each controller's
# release offers for download; the same files lie in the controllers' modules, so we make them from there.

FLUX_MODULE=github.com/fluxcd/flux2/v2
FLUX_VERSION=v2.9.4

flux_cli() {
  local what=$FLUX_MODULE@$FLUX_VERSION
  if ! tool_is_current flux "$what"; then
    build_tools "$LAB_SRC/tools.tsv" kubectl        # it contains kustomize
    ( flock 9; tool_is_current flux "$what" || build_flux "$what" ) 9>"$HOMELAB_LAB/build.lock" ||
      die "could not build flux, see $LAB_LOG/build-flux.log"
  fi
  pack_flux
}

build_flux() {
  local tree=$HOMELAB_LAB/mod/flux start=$SECONDS
  rm -rf "$tree"; mkdir -p "$tree"
  (
    cp -r "$(module_dir "$1")/." "$tree"; chmod -R u+w "$tree"
    cd "$tree"
    embedded_manifests "$tree"
    CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=mod' \
      go build -trimpath -ldflags "-s -w -X main.VERSION=${FLUX_VERSION#v}" -o "$LAB_BIN/flux" ./cmd/flux
  ) >"$LAB_LOG/build-flux.log" 2>&1 </dev/null 9>&- || return 1
  echo "$1" > "$LAB_BIN/.flux.version"
  say "built flux $FLUX_VERSION in $((SECONDS - start)) s"
}

embedded_manifests() { # TREE of the CLI: cmd/flux/manifests/NAME.yaml for every component, rbac and policies
  local tree=$1 out=$1/cmd/flux/manifests base part module version dir
  mkdir -p "$out"
  for base in "$tree"/manifests/bases/*/; do
    part=$(basename "$base")
    version=$(sed -n "s#.*/releases/download/\(v[^/]*\)/$part.crds.yaml#\1#p" "$base/kustomization.yaml")
    module=github.com/fluxcd/$part
    # only the major version 1 goes unnamed in a module's path
    [[ $version = v1.* ]] || module=$module/${version%%.*}
    dir=$(module_dir "$module@$version") || :
    if [ -z "$dir" ]; then
      echo "$part $version isn't published: 'flux install --components-extra' won't have it"; continue
    fi
    "$LAB_BIN/kubectl" kustomize "$dir/config/crd" > "$base/$part.crds.yaml"
    "$LAB_BIN/kubectl" kustomize "$dir/config/manager" > "$base/$part.deployment.yaml"
    sed -i "s#https://.*/$part\.#$part.#" "$base/kustomization.yaml"
    "$LAB_BIN/kubectl" kustomize "$base" > "$out/$part.yaml"
  done
  for part in rbac policies; do "$LAB_BIN/kubectl" kustomize "$tree/manifests/$part" > "$out/$part.yaml"; done
}

pack_flux() { # the names and the form of the release's files: what a mirror of them would offer
  local v=${FLUX_VERSION#v} dir=$LAB_WWW/downloads/fluxcd/flux2/releases/download/$FLUX_VERSION tgz
  tgz=flux_${v}_linux_amd64.tar.gz
  if [ ! -e "$dir/$tgz" ] || [ "$LAB_BIN/flux" -nt "$dir/$tgz" ]; then
    mkdir -p "$dir"
    tar -C "$LAB_BIN" --owner=0 --group=0 -czf "$dir/$tgz.new" flux
    mv "$dir/$tgz.new" "$dir/$tgz"
    (cd "$dir" && sha256sum "$tgz" > "flux_${v}_checksums.txt")
  fi
  # the sums that the owner of an air-gapped home hands to the wizard as a local file
  touch "$HOMELAB_LAB/checksums.txt"
  grep -v " $tgz\$" "$HOMELAB_LAB/checksums.txt" > "$HOMELAB_LAB/checksums.new" || :
  cat "$dir/flux_${v}_checksums.txt" >> "$HOMELAB_LAB/checksums.new"
  mv "$HOMELAB_LAB/checksums.new" "$HOMELAB_LAB/checksums.txt"
}
