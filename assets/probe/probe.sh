# Sends the requests of the proof from wherever it runs; needs curl and no rights. `main` reads the word that this
# cluster is recognised by, then one probe a line: ID KIND ARGUMENTS…, see the functions. A line of output each:
# "@@ ID WORD STATUS WORD? FROM TEXT". A tool that does not work is named; it is never mistaken for a "no".
LC_ALL=C
export LC_ALL
proxy= # HOST:PORT of a SOCKS proxy, set after this where there is one: everything that curl asks then goes through it
pi= inside= # a Pi's address and the private one, set after this where the way must be the home network: see at_home
card=

fetch() {
  if [ -n "$proxy" ]; then
    curl -q -sS --noproxy '' --proxy "socks5h://$proxy" --connect-timeout 9 --max-time 15 "$@"
  elif [ -n "$card" ]; then
    curl -q -sS --noproxy '*' --interface "$card" --connect-timeout 4 --max-time 10 "$@"
  else
    curl -q -sS --noproxy '*' --connect-timeout 4 --max-time 10 "$@"
  fi
}

at_home() { # a VPN on this machine may lead to the cluster's addresses; the card that leads to the Pis goes by home
  [ -n "$pi" ] || return 0
  card=$(way "$pi")
  case $card in "$(way "$inside")" | lo | lo0) card= ;; esac # lo: this machine is that Pi
}

way() { # ADDRESS: the card that leads there
  if command -v ip >/dev/null 2>&1; then
    ip -4 route get "$1" 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p'
  elif command -v route >/dev/null 2>&1; then # macOS
    route -n get "$1" 2>/dev/null | sed -n 's/^ *interface: //p'
  fi
}

probe_http() { # ID ADDRESS PORT SCHEME HOST PATH: the app at HOST; unless it says the word itself, so must PATH there
  ask "$1" "$2" "$3" "$4://$5:$3/"
  if [ "$word$said" = httpno ] && [ "$6" != - ]; then
    first=$word first_status=$status first_text=$text
    ask "$1" "$2" "$3" "$4://$5:$3$6"
    word=$first status=$first_status text=$first_text
  fi
  tell "$1"
}

probe_redirect() { # ID ADDRESS PORT HOST: where http leads
  ask "$1" "$2" "$3" "http://$4:$3/"
  [ -z "$target" ] || text=$target
  tell "$1"
}

probe_connect() { # ID ADDRESS PORT: does anything take the connection?
  ask "$1" "$2" "$3" "https://$2:$3/"
  case $word in http | tls) word=connected ;; esac
  ! connected "$1" || word=connected
  tell "$1"
}

probe_cert() { # ID ADDRESS PORT HOST: the certificate that is shown for HOST, as PEM in one line, and whether it is trusted here
  ask "$1" "$2" "$3" "https://$4:$3/"
  if [ "$word" = http ]; then
    pem=$(fetch -k -o /dev/null -w '%{certs}' --connect-to "::$2:$3" "https://$4:$3/" 2>/dev/null </dev/null | first_pem)
    case $pem in -----BEGIN*) ;; *) pem=$(shown "$2:$3" "$4") ;; esac
    complaint=$(fetch -o /dev/null --connect-to "::$2:$3" "https://$4:$3/" 2>&1 </dev/null)
    code=$? text=$pem
    case $code in
      0) word=trusted ;;
      51 | 60) word=untrusted ;;
      *) word="curl-error-$code" text=$complaint ;; # whether it is trusted was not seen
    esac
    [ -n "$pem" ] || word=no-tool-for-certificates text=
  fi
  tell "$1"
}

shown() { # ADDRESS:PORT HOST: for a curl that is too old to show certificates
  [ -z "$proxy" ] || return 0
  command -v openssl >/dev/null 2>&1 || return 0
  openssl s_client -connect "$1" -servername "$2" </dev/null 2>/dev/null | first_pem
}

first_pem() {
  sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/{p;/-----END/q;}' | tr '\n' '|'
}

probe_name() { # ID NAME SERVER: the addresses of NAME, as this machine finds them, or (SERVER not "-") as that server says
  status=000 said=no
  if [ "$3" = - ]; then
    if command -v getent >/dev/null 2>&1; then
      text=$(timed getent ahostsv4 "$2" | cut -d' ' -f1)
    elif command -v dscacheutil >/dev/null 2>&1; then # macOS
      text=$(timed dscacheutil -q host -a name "$2" | sed -n 's/^ip_address: //p')
    else
      word=no-tool-for-names text=
      tell "$1"
      return
    fi
    word=nothing
  else
    said_there=$(lookup "$2" "$3")
    case $? in 9) word=silent ;; 8) word=no-tool-for-names ;; *) word=nothing ;; esac
    text=$said_there
  fi
  text=$(printf '%s\n' "$text" | grep -E '^[0-9]+(\.[0-9]+){3}$' | sort -u | tr '\n' ' ')
  [ -z "$text" ] || word=answers
  tell "$1"
}

