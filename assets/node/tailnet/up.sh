# Turns Tailscale on again where it was turned off; it keeps all its settings.
set -eu
systemctl enable --quiet --now tailscaled
tailscale up --timeout 30s
