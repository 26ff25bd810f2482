#!/bin/bash
# tailnet.sh - the world outside the home: an internet with headscale, the router's side of it, an outsider, a laptop.
#   lab tailnet up | down       up: everything runs, the laptop is on the tailnet, headscale_api_key is written
#                               (down leaves the internet up while 'lab acme' needs it)
#   lab tailnet key             a fresh reusable key for nodes (tag:homelab) into $HOMELAB_LAB/headscale_auth_key
#   lab tailnet api METHOD PATH [JSON]   headscale's API; PATH as in /node
#   lab tailnet laptop|outside CMD...    run CMD there        lab tailnet hs ARGS...   headscale's own command line
#   lab tailnet exit up|home|down  an exit node where the outsider is, and a second tailscaled on the workstation that leaves by it,
#                               with a SOCKS proxy at 127.0.0.1:1055: the commands of docs/proof.md ('home' switches the exit node off)
#   lab tailnet split none|SERVER   whom the tailnet asks for lab-home-internal.duckdns.org; headscale starts anew for it
#   lab tailnet status          who is on the tailnet
#   lab tailnet repository      build the programs and the apt repository (up does it as well)
#   lab tailnet base FOLDER     what the nodes' file system needs before anything is installed (base.sh calls it)
#
# tailscaled asks public servers when it can't reach its own. Therefore: no namespace it runs in has a default route, its
# login server is an address and no name, logging is off before it first starts, and it stops before headscale does.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"
. "$LAB_SRC/tools.sh"
. "$LAB_SRC/net.sh"
. "$LAB_SRC/inet.sh"
. "$LAB_SRC/debs.sh"
. "$LAB_SRC/nodes.sh"
. "$LAB_SRC/tailscale_deb.sh"
. "$LAB_SRC/git.sh"          # its OpenSSH

LOGIN_SERVER=https://$HEADSCALE
SPLIT_DOMAIN=internal.home.lab.test SPLIT_DNS=$LAB_NET.203
ASKED=$SPLIT_DNS                      # for the tests' own private domain

T=$HOMELAB_LAB/tailnet                # gone after 'down'
SOCKET=/run/tailscale/tailscaled.sock # in the laptop's own /run
export TS_NO_LOGS_NO_SUPPORT=true

tailnet_cmd() {
  local word=${1:-}; [ $# = 0 ] || shift
  case $word in
    up) tailnet_up ;;
    down) tailnet_down ;;
    key) tailnet_key ;;
    api) api "$@" ;;
    hs) hs "$@" ;;
    laptop) in_host laptop "$@" ;;
    outside) in_host out "$@" ;;
    exit) case ${1:-} in up) exit_up ;; home) outside_tailscale set --exit-node= --accept-routes ;; down) exit_down ;; esac ;;
    split) tailnet_split "$1" ;;
    status) api GET /node | jq -r '.nodes[] | [.givenName, .ipAddresses[0], if .online then "online" else "offline" end,
      "advertised=" + (.availableRoutes|join(",")), "serving=" + (.subnetRoutes|join(","))] | join("  ")' ;;
    repository) tailnet_build; tailscale_repository ;;
    base) tailnet_base "$1" ;;
    *) sed -n '2,14p' "$0"; exit 1 ;;
  esac
}

tailnet_up() {
  daemon_running headscale || tailnet_down   # a half of it, or what a machine that lost its power left
  mkdir -p "$LAB_RUN" "$LAB_LOG" "$T"; chmod 700 "$T"
  tailnet_build
  tailscale_repository
  certificate
  sshd_program >/dev/null
  net_up
  inet_up
  headscale_up
  probe_up out "$OUTSIDE"
  probe_up laptop "$LAPTOP"
  known_probes
  laptop_join
}

tailnet_down() {
  local i
  exit_down
  stop_daemon laptop-tailscaled
  for i in $(nodes); do
    ! node_init_pid "$i" >/dev/null || (node_exec "$i" systemctl stop tailscaled) 2>/dev/null || :
    ! (node_exec "$i" pgrep -x tailscaled) >/dev/null 2>&1 || die "tailscaled still runs on pi$i: headscale stays up"
  done
  stop_daemon headscale
  stop_daemon laptop-sshd; stop_daemon out-sshd
  inet_down
  rm -rf --one-file-system "$T" "$HOMELAB_LAB/headscale_api_key" "$HOMELAB_LAB/headscale_auth_key"
}

# --- headscale --------------------------------------------------------------------------------------------------

