# advertise.sh [ROUTE...]: offers exactly these routes to the tailnet.
set -eu
IFS=,
tailscale set --advertise-routes="$*"
