# Gives this node its own resolver and its own way to the home network back.
# not kept: it is tailscaled's own setting, which ends with the membership
set -eu
tailscale set --accept-dns=false --accept-routes=false
