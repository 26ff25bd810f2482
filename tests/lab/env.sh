# shellcheck shell=bash
# env.sh - what every part of the lab shares: names, addresses, small helpers.  Source it, don't run it.
set -euo pipefail

# shellcheck disable=SC2034
LAB_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
HOMELAB_LAB=${HOMELAB_LAB:-/var/lib/homelab-lab}
export HOMELAB_LAB

# shellcheck disable=SC2034  # the files that source this one use them
{
  LAB_BIN=$HOMELAB_LAB/bin           # everything built by tools.sh
  LAB_RUN=$HOMELAB_LAB/run           # pid files of programs the lab started
  LAB_LOG=$HOMELAB_LAB/log
  LAB_WWW=$HOMELAB_LAB/www           # http://198.18.0.1:8000/
  LAB_GIT=$HOMELAB_LAB/www-git       # http://198.18.0.1:8000/git/NAME, read only
  LAB_KEY=$HOMELAB_LAB/id_ed25519    # authorised for user pi on every node

  LAB_RANGE=198.18.0.0/15            # reserved for benchmarks: nothing real answers there
  LAB_NET=198.18.0                   # the home LAN, /24
  LAB_GW=198.18.0.1                  # router and mirror
  LAB_WS=198.18.0.5                  # workstation
  LAB_REGISTRY=$LAB_GW:5000
  LAB_HTTP=http://$LAB_GW:8000
  LAB_BRIDGE=hwbr0

  KUBE_VERSION=v1.36.4
  KUBE_MINOR=v1.36
}

say() { printf 'lab: %s\n' "$*"; }
die() { printf 'lab: %s\n' "$*" >&2; exit 1; }

node_ip() { echo "$LAB_NET.$((10 + $1))"; }

# ns NAME CMD...: run CMD in a network namespace; user, directory and environment stay as they are
ns() {
  local name=$1; shift
  [ -e "/run/netns/$name" ] || die "no namespace $name: run 'lab up N' first"
  nsenter --net="/run/netns/$name" -- "$@"
}

# until_ok SECONDS CMD...: try CMD until it succeeds, or fail after SECONDS
until_ok() {
  local end=$((SECONDS + $1)); shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}

# daemon NETNS NAME CMD...: start CMD in a namespace, its pid in $LAB_RUN/NAME.pid, its output in $LAB_LOG/NAME.log.
# It inherits no open file: a lock that the caller holds (flock FILE lab ...) would be held for as long as it runs.
# Beside the pid we keep the process' start time, so that stop_daemon never meets a stranger with a reused pid.
daemon() {
  local netns=$1 name=$2; shift 2
  daemon_running "$name" && return
  local enter=(nsenter --net="/run/netns/$netns" --)
  [ "$netns" != host ] || enter=()   # for programs on loopback while building
  mkdir -p "$LAB_RUN" "$LAB_LOG"; rm -f "$LAB_RUN/$name.pid"
  # shellcheck disable=SC2016  # expanded by the inner shell, whose pid survives exec
  setsid "${enter[@]}" sh -c 'echo "$$ $(cut -d" " -f22 "/proc/$$/stat")" > "$0"; exec "$@"' "$LAB_RUN/$name.pid" "$@" \
    </dev/null >>"$LAB_LOG/$name.log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  disown
  until_ok 5 test -s "$LAB_RUN/$name.pid" || die "$name did not start, see $LAB_LOG/$name.log"
}

daemon_running() {
  local pid started
  read -r pid started 2>/dev/null < "$LAB_RUN/$1.pid" || return 1
  [ "$(cut -d' ' -f22 "/proc/$pid/stat" 2>/dev/null)" = "$started" ] &&
    grep -q '^State:[[:space:]][^Z]' "/proc/$pid/status" 2>/dev/null
}

stop_daemon() {
  local pid
  if daemon_running "$1"; then
    read -r pid _ < "$LAB_RUN/$1.pid"
    kill "$pid"
    until_ok 5 not daemon_running "$1" || kill -9 "$pid" 2>/dev/null || :
  fi
  rm -f "$LAB_RUN/$1.pid"
}

not() { ! "$@"; }
