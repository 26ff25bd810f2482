#!/bin/bash
# forge.sh - a real Gitea on the router's address: its API over HTTPS, its own git server over SSH.
#   lab forge build             build Gitea (about nine minutes, once)
#   lab forge up | down         start with nothing in it but the user 'me' and the organization 'club'; stop, forget all
#   lab forge token SCOPES      print a new token of 'me' with these scopes: write:repository,write:user
#   lab forge api METHOD PATH [JSON]   as the administrator; PATH as in /repos/me/homelab
#   lab forge log               what it logged
# https://198.18.0.1:3000 (signed by $HOMELAB_LAB/forge_ca.crt), ssh://git@198.18.0.1:2223/OWNER/NAME.git
# Gitea runs as an ordinary user that the machine does not have; it asks nobody outside ([server] OFFLINE_MODE).

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"
. "$LAB_SRC/tools.sh"

FORGE=$HOMELAB_LAB/forge              # gone after 'down'
FORGE_STATIC=$HOMELAB_LAB/forge-static   # templates and texts out of its module
FORGE_CA=$HOMELAB_LAB/forge_ca.crt
FORGE_URL=https://$LAB_GW:3000
FORGE_UID=61023                       # free on Debian
FORGE_ADMIN=boss:lab-only-password    # nothing to protect: the lab has no way out

forge_cmd() {
  local word=${1:-}; [ $# = 0 ] || shift
  case $word in
    build) forge_build ;;
    up) forge_up ;;
    down) stop_daemon gitea; rm -rf --one-file-system "$FORGE" ;;
    token) forge_token "$1" ;;
    api) forge_api "$@" ;;
    log) cat "$LAB_LOG/gitea.log" ;;
    *) sed -n '2,9p' "$0"; exit 1 ;;
  esac
}

forge_build() {
  mkdir -p "$LAB_LOG" "$LAB_BIN"
  build_tools "$LAB_SRC/tools-forge.tsv"
  local from; from=$(cd "$HOMELAB_LAB/mod/gitea" && go list -mod=mod -m -f '{{.Dir}}' code.gitea.io/gitea)
  [ -d "$FORGE_STATIC/templates" ] || {
    rm -rf "$FORGE_STATIC.new"; mkdir -p "$FORGE_STATIC.new"
    cp -r --no-preserve=mode "$from"/{templates,options,public} "$FORGE_STATIC.new"
    mv "$FORGE_STATIC.new" "$FORGE_STATIC"
  }
}

forge_up() {
  ! daemon_running gitea || return 0
  { [ -x "$LAB_BIN/gitea" ] && [ -d "$FORGE_STATIC" ]; } || die "'lab forge build' first"
  rm -rf --one-file-system "$FORGE"; mkdir -p "$FORGE/ssh"; chmod 755 "$FORGE"
  certificate
  ssh-keygen -q -t ed25519 -N '' -f "$FORGE/ssh/ed25519"
  forge_config > "$FORGE/app.ini"
  chown -R "$FORGE_UID:$FORGE_UID" "$FORGE"
  daemon hw-lan gitea "${AS_GIT[@]}" "$LAB_BIN/gitea" web --config "$FORGE/app.ini"
  until_ok 60 ns hw-lan curl -sf -o /dev/null --cacert "$FORGE_CA" "$FORGE_URL/api/healthz" ||
    die "no Gitea on $FORGE_URL, see $LAB_LOG/gitea.log"
  gitea admin user create --admin --username "${FORGE_ADMIN%%:*}" --password "${FORGE_ADMIN#*:}" \
    --email boss@home.lab.test --must-change-password=false >/dev/null
  gitea admin user create --username me --random-password --email me@home.lab.test --must-change-password=false >/dev/null
  forge_api POST /admin/users/me/orgs '{"username": "club"}' >/dev/null
}

AS_GIT=(setpriv --reuid "$FORGE_UID" --regid "$FORGE_UID" --clear-groups
  env -i "PATH=$PATH" "HOME=$FORGE" USER=git "GITEA_WORK_DIR=$FORGE")

gitea() { # its command line; what it logs goes to the error channel
  (cd "$FORGE" && ns hw-lan "${AS_GIT[@]}" "$LAB_BIN/gitea" "$@" --config "$FORGE/app.ini")
}

forge_token() { # what it logs is in the way
  gitea admin user generate-access-token --username me --token-name "$(date +%s.%N)" --scopes "$1" --raw | grep -xE '[0-9a-f]{40}'
}

forge_api() { # the password comes by a file descriptor: a command line is for everyone to read
  ns hw-lan curl -sSf -m 20 --cacert "$FORGE_CA" -K <(printf 'user = "%s"\n' "$FORGE_ADMIN") \
    -X "$1" ${3:+--json "$3"} "$FORGE_URL/api/v1$2"
}

certificate() { # the CA stays once made, so that whoever trusts it goes on
  local key=$HOMELAB_LAB/forge_ca.key
  [ -f "$FORGE_CA" ] || (umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj '/CN=lab forge CA' -keyout "$key" -out "$FORGE_CA" 2>/dev/null && chmod 644 "$FORGE_CA")
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=lab forge' \
    -keyout "$FORGE/tls.key" -out "$FORGE/tls.csr" 2>/dev/null
  openssl x509 -req -in "$FORGE/tls.csr" -CA "$FORGE_CA" -CAkey "$key" -days 365 -out "$FORGE/tls.crt" \
    -extfile <(echo "subjectAltName=IP:$LAB_GW") 2>/dev/null
}

forge_config() {
  cat <<I
APP_NAME = lab forge
RUN_USER = git
RUN_MODE = prod
[server]
PROTOCOL = https
CERT_FILE = $FORGE/tls.crt
KEY_FILE = $FORGE/tls.key
HTTP_ADDR = $LAB_GW
HTTP_PORT = 3000
DOMAIN = $LAB_GW
ROOT_URL = $FORGE_URL/
LOCAL_ROOT_URL = $FORGE_URL/
STATIC_ROOT_PATH = $FORGE_STATIC
APP_DATA_PATH = $FORGE/data
OFFLINE_MODE = true
START_SSH_SERVER = true
BUILTIN_SSH_SERVER_USER = git
SSH_DOMAIN = $LAB_GW
SSH_LISTEN_HOST = $LAB_GW
SSH_PORT = 2223
SSH_LISTEN_PORT = 2223
SSH_SERVER_HOST_KEYS = $FORGE/ssh/ed25519
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = $FORGE/data/gitea.db
[repository]
ROOT = $FORGE/repositories
[security]
INSTALL_LOCK = true
SECRET_KEY = lab-only
INTERNAL_TOKEN = $("$LAB_BIN/gitea" generate secret INTERNAL_TOKEN)
[service]
DISABLE_REGISTRATION = true
[session]
PROVIDER = memory
[cron]
ENABLED = false
[cron.update_checker]
ENABLED = false
[indexer]
ISSUE_INDEXER_TYPE = db
[log]
MODE = console
LEVEL = info
I
}

[ "${BASH_SOURCE[0]}" != "$0" ] || forge_cmd "$@"
