# Takes from this node what kubeadm and the pod network made: configuration, certificates, cluster data, containers, devices,
# packet filter rules. The packages and their settings stay.
# not kept: the folders of a cluster are given back as a whole
set -eu
kubeadm reset -f --cri-socket unix:///run/containerd/containerd.sock --cleanup-tmp-dir
systemctl stop kubelet
for device in cni0 flannel.1; do
  ! ip link show "$device" >/dev/null 2>&1 || ip link delete "$device"
done
rm -rf /etc/cni/net.d/10-flannel.conflist /var/lib/cni /run/flannel
dpkg -S /opt/cni/bin/flannel >/dev/null 2>&1 || rm -f /opt/cni/bin/flannel
for kind in iptables ip6tables iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do
  rules=$("$kind-save" 2>/dev/null) || continue
  case $rules in *KUBE-* | *FLANNEL* | *CNI-*) ;; *) continue ;; esac
  echo "$rules" | grep -vE 'KUBE-|FLANNEL|flanneld|CNI-' | "$kind-restore"
done
for file in /etc/kubernetes/kubelet.conf /etc/kubernetes/admin.conf /etc/kubernetes/manifests/kube-apiserver.yaml /var/lib/etcd/member; do
  [ ! -e "$file" ] || { echo "kubeadm reset left $file behind" >&2; exit 1; }
done
