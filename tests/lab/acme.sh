#!/bin/bash
# acme.sh - what certificates need: cert-manager with its chart, and on the internet an authority, DuckDNS, DNS servers.
#   lab acme build              cert-manager's programs, images and chart, and the DuckDNS solver's (skips what is there)
#   lab acme up | down          pebble, a DuckDNS, two public DNS servers on the internet side
#   lab acme root               the authority's root certificate (new at each start), PEM
#   lab acme other up | down    a second authority, which nobody trusts, as the test service is
#   lab acme dns NAME TYPE [SERVER]   what SERVER (a public one) answers
#   lab acme log [duckdns|pebble|resolver]
# Kept in $HOMELAB_LAB: acme_ca.crt (who vouches for the authority's address), duckdns_token.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"
. "$LAB_SRC/tools.sh"
. "$LAB_SRC/net.sh"
. "$LAB_SRC/inet.sh"
. "$LAB_SRC/images.sh"
. "$LAB_SRC/charts.sh"

CERT_MANAGER=github.com/cert-manager/cert-manager
CERT_MANAGER_VERSION=v1.21.1
SOLVER_VERSION=2.0.0
KEPT=$HOMELAB_LAB/acme-refs

AUTHORITY=$INET.50                    # https://198.18.64.50/dir
OTHER=$INET.51
DUCKDNS=$INET.52                      # http://198.18.64.52/update, and its DNS
RESOLVERS=("$INET.53" "$INET.54")
DUCKDNS_NAMES=(lab-home lab-home-internal)
A=$HOMELAB_LAB/acme

acme_cmd() {
  case ${1:-} in
    build) acme_build ;;
    up) acme_up ;;
    down) acme_down ;;
    other) case ${2:-} in up) inet_address "$OTHER"; authority_up pebble-other "$OTHER" ;; down) stop_daemon pebble-other ;; esac ;;
    root) ns hw-inet curl -sS --cacert "$HOMELAB_LAB/acme_ca.crt" "https://$AUTHORITY:15000/roots/0" ;;
    dns) shift; ns hw-inet /usr/bin/python3 -m dnslib.client --server "${3:-${RESOLVERS[0]}}:53" "$1" "$2" ;;
    log) cat "$LAB_LOG/${2:-duckdns}.log" ;;
    *) sed -n '2,10p' "$0"; exit 1 ;;
  esac
}

# --- programs, images, charts -----------------------------------------------------------------------------------

acme_build() {
  local stamp
  mkdir -p "$LAB_LOG" "$LAB_BIN" "$LAB_RUN"
  build_tools "$LAB_SRC/tools.tsv" crane
  cert_manager_program
  stamp=$(sha256sum "$LAB_BIN/cert-manager"
    cat "$LAB_SRC"/{acme,images,charts}.sh "$LAB_SRC/oci_push_chart.py" "$LAB_SRC"/charts/duckdns/{,templates/}*.* | sha256sum)
  [ "$(cat "$HOMELAB_LAB/acme.stamp" 2>/dev/null)" != "$stamp" ] || return 0
  : > "$KEPT"
  acme_images
  cert_manager_chart
  chart_push cobexer/charts/cert-manager-webhook-duckdns "$LAB_SRC/charts/duckdns" ghcr.io
  stop_daemon build-registry
  echo "$stamp" > "$HOMELAB_LAB/acme.stamp"
}