headscale_up() {
  ! daemon_running headscale || return 0
  headscale_start
  # tags are given by keys that the administrator makes; everyone may talk to everyone
  echo '{"tagOwners": {"tag:homelab": ["home@"]}, "acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}' > "$T/policy.json"
  hs users create home >/dev/null
  hs policy set -f "$T/policy.json" >/dev/null
  (umask 077; hs -o json apikeys create --expiration 8760h | jq -er . > "$HOMELAB_LAB/headscale_api_key")
  tailnet_key >/dev/null
}

headscale_start() {
  headscale_config > "$T/config.yaml"
  daemon hw-inet headscale "$LAB_BIN/headscale" -c "$T/config.yaml" serve
  until_ok 20 api_health || die "no headscale, see $LAB_LOG/headscale.log"
}

tailnet_split() {
  ASKED=$1
  stop_daemon headscale
  headscale_start
}

headscale_config() {
  local tls=$HOMELAB_LAB/headscale-tls split=
  [ "$ASKED" = none ] || split=", lab-home-internal.duckdns.org: [$ASKED]"
  cat <<Y
server_url: $LOGIN_SERVER
listen_addr: $HEADSCALE:443
metrics_listen_addr: 127.0.0.1:9090
grpc_listen_addr: 127.0.0.1:50443
tls_cert_path: $tls/server.crt
tls_key_path: $tls/server.key
noise: {private_key_path: $T/noise.key}
prefixes: {v4: 100.64.0.0/10, v6: "fd7a:115c:a1e0::/48", allocation: sequential}
derp:
  server:
    enabled: true
    region_id: 999
    region_code: lab
    region_name: Lab
    verify_clients: true
    stun_listen_addr: "$HEADSCALE:3478"
    private_key_path: $T/derp.key
    automatically_add_embedded_derp_region: true
    ipv4: $HEADSCALE
  urls: []                      # Tailscale's own relays are never asked for
  paths: []
  auto_update_enabled: false
disable_check_updates: true
node: {expiry: 0, ephemeral: {inactivity_timeout: 2m}}
database: {type: sqlite, sqlite: {path: $T/db.sqlite, write_ahead_log: true}}
log: {level: info, format: text}
policy: {mode: database}
dns:
  magic_dns: true
  base_domain: ts.lab.test
  override_local_dns: false
  nameservers: {global: [], split: {$SPLIT_DOMAIN: [$SPLIT_DNS]$split}}
  search_domains: []
  extra_records: []
unix_socket: $T/headscale.sock
unix_socket_permission: "0700"
logtail: {enabled: false}
Y
}

hs() { ns hw-inet "$LAB_BIN/headscale" -c "$T/config.yaml" "$@"; }
api_health() { ns hw-inet curl -sf -o /dev/null --cacert "$CA" "$LOGIN_SERVER/health"; }
api() { # the key comes by a file descriptor: a command line is for everyone to read
  ns hw-inet curl -sS -m 10 --cacert "$CA" -K <(printf 'header = "Authorization: Bearer %s"\n' "$(cat "$HOMELAB_LAB/headscale_api_key")") \
    -X "$1" ${3:+--json "$3"} "$LOGIN_SERVER/api/v1$2"
}

tailnet_key() {
  (umask 077; hs -o json preauthkeys create --tags tag:homelab --reusable --expiration 24h |
    jq -er .key > "$HOMELAB_LAB/headscale_auth_key.new")
  mv "$HOMELAB_LAB/headscale_auth_key.new" "$HOMELAB_LAB/headscale_auth_key"
  echo "$HOMELAB_LAB/headscale_auth_key"
}

# --- outsider and laptop: namespaces with an sshd and an /etc of their own --------------------------------------

probe_up() { # NAME ADDRESS
  ! daemon_running "$1-sshd" || return 0
  local d=$T/$1 key=$HOMELAB_LAB/probe_${1}_host_key
  rm -rf "$d"; mkdir -p "$d"/{etc,work}
  [ -f "$key" ] || ssh-keygen -q -t ed25519 -N '' -C "lab-$1" -f "$key"
  cat > "$d/sshd_config" <<C
ListenAddress $2:22
HostKey $key
AllowUsers root
AuthorizedKeysFile $LAB_KEY.pub
AuthenticationMethods publickey
SetEnv PATH=$LAB_BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
UseDNS no
PidFile none
C
  # shellcheck disable=SC2016  # expanded by the inner shell
  LD_LIBRARY_PATH=$(sshd_libraries) daemon "hw-$1" "$1-sshd" unshare -m -u --propagation private sh -ec '
    hostname "$1"
    mount -t overlay etc -o "lowerdir=/etc,upperdir=$0/etc,workdir=$0/work" /etc
    echo nameserver 198.18.64.53 > /etc/resolv.conf   # a public one, there once acme.sh is up
    echo "127.0.0.1 localhost $1" > /etc/hosts
    cat "$2" >> /etc/ssl/certs/ca-certificates.crt
    grep -q ^sshd: /etc/passwd || echo sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin >> /etc/passwd
    mount -t tmpfs -o mode=755 run /run; mkdir /run/sshd /run/tailscale
    mount -t tmpfs -o mode=700 root /root
    exec "$3" -D -e -f "$0/sshd_config"' "$d" "$1" "$CA" "$(sshd_program)"
  until_ok 5 ns "hw-$1" bash -c "exec 3<>/dev/tcp/$2/22" 2>/dev/null || die "no SSH on $1, see $LAB_LOG/$1-sshd.log"
}

