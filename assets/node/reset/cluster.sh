# Ends what this node has of the cluster: its pods, their images, what it stored, its networks and its packet filters.
# Asks nobody's API: the other nodes go at the same time.
set -eu
. reset/library.sh
socket=unix:///run/containerd/containerd.sock
systemctl stop homelab-kubeadm.service kubelet.service 2>/dev/null || :
for undo in "$originals"/undo/*; do
  [ ! -f "$undo" ] || { sh "$undo" && rm "$undo"; }
done

if command -v kubeadm >/dev/null && [ -S "${socket#unix://}" ]; then
  echo "kubeadm reset"
  timeout -k 10 240 kubeadm reset --force --cleanup-tmp-dir --cri-socket "$socket" --kubeconfig /dev/null \
    --skip-phases remove-etcd-member </dev/null || echo "kubeadm reset did not succeed; going on without it"
fi
if command -v crictl >/dev/null && [ -S "${socket#unix://}" ]; then
  timeout -k 10 180 crictl -r "$socket" rmp -f -a 2>&1 || echo "some pods could not be removed; they end with containerd"
fi
if command -v ctr >/dev/null && [ -S "${socket#unix://}" ]; then
  timeout -k 10 180 ctr -n k8s.io images ls -q | xargs -r timeout -k 10 180 ctr -n k8s.io images rm >/dev/null ||
    echo "some images could not be removed; they go with containerd's folder"
fi

awk '$2 ~ "^/var/lib/kubelet/" { print $2 }' /proc/mounts | sort -r | while read -r mount; do
  umount "$mount" || umount -l "$mount"
done
for link in cni0 flannel.1 flannel-v6.1 kube-ipvs0; do
  [ ! -e "/sys/class/net/$link" ] || ip link delete "$link"
done
for space in /run/netns/cni-*; do
  [ ! -e "$space" ] || ip netns delete "${space##*/}"
done
for tables in iptables ip6tables; do
  if command -v "$tables-save" >/dev/null && "$tables-save" 2>/dev/null | grep -qE 'KUBE-|FLANNEL|CNI-'; then
    "$tables-save" | grep -vE 'KUBE-|FLANNEL|CNI-|flannel' | "$tables-restore"
  fi
done
if command -v nft >/dev/null; then
  for family in ip ip6; do nft delete table "$family" kube-proxy 2>/dev/null || :; done
fi

clear_places /etc/kubernetes /var/lib/etcd /var/lib/kubelet /var/lib/cni /var/log/pods /var/log/containers /etc/cni
rm -rf /run/flannel
left=$(cluster_left)
[ -z "$left" ] || {
  echo "still there: $left" >&2
  exit 1
}
