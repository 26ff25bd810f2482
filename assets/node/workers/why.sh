# Prints the last errors of kubelet, and whether it runs at all.
for unit in containerd kubelet; do
  systemctl -q is-active "$unit" || echo "$unit is $(systemctl is-active "$unit")."
done
journalctl -u kubelet -n 300 -o cat --no-pager 2>/dev/null | grep '^E' | tail -n 2 | cut -c1-300
exit 0
