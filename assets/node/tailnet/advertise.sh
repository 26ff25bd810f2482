# advertise.sh [ROUTE...]: offers exactly these routes to the tailnet.
# not kept: it is tailscaled's own setting, which ends with the membership
set -eu
IFS=,
tailscale set --advertise-routes="$*"
