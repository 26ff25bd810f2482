# Prints why a control plane may not be answering: what of it does not run, and kubelet's last error.
running=$(crictl -r unix:///run/containerd/containerd.sock ps -o json 2>/dev/null)
for name in etcd kube-apiserver; do
  echo "$running" | grep -q "\"name\": \"$name\"" || echo "$name is not running."
done
for unit in containerd kubelet; do
  systemctl -q is-active "$unit" || echo "$unit is $(systemctl is-active "$unit")."
done
journalctl -u kubelet -n 200 -o cat --no-pager 2>/dev/null | grep '^E' | tail -n 1 | cut -c1-300
exit 0