in_host() { # NAME CMD...: with that host's network and files
  local pid name=$1; shift
  read -r pid _ < "$LAB_RUN/$name-sshd.pid" || die "'lab tailnet up' first"
  nsenter -t "$pid" -m -u -n -- env PATH="$LAB_BIN:$PATH" "$@"
}

known_probes() {
  local k; k() { cut -d' ' -f1,2 "$HOMELAB_LAB/probe_$1_host_key.pub"; }
  printf '%s\n' "$OUTSIDE $(k out)" "$LAPTOP $(k laptop)" > "$HOMELAB_LAB/probe_known_hosts"
}

laptop_join() {
  local pid
  ! daemon_running laptop-tailscaled || return 0
  [ -z "$(ip -n hw-laptop route show default)" ] || die "hw-laptop has a default route"
  read -r pid _ < "$LAB_RUN/laptop-sshd.pid"
  mkdir -p "$T/laptop/state"
  daemon hw-laptop laptop-tailscaled nsenter -t "$pid" -m -u -- \
    "$LAB_BIN/tailscaled" --statedir="$T/laptop/state" --socket=$SOCKET --port=41641 --no-logs-no-support
  until_ok 10 in_host laptop test -S $SOCKET || die "no tailscaled on the laptop, see $LAB_LOG/laptop-tailscaled.log"
  member_key
  in_host laptop tailscale up --login-server "$LOGIN_SERVER" --auth-key "file:$T/member.key" \
    --accept-routes --accept-dns --hostname laptop --timeout 30s
  rm -f "$T/member.key"
}

exit_up() {
  local pid
  [ -z "$(ip -n hw-out route show default; ip -n hw-ws route show default)" ] || die "hw-out or hw-ws has a default route"
  read -r pid _ < "$LAB_RUN/out-sshd.pid"
  daemon hw-out out-tailscaled nsenter -t "$pid" -m -u -- \
    "$LAB_BIN/tailscaled" --tun=userspace-networking --state=mem: --socket=$SOCKET --port=0 --no-logs-no-support
  until_ok 10 in_host out test -S $SOCKET || die "no tailscaled outside, see $LAB_LOG/out-tailscaled.log"
  member_key
  in_host out tailscale up --login-server "$LOGIN_SERVER" --auth-key "file:$T/member.key" --advertise-exit-node \
    --hostname elsewhere --timeout 30s
  hs nodes approve-routes -i "$(named elsewhere)" -r 0.0.0.0/0,::/0 >/dev/null
  member_key
  daemon hw-ws ws-tailscaled env SSL_CERT_FILE="$CA" "$LAB_BIN/tailscaled" --tun=userspace-networking \
    --socks5-server=127.0.0.1:1055 --state=mem: --port=0 --socket="$T/outside.sock"
  until_ok 10 test -S "$T/outside.sock" || die "no tailscaled on the workstation, see $LAB_LOG/ws-tailscaled.log"
  outside_tailscale up --accept-routes=false --login-server="$LOGIN_SERVER" --auth-key="file:$T/member.key" \
    --hostname aside --timeout 30s
  outside_tailscale set --exit-node=elsewhere
  rm -f "$T/member.key"
}

exit_down() {
  local id
  stop_daemon ws-tailscaled
  stop_daemon out-tailscaled
  ! daemon_running headscale || for id in $(named elsewhere) $(named aside); do
    hs nodes delete -i "$id" --force >/dev/null   # Tailscale forgets them by itself, headscale only with a key for it
  done
}

named() { hs -o json nodes list | jq -r --arg name "$1" '.[] | select(.given_name == $name).id'; } # NAME: its id there

outside_tailscale() { ns hw-ws "$LAB_BIN/tailscale" --socket="$T/outside.sock" "$@"; }
member_key() { (umask 077; hs -o json preauthkeys create --user 1 --expiration 1h | jq -er .key > "$T/member.key"); }

tailnet_cmd "$@"
