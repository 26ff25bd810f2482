# shellcheck shell=bash
# base.sh - the root file system all nodes share (read only, under an overlay each).  Source after env.sh and debs.sh.
#   $HOMELAB_LAB/debootstrap   what debootstrap made, never changed again
#   $HOMELAB_LAB/base          a copy with the lab's changes; rebuilt when this file changes

PI_PASSWORD=raspberry
BASE_PACKAGES=systemd,systemd-sysv,systemd-timesyncd,libpam-systemd,dbus,openssh-server,sudo,iproute2,iptables,kmod,procps
BASE_PACKAGES+=,curl,ca-certificates,gnupg,python3,python3-apt,iputils-ping,netbase,less,nano

base_build() {
  local stamp; stamp=$(sha256sum "$LAB_SRC/base.sh" | cut -d' ' -f1)
  [ "$(cat "$HOMELAB_LAB/base/etc/lab-stamp" 2>/dev/null)" != "$stamp" ] || return 0
  if mount | grep -q "lowerdir=$HOMELAB_LAB/base,"; then
    say "the base file system is out of date but in use: 'lab down' and 'lab build' make it new"; return
  fi
  local start=$SECONDS b=$HOMELAB_LAB/base.new
  debootstrap_once
  rm -rf "$b"; cp -a "$HOMELAB_LAB/debootstrap" "$b"
  base_users "$b"
  base_apt "$b"
  base_time "$b"
  base_pi "$b"
  base_kernel "$b"
  bash "$LAB_SRC/tailnet.sh" base "$b"
  chroot "$b" systemctl -q enable lab-firmware dphys-swapfile systemd-networkd ssh
  chroot "$b" systemctl -q mask systemd-networkd-wait-online getty@tty1 console-getty
  rm -f "$b"/etc/ssh/ssh_host_*; : > "$b/etc/machine-id"
  echo "$stamp" > "$b/etc/lab-stamp"
  rm -rf "$HOMELAB_LAB/base"; mv "$b" "$HOMELAB_LAB/base"
  say "base file system ready in $((SECONDS - start)) s"
}

# the mirror this machine's own apt uses for bookworm
machine_mirror() {
  # shellcheck disable=SC2016  # apt's own placeholders
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -1
}

