#!/bin/bash
# older.sh - an older version of one of the lab's charts, for the upgrade of a pin and its way back.
#   lab older build     pushes it beside the one that 'lab gitops build' pushes (skips what is there)
#   lab older version   which it is
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"
. "$LAB_SRC/tools.sh"
. "$LAB_SRC/images.sh"
. "$LAB_SRC/charts.sh"

OLDER=41.0.0
KEPT=$HOMELAB_LAB/older-refs

older_cmd() {
  case ${1:-} in
    build) older_build ;;
    version) echo "$OLDER" ;;
    *) sed -n '2,4p' "$0"; exit 1 ;;
  esac
}

older_build() {
  local stamp chart=$HOMELAB_LAB/older.chart
  mkdir -p "$LAB_LOG" "$LAB_RUN"
  stamp=$(cat "$LAB_SRC"/{older,charts}.sh "$LAB_SRC/oci_push_chart.py" "$LAB_SRC"/charts/traefik/{,templates/}*.* | sha256sum)
  [ "$(cat "$HOMELAB_LAB/older.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  : > "$KEPT"
  rm -rf "$chart"; cp -r "$LAB_SRC/charts/traefik" "$chart"
  sed -i "s/^version: .*/version: $OLDER/" "$chart/Chart.yaml"
  chart_push traefik/helm/traefik "$chart" ghcr.io
  stop_daemon build-registry
  rm -rf "$chart"
  echo "$stamp" > "$HOMELAB_LAB/older.stamp"
}

older_cmd "$@"
