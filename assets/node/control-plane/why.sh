# Prints why a control plane may not be answering: containers that ended, and kubelet's last errors.
crictl -r unix:///run/containerd/containerd.sock ps -a --state exited -o json 2>/dev/null |
  sed -n 's/.*"name": "\(etcd\|kube-[a-z-]*\)".*/container \1 has ended/p' | sort -u
journalctl -u kubelet -n 200 -o cat --no-pager 2>/dev/null | grep '^E' | tail -n 3
systemctl is-active kubelet containerd | paste -sd' ' | sed 's/^/kubelet and containerd: /'
exit 0