debootstrap_once() {
  [ ! -d "$HOMELAB_LAB/debootstrap" ] || return 0
  local b=$HOMELAB_LAB/debootstrap.new start=$SECONDS; rm -rf "$b"
  debootstrap --variant=minbase --include="$BASE_PACKAGES" bookworm "$b" "$(machine_mirror)" \
    > "$LAB_LOG/debootstrap.log" 2>&1 || die "debootstrap failed, see $LAB_LOG/debootstrap.log"
  rm -f "$b"/var/cache/apt/archives/*.deb
  mv "$b" "$HOMELAB_LAB/debootstrap"
  say "debootstrap took $((SECONDS - start)) s"
}

base_users() {
  chroot "$1" useradd -m -u 1000 -s /bin/bash -G sudo,adm pi
  echo "pi:$PI_PASSWORD" | chroot "$1" chpasswd
  [ -f "$LAB_KEY" ] || ssh-keygen -q -t ed25519 -N '' -C lab -f "$LAB_KEY"
  install -d -m 700 -o 1000 -g 1000 "$1/home/pi/.ssh"
  install -m 600 -o 1000 -g 1000 "$LAB_KEY.pub" "$1/home/pi/.ssh/authorized_keys"
  printf 'PasswordAuthentication yes\nUseDNS no\n' > "$1/etc/ssh/sshd_config.d/lab.conf"
}

base_apt() {
  signing_key
  install -m 644 "$HOMELAB_LAB/apt-key.gpg" "$1/usr/share/keyrings/lab.gpg"
  echo "deb [signed-by=/usr/share/keyrings/lab.gpg] $LAB_HTTP/debian ./" > "$1/etc/apt/sources.list"
  rm -rf "$1"/var/lib/apt/lists/* "$1"/etc/apt/sources.list.d/*
  # the router has no DNS: every name fails at once, as behind a broken one
  rm -f "$1/etc/resolv.conf"; echo "nameserver $LAB_GW" > "$1/etc/resolv.conf"
}

# The clock is the machine's: nodes have no CAP_SYS_TIME, so systemd-timesyncd's unit skips itself, as in every container.
# chrony does too, but it can run without the right to set the clock and then tells truly whether it would be in step.
base_time() {
  printf '[Time]\nNTP=%s\n' "$LAB_GW" | install -D -m 644 /dev/stdin "$1/etc/systemd/timesyncd.conf.d/lab.conf"
  echo "server $LAB_GW iburst" | install -D -m 644 /dev/stdin "$1/etc/chrony/sources.d/lab.sources"
  install -D -m 644 /dev/stdin "$1/etc/systemd/system/chrony.service.d/lab.conf" <<'U'
[Unit]
ConditionCapability=
[Service]
ExecStart=
ExecStart=!/usr/sbin/chronyd -x -F 1
U
}

base_pi() { # what a Pi has and a container has not: firmware files and swap
  local f; mkdir -p "$1/boot/firmware" "$HOMELAB_LAB/dt/base"
  echo 'console=serial0,115200 console=tty1 root=PARTUUID=4c1b2f8e-02 rootfstype=ext4 fsck.repair=yes rootwait' \
    > "$1/boot/firmware/cmdline.txt"
  printf '# Raspberry Pi OS\ndtparam=audio=on\narm_64bit=1\n[all]\n' > "$1/boot/firmware/config.txt"
  printf 'Raspberry Pi 4 Model B Rev 1.4\0' > "$HOMELAB_LAB/dt/base/model"
  printf '10000000abcdef01\0' > "$HOMELAB_LAB/dt/base/serial-number"

  echo '/var/swap none swap sw,noauto 0 0' >> "$1/etc/fstab"
  install -D -m 755 /dev/stdin "$1/usr/sbin/dphys-swapfile" <<'F'
#!/bin/sh
# stands for Raspberry Pi OS' program: "swap" here is a line in this node's own /proc/swaps
head='Filename				Type		Size		Used		Priority'
case $1 in
  swapon) printf '%s\n/var/swap                               file		524272		0		-2\n' "$head" > /run/lab-swaps ;;
  swapoff|uninstall) printf '%s\n' "$head" > /run/lab-swaps ;;
esac
F
  cat > "$1/etc/systemd/system/dphys-swapfile.service" <<'U'
[Unit]
Description=dphys-swapfile - set up, mount/unmount, and delete a swap file
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/dphys-swapfile swapon
ExecStop=/usr/sbin/dphys-swapfile swapoff
[Install]
WantedBy=multi-user.target
U
  # swap is the machine's, never a node's: these two act on the node's own /proc/swaps, and the system calls are filtered
  for f in swapon swapoff; do
    chroot "$1" dpkg-divert --quiet --local --rename --divert "/sbin/$f.real" --add "/sbin/$f"
  done
  printf '#!/bin/sh\nexec dphys-swapfile swapoff\n' | install -m 755 /dev/stdin "$1/sbin/swapoff"
  install -m 755 /dev/stdin "$1/sbin/swapon" <<'F'
#!/bin/sh
# only lists (swapon, swapon -s, swapon --show, ...); "swapon -a" does nothing, the fstab line is noauto
case " $* " in *' -a '*|*' /'*) exit 0 ;; esac
exec /sbin/swapon.real "$@"
F
}

base_kernel() { # the firmware's and the kernel's part of a Pi
  install -D -m 755 /dev/stdin "$1/usr/local/lib/lab-firmware" <<'F'
#!/bin/sh
# what a Pi's firmware and kernel do and a container's don't
own() { cat > "/run/$1"; mount --bind "/run/$1" "$2"; } # a file of this node's own over a kernel-wide one

printf 'coherent_pool=1M cgroup_disable=memory %s\n' "$(head -1 /boot/firmware/cmdline.txt)" | own lab-cmdline /proc/cmdline
grep -q cgroup_enable=memory /run/lab-cmdline ||
  sed 's/^\(memory.*\)1$/\10/' /proc/cgroups | own lab-cgroups /proc/cgroups
echo 1.00 1.00 | own lab-uptime /proc/uptime
dphys-swapfile swapoff; mount --bind /run/lab-swaps /proc/swaps

# containers may make cgroups below the node's own
for c in /sys/fs/cgroup/*; do mountpoint -q "$c" && mount -o remount,bind,rw "$c"; done

# preparation and kubelet write these kernel-wide settings: the machine's kernel keeps its own
for kv in vm/overcommit_memory=0 vm/panic_on_oom=0 vm/swappiness=60 vm/max_map_count=65530 \
    kernel/panic=0 kernel/panic_on_oops=0 kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000 \
    fs/inotify/max_user_instances=128 fs/inotify/max_user_watches=8192 fs/file-max=1000000; do
  f=${kv%%=*}; mkdir -p "/run/lab-sysctl/${f%/*}"
  echo "${kv#*=}" | own "lab-sysctl/$f" "/proc/sys/$f"
done

# the modules a Pi has; here they are built in or loaded already, so modprobe has nothing to do
m=/lib/modules/$(uname -r); mkdir -p "$m"
for k in fs/overlayfs/overlay net/bridge/br_netfilter net/netfilter/nf_conntrack drivers/net/vxlan/vxlan; do
  echo "kernel/$k.ko"; done > "$m/modules.builtin"
depmod 2>/dev/null
mount --make-rshared /
true
F
  cat > "$1/etc/systemd/system/lab-firmware.service" <<'U'
[Unit]
Description=the firmware's part of a Raspberry Pi
DefaultDependencies=no
Before=sysinit.target systemd-sysctl.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/lab-firmware
[Install]
WantedBy=sysinit.target
U
}
