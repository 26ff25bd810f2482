# Turns Tailscale off on this node; it stays a member, and keeps all its settings.
# not kept: it is tailscaled's own setting, which ends with the membership
set -eu
timeout 30 tailscale down
