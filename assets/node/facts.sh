# Prints what a node looks like, one section for each thing, each begun by a line "@@ NAME". Writes nothing, always
# ends with 0: what is missing is an empty section or none. The output is read by steps/facts.py.
# shellcheck disable=SC2317  # functions are called by name
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

section() { # NAME CMD...: a line of the output that looks like the begin of a section is moved by one space
  printf '\n@@ %s\n' "$1"
  shift
  "$@" </dev/null 2>/dev/null | sed 's/^@@/ @@/'
}
soon() { timeout -k 1 5 "$@"; } # for programs that ask a daemon
content() { [ ! -f "$1" ] || section "file $1" cat "$1"; }

section hostname cat /proc/sys/kernel/hostname
section machine-id cat /etc/machine-id
section host-keys cat /etc/ssh/ssh_host_ed25519_key.pub /etc/ssh/ssh_host_ecdsa_key.pub /etc/ssh/ssh_host_rsa_key.pub
section boot-id cat /proc/sys/kernel/random/boot_id
model() { tr -d '\000' </sys/firmware/devicetree/base/model; }
section model model
section os-release cat /etc/os-release
section arch dpkg --print-architecture
section long-bits getconf LONG_BIT
section page-size getconf PAGESIZE
section kernel uname -r
section memory grep -E '^(MemTotal|MemAvailable):' /proc/meminfo
section cores getconf _NPROCESSORS_ONLN
section disk df -P -B1 /
section root findmnt -no SOURCE,FSTYPE /
section route ip -4 route show default
section link ip -o link show
section address ip -o -4 addr show
section clock date +%s.%N
section timedatectl soon timedatectl show
section chrony soon chronyc -n tracking
section throttled soon vcgencmd get_throttled
section cmdline cat /proc/cmdline
for file in /boot/firmware/current/cmdline.txt /boot/firmware/new/cmdline.txt /boot/firmware/cmdline.txt \
  /boot/cmdline.txt; do
  content "$file"
done
section cgroup-controllers cat /sys/fs/cgroup/cgroup.controllers
section proc-cgroups cat /proc/cgroups
section swaps cat /proc/swaps
modules() {
  cut -d' ' -f1 /proc/modules
  sed 's|.*/||; s|\.ko.*||' "/lib/modules/$(uname -r)/modules.builtin"
}
wanted_modules() { modules | grep -xE 'overlay|br_netfilter|vxlan|nf_conntrack' | sort -u; }
section modules wanted_modules
missing_modules() { # those that are neither there nor could be loaded; -n only looks
  command -v modprobe >/dev/null || return 0
  for name in overlay br_netfilter vxlan nf_conntrack; do
    wanted_modules | grep -qx "$name" || modprobe -n -q "$name" || echo "$name"
  done
  [ -d "/lib/modules/$(uname -r)" ] || echo "/lib/modules/$(uname -r)"
}
section modules-missing missing_modules
sysctls() {
  for key in net.ipv4.ip_forward net.ipv6.conf.all.forwarding \
    net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables; do
    value=$(cat "/proc/sys/$(echo "$key" | tr . /)") && echo "$key = $value"
  done
}
section sysctl sysctls

packages() {
  dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\n' containerd.io containerd docker.io docker-ce runc \
    kubelet kubeadm kubectl kubernetes-cni cri-tools tailscale conntrack socat ebtables ethtool iptables nftables \
    ca-certificates gnupg curl systemd-timesyncd chrony ntp ntpsec dphys-swapfile rpi-swap systemd-zram-generator \
    zram-tools unattended-upgrades linux-modules-extra-raspi
}
section packages packages
apt_sources() { grep -rE '^(deb|URIs:) ?' /etc/apt/sources.list /etc/apt/sources.list.d; }
section apt-sources apt_sources
unfinished() { # packages that dpkg has not finished with
  dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | grep -vE '^.[cin] '
  find /var/lib/dpkg/updates -name '[0-9]*'
}
section dpkg-unfinished unfinished
lock_holders() {
  find /proc/[0-9]*/fd -lname /var/lib/dpkg/lock-frontend -o -lname /var/lib/dpkg/lock -o -lname /var/lib/apt/lists/lock |
    cut -d/ -f3 | sort -u | while read -r pid; do echo "$pid $(tr '\000' ' ' <"/proc/$pid/cmdline")"; done
}
section apt-lock lock_holders

