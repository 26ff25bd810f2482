#!/bin/bash
# apps.sh - what stands for the apps whose charts and programs can't be had: Pi-hole, Prometheus and Grafana, curl's image.
#   lab apps build      images and charts (skips what is there)
# Real in them: dnsmasq, which Pi-hole embeds, and curl, both Debian's; the kinds of Prometheus' operator, from its module.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"
. "$LAB_SRC/tools.sh"
. "$LAB_SRC/images.sh"
. "$LAB_SRC/charts.sh"

PIHOLE_VERSION=2026.07.2
CURL_VERSION=8.21.0
GRAFANA_VERSION=13.2.0
OPERATOR_VERSION=v0.93.1              # of the prometheus-operator-crds chart
OPERATOR_CRDS_CHART=31.0.1
KEPT=$HOMELAB_LAB/apps-refs

apps_cmd() {
  case ${1:-} in
    build) apps_build ;;
    *) sed -n '2,4p' "$0"; exit 1 ;;
  esac
}

apps_build() {
  local stamp
  mkdir -p "$LAB_LOG" "$LAB_BIN" "$LAB_RUN"
  build_tools "$LAB_SRC/tools.tsv" crane
  stamp=$(sha256sum "$LAB_BIN/whoami" /usr/sbin/dnsmasq /usr/bin/curl
    cat "$LAB_SRC"/{apps,images,charts}.sh "$LAB_SRC/oci_push_chart.py" \
      "$LAB_SRC"/charts/{pihole,monitoring}/{,templates/}*.* "$LAB_SRC/charts/pihole/start" | sha256sum)
  [ "$(cat "$HOMELAB_LAB/apps.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  : > "$KEPT"
  apps_images
  chart_push pihole-kubernetes/pihole "$LAB_SRC/charts/pihole" mojo2600.github.io
  chart_push prometheus-community/charts/kube-prometheus-stack "$LAB_SRC/charts/monitoring" ghcr.io
  operator_crds
  stop_daemon build-registry
  echo "$stamp" > "$HOMELAB_LAB/apps.stamp"
}

apps_images() {
  IMAGE_ROOT=/                         # this machine is Debian too, and has these programs
  image_tree pihole
  image_closure pihole /usr/sbin/dnsmasq /bin/sh
  mkdir -p "$IMAGES/pihole"/{etc/dnsmasq.d,var/run}
  cp "$LAB_BIN/whoami" "$LAB_SRC/charts/pihole/start" "$IMAGES/pihole/usr/local/bin/"
  image_kept pihole "pihole/pihole:$PIHOLE_VERSION" /usr/local/bin/start '' docker.io
  image_tree curl
  image_closure curl /usr/bin/curl /bin/sh /lib/x86_64-linux-gnu/libnss_dns.so.2 /lib/x86_64-linux-gnu/libnss_files.so.2
  image_kept curl "curlimages/curl:$CURL_VERSION" /usr/bin/curl 65534:65534 docker.io
  image_tree grafana
  cp "$LAB_BIN/whoami" "$IMAGES/grafana/usr/local/bin/grafana"
  image_kept grafana "grafana/grafana:$GRAFANA_VERSION" /usr/local/bin/grafana 65534:65534 docker.io
}

operator_crds() { # the kinds themselves are real; the chart around them takes the one value that a home sets
  local dir=$HOMELAB_LAB/operator-crds.chart sub file about="description: The lab's chart around the kinds of"
  # in a chart of their own below it, as in the real one: Helm keeps a release in a Secret, and 4 MB would not fit in twice
  sub=$dir/charts/crds
  rm -rf "$dir"; mkdir -p "$sub/templates"
  printf '%s\n' 'apiVersion: v2' 'name: prometheus-operator-crds' "version: $OPERATOR_CRDS_CHART" \
    "appVersion: $OPERATOR_VERSION" "$about prometheus-operator $OPERATOR_VERSION." > "$dir/Chart.yaml"
  printf '%s\n' 'apiVersion: v2' 'name: crds' 'version: 0.0.0' > "$sub/Chart.yaml"
  echo 'annotations: {}' > "$sub/values.yaml"
  for file in "$(module_dir "github.com/prometheus-operator/prometheus-operator@$OPERATOR_VERSION")"/example/prometheus-operator-crd/*.yaml; do
    # {{ }} in descriptions is Prometheus' own language, not Helm's
    sed -e 's/{{/{{ "{{" }}/g' -e '0,/^  annotations:$/s//  annotations:\n{{- with .Values.annotations }}\n{{ toYaml . | indent 4 }}\n{{- end }}/' \
      "$file" > "$sub/templates/${file##*/}"
  done
  chart_push prometheus-community/charts/prometheus-operator-crds "$dir" ghcr.io
  rm -rf "$dir"
}

apps_cmd "$@"
