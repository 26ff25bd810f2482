# Turns Tailscale on again where it was turned off. Without a single flag: then it keeps all its settings.
set -eu
. keep.sh
keep_units tailscaled.service
systemctl enable --quiet --now tailscaled
timeout 40 tailscale up