units() { # one section a unit that exists
  soon systemctl show -p Id,LoadState,ActiveState,SubState,UnitFileState,Result,ConditionTimestampMonotonic \
    containerd.service kubelet.service systemd-timesyncd.service chrony.service ntpsec.service ntp.service \
    dphys-swapfile.service zramswap.service homelab-kubeadm.service tailscaled.service </dev/null 2>/dev/null |
    awk -v RS= '!/LoadState=not-found/ { match($0, /Id=[^\n]*/); print "\n@@ unit " substr($0, RSTART + 3, RLENGTH - 3) "\n" $0 }'
}
units
stale() { # containerd's configuration that is newer than the containerd that runs
  started=$(soon systemctl show -p ActiveEnterTimestamp --timestamp=us+utc --value containerd.service)
  [ -z "$started" ] || find /etc/containerd -name '*.toml' -not -path '*/certs.d/*' -newermt "$started"
}
section containerd-stale stale

for file in /etc/hosts /etc/cloud/templates/hosts.debian.tmpl /etc/fstab /etc/rpi/swap.conf /etc/rpi/swap.conf.d/*.conf \
  /etc/systemd/zram-generator.conf /etc/containerd/config.toml /etc/containerd/conf.d/homelab.toml \
  /etc/containerd/certs.d/_default/hosts.toml /etc/modules-load.d/homelab.conf /etc/sysctl.d/90-homelab.conf \
  /etc/apt/sources.list.d/homelab-*.sources; do
  content "$file"
done
for file in /etc/apt/keyrings/homelab-*.gpg; do
  [ ! -f "$file" ] || section "keyring $file" base64 -w 0 "$file"
done

present() {
  [ ! -d /var/lib/etcd/member ] || echo etcd-data
  [ ! -e /var/lib/kubelet/config.yaml ] || echo kubelet-config
  for file in kubelet.conf bootstrap-kubelet.conf admin.conf manifests/kube-apiserver.yaml; do
    [ ! -e "/etc/kubernetes/$file" ] || echo "$file"
  done
  cat /proc/net/tcp /proc/net/tcp6 | grep -qE ':192B 0+:0000 0A ' && echo listens-6443
}
section kubernetes present
own_api() { # this node's own API, not that of another control plane
  address=$(sed -n 's/^ *- --advertise-address=//p' /etc/kubernetes/manifests/kube-apiserver.yaml)
  [ -n "$address" ] && [ -e /etc/kubernetes/admin.conf ] || return 1
  soon kubectl --kubeconfig /etc/kubernetes/admin.conf --server "https://$address:6443" --request-timeout=4s "$@"
}
addons() { # what kubeadm init and join do last; "api" when the API answers an administrator
  own_api get --ignore-not-found -o name -n kube-system daemonset/kube-proxy deployment/coredns || return 0
  own_api get node -l node-role.kubernetes.io/control-plane \
    --field-selector "metadata.name=$(cat /proc/sys/kernel/hostname)" -o name
  echo api
}
section addons addons
section ca-crt cat /etc/kubernetes/pki/ca.crt
certificates() { # public ones only, each after a line with its name
  for file in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt; do
    [ ! -e "$file" ] || { echo "== ${file#/etc/kubernetes/pki/}" && cat "$file"; }
  done
  for file in admin super-admin controller-manager scheduler; do
    [ ! -e "/etc/kubernetes/$file.conf" ] || { echo "== $file.conf" &&
      sed -n 's/^ *client-certificate-data: //p' "/etc/kubernetes/$file.conf" | base64 -d; }
  done
}
section certificates certificates
section tailscale soon tailscale status --json
exit 0