timed() { # a resolver that nobody answers keeps trying for long
  if command -v timeout >/dev/null 2>&1; then timeout 12 "$@" 2>/dev/null; else "$@" 2>/dev/null; fi
}

lookup() { # NAME SERVER: addresses, a line each; 9: the server is silent, 8: there is no tool here to ask it with
  if command -v dig >/dev/null 2>&1; then
    dig +short +time=3 +tries=2 A "$1" "@$2" 2>/dev/null || return 9
  elif command -v python3 >/dev/null 2>&1; then
    python3 - "$1" "$2" <<'P'
import secrets, socket, struct, sys
name, server = sys.argv[1:]
ident = secrets.token_bytes(2)
labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
query = ident + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + labels + struct.pack("!2H", 1, 1)
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(3)
for _ in range(2):
    try:
        sock.sendto(query, (server, 53))
        answer = sock.recv(2048)
    except OSError:
        continue
    if answer[:2] == ident:
        break
else:
    sys.exit(9)
at = 12 + len(labels) + 4
for _ in range(struct.unpack("!H", answer[6:8])[0]):
    while answer[at] and answer[at] < 192:
        at += answer[at] + 1
    at += 2 if answer[at] else 1
    kind, _, _, size = struct.unpack("!2HIH", answer[at:at + 10])
    at += 10 + size
    if kind == 1:
        print(socket.inet_ntoa(answer[at - size:at]))
P
  elif command -v nslookup >/dev/null 2>&1; then
    found=$(nslookup -timeout=3 "$1" "$2" 2>&1) || case $found in *"timed out"* | *"no servers"*) return 9 ;; esac
    printf '%s\n' "$found" | sed '1,/^Name:/d' | sed -n 's/^Address[^:]*: *//p'
  else
    return 8
  fi
}

ask() { # ID ADDRESS PORT URL: sets word, status, said (the cluster's word or not), from, text, target
  body="$work/$1.body" talk="$work/$1.talk"
  out=$(fetch -v -k -o "$body" -w '%{http_code} %{local_ip} %{redirect_url}' --max-filesize 100000 \
    --connect-to "::$2:$3" "$4" 2>"$talk" </dev/null)
  code=$?
  status=${out%% *} target=${out#* }
  from=${target%% *} target=${target#* }
  case $code in
    0 | 63) word=http ;; # 63: its page is too big to be read, but it is there
    7) word=refused ;;
    28) word=timeout ;;
    35 | 60) word=tls ;;
    1 | 8 | 16 | 18 | 52 | 55 | 56 | 92) word=connected ;; # something talks there, if not HTTP
    *) word="curl-error-$code" ;;
  esac
  [ -z "$proxy" ] || by_proxy "$1"
  if connected "$1"; then
    [ "$word" != timeout ] || word=connected
  elif grep -qE 'No route to host|Network is unreachable' "$talk"; then
    word=no-route
  elif grep -qE 'Operation not permitted|Permission denied' "$talk"; then
    word=forbidden-here
  fi
  said=no
  ! grep -qF "$known" "$body" 2>/dev/null || said=yes
  if [ "$word" = http ]; then text=$(head -c 100 "$body" 2>/dev/null); else text=$(grep '^curl: ' "$talk"); fi
}

by_proxy() { # ID: what the proxy could not reach is told by its own number (RFC 1928), in curl's words
  case $(sed -n 's/.*complete SOCKS5 connection.*(\([0-9]*\)).*/\1/p' "$work/$1.talk" | head -n 1) in
    1 | 5) word=refused ;;
    3 | 4) word=no-route ;;
    6) word=timeout ;;
    '') [ "$word" != refused ] && grep -q 'SOCKS5' "$work/$1.talk" || word=proxy-does-not-answer ;;
    *) word=proxy-refuses ;;
  esac
}

connected() {
  if [ -n "$proxy" ]; then
    grep -qE '^\* SOCKS5 request granted' "$work/$1.talk"
  else
    grep -qE '^\* (Connected|Established connection) to' "$work/$1.talk"
  fi
}

tell() { echo "@@ $1 $word ${status:-000} $said ${from:--} $(printf %s "$text" | head -n 1 | tr -cd '[:print:]')"; }

tailnet() { # how this machine stands in its tailnet, if it has one
  command -v tailscale >/dev/null 2>&1 || return 0
  timed tailscale status --json | tr -d '\n' | sed 's/^/@@ tailnet /'
  echo
}

main() {
  command -v curl >/dev/null 2>&1 || { echo '@@ tool no-curl'; return; }
  work=$(mktemp -d) || return
  trap 'rm -rf "$work"' EXIT
  read -r known
  at_home
  tailnet
  while read -r id kind arguments; do
    # shellcheck disable=SC2086 # each is a word of its own
    "probe_$kind" "$id" $arguments &
  done
  wait
}