cert_manager_program() {
  local stamp dir=$HOMELAB_LAB/mod/cert-manager start=$SECONDS
  stamp="$CERT_MANAGER@$CERT_MANAGER_VERSION $(cat "$LAB_SRC"/acme/*.go | sha256sum)"
  (
    flock 9
    [ "$(cat "$LAB_BIN/.cert-manager.version" 2>/dev/null)" != "$stamp" ] || exit 0
    rm -rf "$dir"; mkdir -p "$dir"; cp "$LAB_SRC"/acme/*.go "$dir"; cd "$dir"
    export CGO_ENABLED=0 GOFLAGS='-buildvcs=false -mod=mod'
    python3 "$LAB_SRC/gomod.py" "$CERT_MANAGER" "$CERT_MANAGER_VERSION" "$CERT_MANAGER/pkg/logs"; rm tools.go
    go mod edit -module "$CERT_MANAGER/lab"   # below the library's own path: as its own programs, it may use all of it
    { go mod tidy -e; go build -trimpath -ldflags '-s -w' -o "$LAB_BIN/cert-manager.new" .; } \
      >"$LAB_LOG/build-cert-manager.log" 2>&1 </dev/null 9>&-
    mv "$LAB_BIN/cert-manager.new" "$LAB_BIN/cert-manager"
    echo "$stamp" > "$LAB_BIN/.cert-manager.version"
    say "built cert-manager $CERT_MANAGER_VERSION in $((SECONDS - start)) s"
  ) 9>"$HOMELAB_LAB/build.lock" || die "could not build cert-manager, see $LAB_LOG/build-cert-manager.log"
}

acme_images() { # one program by several names: the images have the same layer, and a node fetches it once
  local part
  for part in controller webhook cainjector startupapicheck; do
    acme_image "$part" "jetstack/cert-manager-$part:$CERT_MANAGER_VERSION" quay.io
  done
  acme_image duckdns "cobexer/cert-manager-webhook-duckdns:$SOLVER_VERSION" ghcr.io
}

acme_image() { # NAME OF THE PROGRAM, REPO:TAG, REGISTRY
  local name
  image_tree cert-manager
  cp "$LAB_BIN/cert-manager" "$IMAGES/cert-manager/usr/local/bin/"
  for name in controller webhook cainjector startupapicheck duckdns; do
    ln -s cert-manager "$IMAGES/cert-manager/usr/local/bin/$name"
  done
  image_kept cert-manager "$2" "/usr/local/bin/$1" 65534:65534 "$3"
}

cert_manager_chart() { # out of the module; its release gives it the version in just this way
  local dir=$HOMELAB_LAB/cert-manager.chart
  rm -rf "$dir"
  cp -r "$(module_dir "$CERT_MANAGER@$CERT_MANAGER_VERSION")/deploy/charts/cert-manager" "$dir"
  chmod -R u+w "$dir"; rm -rf "$dir/tests" "$dir/README.template.md"
  sed -i "s/^\(version\|appVersion\): v0.0.0/\1: $CERT_MANAGER_VERSION/" "$dir/Chart.yaml"
  chart_push jetstack/charts/cert-manager "$dir" quay.io
  rm -rf "$dir"
}

# --- on the internet --------------------------------------------------------------------------------------------

acme_up() {
  local ip
  mkdir -p "$A" "$LAB_RUN" "$LAB_LOG"
  net_up; inet_up
  for ip in "$AUTHORITY" "$DUCKDNS" "${RESOLVERS[@]}"; do inet_address "$ip"; done
  [ -s "$HOMELAB_LAB/duckdns_token" ] || (umask 077; cat /proc/sys/kernel/random/uuid > "$HOMELAB_LAB/duckdns_token")
  daemon_running duckdns || cp /dev/null "$LAB_LOG/duckdns.log"
  daemon hw-inet duckdns /usr/bin/python3 -u "$LAB_SRC/acme/duckdns_server.py" "$DUCKDNS" \
    "$(cat "$HOMELAB_LAB/duckdns_token")" "${DUCKDNS_NAMES[@]}"
  daemon hw-inet resolver dnsmasq -k --conf-file=/dev/null --no-hosts --no-resolv --no-poll --bind-interfaces \
    --user=root --pid-file= --log-queries --log-facility=- --local-ttl=1 --except-interface=lo \
    --listen-address="$(IFS=,; echo "${RESOLVERS[*]}")" --server="/duckdns.org/$DUCKDNS"
  authority_up pebble "$AUTHORITY"
}

authority_up() { # NAME ADDRESS
  [ -s "$A/$1.crt" ] || (authority_certificate "$1" "$2")
  cat > "$A/$1.json" <<J
{"pebble": {"listenAddress": "$2:443", "managementListenAddress": "$2:15000", "httpPort": 80,
 "certificate": "$A/$1.crt", "privateKey": "$A/$1.key", "tlsPort": 443, "ocspResponderURL": "",
 "externalAccountBindingRequired": false}}
J
  daemon hw-inet "$1" env PEBBLE_VA_NOSLEEP=1 pebble -strict -config "$A/$1.json" -dnsserver "${RESOLVERS[0]}:53"
  until_ok 10 ns hw-inet curl -sf -o /dev/null --cacert "$HOMELAB_LAB/acme_ca.crt" "https://$2/dir" ||
    die "no authority, see $LAB_LOG/$1.log"
}

authority_certificate() { # NAME ADDRESS: the address' certificate, and who signed it: what an authority of one's own would give one
  umask 077
  if [ ! -s "$HOMELAB_LAB/acme_ca.crt" ] || [ ! -s "$A/ca.key" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=lab ACME CA' \
      -keyout "$A/ca.key" -out "$A/ca.crt" 2>/dev/null
    rm -f "$A"/pebble*.crt   # what an older one has signed
    install -m 644 "$A/ca.crt" "$HOMELAB_LAB/acme_ca.crt"
  fi
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" -keyout "$A/$1.key" -out "$A/$1.csr" 2>/dev/null
  openssl x509 -req -in "$A/$1.csr" -CA "$A/ca.crt" -CAkey "$A/ca.key" -CAcreateserial -days 800 \
    -extfile <(echo "subjectAltName=IP:$2") -out "$A/$1.crt" 2>/dev/null
}

acme_down() {
  local n; for n in pebble pebble-other resolver duckdns; do stop_daemon "$n"; done
  inet_down
}

acme_cmd "$@"
