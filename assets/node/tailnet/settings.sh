# Gives this node its own resolver and its own way to the home network back.
set -eu
tailscale set --accept-dns=false --accept-routes=false
