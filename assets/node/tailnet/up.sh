# Turns Tailscale on again where it was turned off. Without a single flag: then it keeps all its settings.
set -eu
systemctl enable --quiet --now tailscaled
timeout 40 tailscale up
