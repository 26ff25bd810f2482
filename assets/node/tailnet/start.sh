# Starts Tailscale's daemon, and lets it start at every boot. When it does not stay up, its last words are printed.
set -u
. keep.sh
keep_units tailscaled.service
systemctl enable --quiet tailscaled
systemctl reset-failed tailscaled
systemctl start tailscaled
tries=0
until tailscale status --json 2>/dev/null | grep -q BackendState; do # it may start and end again: no TUN device
  tries=$((tries + 1))
  if [ "$tries" -ge 20 ]; then
    journalctl -u tailscaled -n 60 -o cat --no-pager
    exit 70
  fi
  sleep 0.5
done
