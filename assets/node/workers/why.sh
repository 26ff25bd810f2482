# Prints the last errors of kubelet.
journalctl -u kubelet -n 300 -o cat --no-pager 2>/dev/null | grep '^E' | tail -n 3
systemctl is-active kubelet containerd | paste -sd' ' | sed 's/^/kubelet and containerd: /'
exit 0
