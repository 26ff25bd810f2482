# doctor/unit UNIT: starts one of the units that homelab installed, anew if it hangs; waits until it runs.
# not kept: nothing is changed that would have to be given back, a unit that was to run runs again
set -eu
case $1 in kubelet | containerd | tailscaled) ;; *) exit 2 ;; esac
systemctl reset-failed "$1" 2>/dev/null || true
systemctl restart "$1"
for _ in $(seq 30); do
  systemctl -q is-active "$1" && exit 0
  sleep 1
done
echo "error: $1 is $(systemctl is-active "$1"). $(journalctl -u "$1" -n 1 -o cat --no-pager | cut -c1-300)"
exit 1
