# Leaves the tailnet: this node's key is no longer worth anything. Where the login server can't be reached, it leaves all
# the same, since its packages and what they stored go next; its entry in the tailnet's list of devices then stays.
set -eu
systemctl start tailscaled || :
timeout -k 5 40 tailscale logout </dev/null 2>&1 || {
  echo "the login server did not hear of it"
  systemctl stop tailscaled
  rm -f /var/lib/tailscale/tailscaled.state
}
