# advertise.sh ROUTES: offers exactly these routes, divided by commas, to the tailnet; none when empty.
set -eu
tailscale set --advertise-routes="$1"
