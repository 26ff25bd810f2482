# join.sh LOGIN_SERVER HOSTNAME TAGS [again]: joins the tailnet with the key on stdin; TAGS may be empty. With `again`, a
# registration that this node still believes in is given up for it.
# The key is in a file of root's for as long as it takes, never on a command line. --reset: exactly these settings,
# whatever an earlier attempt left. When it fails, what tailscaled says about its health follows.
# not kept: the key is in memory, and gone when this ends; the unit is kept
set -u
. keep.sh
keep_units tailscaled.service
umask 077
key=$(mktemp /run/homelab-key.XXXXXX) || exit 1
trap 'rm -f "$key"' EXIT
cat >"$key"

systemctl enable --quiet tailscaled
systemctl start tailscaled
tries=0
until tailscale status --json 2>/dev/null | grep -q BackendState; do # the daemon may start and end again: no TUN device
  tries=$((tries + 1))
  if [ "$tries" -ge 30 ]; then
    journalctl -u tailscaled -n 60 -o cat --no-pager
    exit 70
  fi
  sleep 0.5
done

code=0 # accept-dns and accept-routes stay off: this node keeps its own resolver and its own way to the home network
tailscale up --reset --login-server "$1" --hostname "$2" ${3:+--advertise-tags="$3"} ${4:+--force-reauth} \
  --accept-dns=false --accept-routes=false --auth-key "file:$key" --timeout 30s 2>&1 || code=$?
rm -f "$key"
[ "$code" = 0 ] || tailscale status --json | sed -n '/"Health"/,/\]/p'
exit "$code"
