# Sends the requests of the proof from wherever it runs; needs curl and no rights. `main` reads "NONCE", then one probe a
# line: "ID ADDRESS PORT SCHEME HOST" (HOST "-": only connect). A line of output each: "@@ ID WORD STATUS NONCE? TEXT".
# A tool that does not work is named; it is never mistaken for a "no".
LC_ALL=C
export LC_ALL

probe() { # ID ADDRESS PORT SCHEME HOST
  body="$work/$1.body" talk="$work/$1.talk"
  url="$4://$5:$3/"
  [ "$5" != - ] || url="https://$2:$3/"
  status=$(curl -q -sS -v -k -o "$body" -w '%{http_code}' --noproxy '*' --connect-timeout 4 --max-time 10 \
    --max-filesize 100000 --connect-to "::$2:$3" "$url" 2>"$talk" </dev/null)
  code=$?
  case $code in
    0) word=http ;;
    7) word=refused ;;
    28) word=timeout ;;
    35 | 60) word=tls ;;
    52 | 56) word=connected ;;
    *) word="curl-error-$code" ;;
  esac
  if grep -qE '^\* (Connected|Established connection) to' "$talk"; then
    [ "$word" != timeout ] || word=connected
    [ "$5" != - ] || word=connected
  elif grep -qE 'No route to host|Network is unreachable' "$talk"; then
    word=no-route
  elif grep -qE 'Operation not permitted|Permission denied' "$talk"; then
    word=forbidden-here
  fi
  said=no
  ! grep -qF "$nonce" "$body" 2>/dev/null || said=yes
  if [ "$code" = 0 ]; then text=$(head -c 100 "$body" 2>/dev/null); else text=$(grep '^curl: ' "$talk"); fi
  echo "@@ $1 $word ${status:-000} $said $(printf %s "$text" | head -n 1 | tr -cd '[:print:]')"
}

main() {
  command -v curl >/dev/null 2>&1 || { echo '@@ tool no-curl'; return; }
  work=$(mktemp -d) || return
  trap 'rm -rf "$work"' EXIT
  read -r nonce
  while read -r id address port scheme host; do
    probe "$id" "$address" "$port" "$scheme" "$host" &
  done
  wait
}
