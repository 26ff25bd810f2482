#!/bin/bash
# smoke.sh - is the lab itself in order?  `lab smoke [I]` makes a one-node cluster by hand on a fresh node piI (9 if not
# told, so that it disturbs nobody's): no code of the product takes part, so a failure here is the lab's.
# It wipes the node before and leaves it off and wiped after success.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/env.sh"
lab() { "$LAB_SRC/lab" "$@"; }

step() { # words, command...
  local words=$1 start; shift; start=$(date +%s%N)
  "$@" >>"$LAB_LOG/smoke.log" 2>&1 || die "FAILED: $words, see $LAB_LOG/smoke.log"
  say "$(printf '%6.1f s  %s' "$((($(date +%s%N) - start) / 1000000))e-3" "$words")"
}

N=${1:-9}
node() { lab ssh "$N" sudo bash -euo pipefail -s; }

fresh() { lab wipe "$N"; lab serve; lab start "$N"; }

sudo_rules() { # node 2 asks, the others don't; the password works everywhere
  if [ "$N" = 2 ]; then not lab ssh 2 sudo -n true; else lab ssh "$N" sudo -n true; fi &&
    echo raspberry | lab ssh "$N" 'sudo -k -S -p "" true'
}

memory_cgroup() { # off, edit, reboot, on: as on a Pi
  lab ssh "$N" 'grep -q "^memory.*0$" /proc/cgroups' || return
  node <<<"sed -i 's/\$/ cgroup_enable=memory/' /boot/firmware/cmdline.txt"
  lab ssh "$N" sudo systemctl reboot || :
  until_ok 30 lab ssh "$N" 'grep -q "^memory.*1$" /proc/cgroups'
}

packages() {
  node <<E
export DEBIAN_FRONTEND=noninteractive
systemctl disable --now dphys-swapfile
install -d /etc/apt/keyrings
curl -fsS '$LAB_HTTP/kubernetes/core:/stable:/$KUBE_MINOR/deb/Release.key' | gpg --dearmor > /etc/apt/keyrings/kubernetes.gpg
curl -fsS $LAB_HTTP/docker/linux/debian/gpg -o /etc/apt/keyrings/docker.asc
echo 'deb [signed-by=/etc/apt/keyrings/kubernetes.gpg] $LAB_HTTP/kubernetes/core:/stable:/$KUBE_MINOR/deb/ /' > /etc/apt/sources.list.d/kubernetes.list
echo 'deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] $LAB_HTTP/docker/linux/debian bookworm stable' > /etc/apt/sources.list.d/docker.list
apt-get update
apt-get install -y containerd.io kubelet kubeadm kubectl
grep -q 'disabled_plugins.*cri' /etc/containerd/config.toml
E
}

containerd_settings() {
  node <<E
cat > /etc/containerd/config.toml <<'T'
version = 3
imports = ["/etc/containerd/conf.d/*.toml"]
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = '/etc/containerd/certs.d'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = 'registry.k8s.io/pause:3.10.2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = true
T
mkdir -p /etc/containerd/{conf.d,certs.d/_default}
printf '%s\n' 'version = 3' "[plugins.'io.containerd.cri.v1.runtime']" 'restrict_oom_score_adj = true' > /etc/containerd/conf.d/lab.toml
printf '%s\n' '[host."http://$LAB_REGISTRY"]' 'capabilities = ["pull", "resolve"]' > /etc/containerd/certs.d/_default/hosts.toml
systemctl restart containerd
echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/k8s.conf; sysctl -p /etc/sysctl.d/k8s.conf
E
}

control_plane() {
  node <<E
cat > /root/kubeadm.yaml <<'Y'
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration:
  ignorePreflightErrors: [SystemVerification]
  kubeletExtraArgs: [{name: node-ip, value: $(node_ip "$N")}]
localAPIEndpoint: {advertiseAddress: $(node_ip "$N")}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: $KUBE_VERSION
networking: {podSubnet: 198.19.0.0/17, serviceSubnet: 198.19.128.0/20}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
evictionHard: {imagefs.available: 1%, nodefs.available: 1%, memory.available: 100Mi}
imageGCHighThresholdPercent: 99
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
conntrack: {maxPerCore: 0, min: 0}
Y
kubeadm init --config /root/kubeadm.yaml
E
}

# every pod that needs no pod network: kube-proxy and the control plane
pods_run() {
  lab ssh "$N" 'sudo kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -A --no-headers' |
    awk '/etcd|kube-/ && $4 == "Running" {n++} END {exit n != 5}'
}

# flannel's own manifest with what the lab differs in: the pod range, the interface (nodes have no default route), and the
# version of CNI that the lab's flannel plugin speaks
pod_network() {
  node <<E
export KUBECONFIG=/etc/kubernetes/admin.conf
kubectl taint nodes --all node-role.kubernetes.io/control-plane-
curl -fsS $LAB_HTTP/flannel/kube-flannel.yml | sed -e 's#10.244.0.0/16#198.19.0.0/17#; s/"cniVersion": "1.0.0"/"cniVersion": "0.3.1"/' \\
  -e 's/^\( *\)- --ip-masq/\1- --iface=host0\n&/' | kubectl apply -f -
kubectl wait --for=condition=Ready node --all --timeout=90s
kubectl -n kube-system rollout status deployment/coredns --timeout=120s
E
}

mkdir -p "$LAB_LOG"; : > "$LAB_LOG/smoke.log"
step 'a fresh node' fresh
step "sudo" sudo_rules
step 'memory cgroup: off, cmdline.txt edited, rebooted, on' memory_cgroup
step 'packages from the mirror' packages
step 'containerd with the mirror of images' containerd_settings
step 'kubeadm init' control_plane
step 'control plane and kube-proxy running' until_ok 60 pods_run
step 'flannel, CoreDNS ready' pod_network
[ -n "${LAB_SMOKE_KEEP:-}" ] || step 'power off' lab wipe "$N"   # flux_smoke.sh goes on with it
say 'the lab is in order'
