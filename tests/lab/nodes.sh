# shellcheck shell=bash
# nodes.sh - Pi-like hosts: systemd-nspawn over an overlay of the base.  Source after env.sh, net.sh.
# A node's own things are in $HOMELAB_LAB/piN: 'up' (changed files), 'containerd', 'kubelet', 'etcd' (plain folders,
# because container stores don't work on an overlay), console.log.

nodes() { # numbers of the nodes that exist
  local d; for d in "$HOMELAB_LAB"/pi[0-9]*; do [ ! -d "$d" ] || echo "${d##*/pi}"; done | sort -n
}

node_make() {
  local n=pi$1 d=$HOMELAB_LAB/pi$1 up
  [ ! -d "$d" ] || return 0
  rm -rf "$HOMELAB_LAB/new-pi$1"; up=$HOMELAB_LAB/new-pi$1/up
  mkdir -p "$HOMELAB_LAB/new-pi$1"/{work,root,containerd,kubelet,etcd} "$up"/etc/{ssh,systemd/network,sudoers.d}
  echo "$n" > "$up/etc/hostname"
  printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n' "$n" > "$up/etc/hosts"
  tr -d - < /proc/sys/kernel/random/uuid > "$up/etc/machine-id"
  ssh-keygen -A -f "$up" >/dev/null
  # sorts before systemd's own 80-container-host0.network
  # No default route: tailscaled must have no way to any server but the lab's, not even one that ends at the router.
  # (flannel then wants --iface or --iface-can-reach, as on a Pi with two networks.)
  printf '[Match]\nName=host0\n[Network]\nAddress=%s/24\n[Route]\nDestination=%s\nGateway=%s\n' \
    "$(node_ip "$1")" "$LAB_RANGE" "$LAB_GW" > "$up/etc/systemd/network/10-lab.network"
  # Raspberry Pi OS asks for sudo's password since 2026-04, older installations don't: have both
  if [ "$1" = 2 ]; then echo 'pi ALL=(ALL) ALL' > "$up/etc/sudoers.d/010_pi"
  else echo 'pi ALL=(ALL) NOPASSWD: ALL' > "$up/etc/sudoers.d/010_pi"; fi
  chmod 440 "$up/etc/sudoers.d/010_pi"
  mv "$HOMELAB_LAB/new-pi$1" "$d"
}

known_hosts_write() { # from the generated keys, never by asking the network
  local i k
  for i in $(nodes); do
    for k in ed25519 ecdsa rsa; do
      echo "$(node_ip "$i"),pi$i $(cut -d' ' -f1,2 "$HOMELAB_LAB/pi$i/up/etc/ssh/ssh_host_${k}_key.pub")"
    done
  done > "$HOMELAB_LAB/known_hosts.new"
  mv "$HOMELAB_LAB/known_hosts.new" "$HOMELAB_LAB/known_hosts"
}

node_mount() {
  local d=$HOMELAB_LAB/pi$1
  mountpoint -q "$d/root" || mount -t overlay "hw-pi$1" \
    -o "lowerdir=$HOMELAB_LAB/base,upperdir=$d/up,workdir=$d/work" "$d/root"
}

node_start() {
  ! daemon_running "pi$1" || return 0
  node_cgroups_remove "$1"
  node_make "$1"
  node_mount "$1"
  known_hosts_write
  daemon hw-lan "pi$1" "$LAB_SRC/lab" _node-loop "$1"
}

# the machine's cgroup hierarchies: one folder per v1 controller and 'unified'
cgroup_roots() { local c; for c in /sys/fs/cgroup/*/; do [ -L "${c%/}" ] || [ ! -e "$c/cgroup.procs" ] || echo "${c%/}"; done; }

# Runs inside hw-lan until the node powers off.  systemd-nspawn ends with 133 when the node wants to reboot.
node_loop() {
  local d=$HOMELAB_LAB/pi$1 c g rc f
  for c in $(cgroup_roots); do # a cgroup of the node's own everywhere: it becomes the root of what the node sees
    g=$c/hw-pi$1; mkdir -p "$g"
    if [ "${c##*/}" = cpuset ]; then for f in cpus mems; do cat "$c/cpuset.$f" > "$g/cpuset.$f"; done; fi
    echo "$BASHPID" > "$g/cgroup.procs"
  done
  while :; do
    mkdir -p "/run/systemd/nspawn/propagate/hw-pi$1"
    rc=0
    # No clock, no swap, no modules: those are the machine's, not a node's.
    systemd-nspawn --quiet --directory="$d/root" --boot --machine="hw-pi$1" --hostname="pi$1" \
      --network-bridge="$LAB_BRIDGE" --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off \
      --capability=all --drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE \
      --system-call-filter='@keyring bpf add_key keyctl' --system-call-filter='~@swap @module' \
      --property=DevicePolicy=auto \
      --bind="$d/containerd:/var/lib/containerd" --bind="$d/kubelet:/var/lib/kubelet" --bind="$d/etcd:/var/lib/etcd" \
      --bind=/dev/kmsg --bind=/dev/net/tun \
      --tmpfs=/sys/firmware --bind-ro="$HOMELAB_LAB/dt:/sys/firmware/devicetree" \
      >> "$d/console.log" 2>&1 & echo $! > "$d/nspawn.pid"
    wait $! || rc=$?
    echo "$(date +%T.%3N) systemd-nspawn ended with $rc"
    [ "$rc" = 133 ] || break
  done
}

node_pids() { # every process of the node, the loop and systemd-nspawn included
  find "$(cgroup_roots | grep '/systemd$' || echo /sys/fs/cgroup/unified)/hw-pi$1" -name cgroup.procs -exec cat {} + 2>/dev/null || :
}

node_init_pid() { # the node's own pid 1
  local p
  for p in $(node_pids "$1"); do
    if grep -q $'^NSpid:.*\t1$' "/proc/$p/status" 2>/dev/null; then echo "$p"; return; fi
  done
  return 1
}

node_stop() {
  # SIGTERM asks systemd-nspawn for an orderly power-off
  if daemon_running "pi$1"; then
    kill -TERM "$(cat "$HOMELAB_LAB/pi$1/nspawn.pid")" 2>/dev/null || :
    until_ok 30 not daemon_running "pi$1" || say "pi$1 does not stop, cutting its power"
  fi
  node_cut "$1"
}

node_cut() { # the plug is pulled: nothing in the node gets to say anything
  local p
  until [ -z "$(node_pids "$1")" ]; do
    for p in $(node_pids "$1"); do kill -9 "$p" 2>/dev/null || :; done
    sleep 0.05
  done
  rm -f "$LAB_RUN/pi$1.pid"
  until_ok 10 node_umount "$1" || die "pi$1's disk stays busy"
  ip -n hw-lan link del "vb-hw-pi$1" 2>/dev/null || :
  node_cgroups_remove "$1"
}

node_umount() { ! mountpoint -q "$HOMELAB_LAB/pi$1/root" || umount "$HOMELAB_LAB/pi$1/root" 2>/dev/null; }

node_cgroups_remove() {
  local c
  for c in $(cgroup_roots); do
    [ ! -d "$c/hw-pi$1" ] || find "$c/hw-pi$1" -depth -type d -exec rmdir {} + 2>/dev/null || :
  done
  rmdir "/run/systemd/nspawn/propagate/hw-pi$1" 2>/dev/null || :
}

node_wipe() { # a new card in the same Pi: new host keys, nothing on the disk
  node_cut "$1"
  rm -rf --one-file-system "$HOMELAB_LAB/pi$1"
  known_hosts_write
}

node_wait() {
  until_ok 60 node_has_ssh "$1" || die "pi$1 has no SSH after 60 s, see $HOMELAB_LAB/pi$1/console.log"
}
node_has_ssh() {
  # shellcheck disable=SC2016
  ns hw-ws timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/22" && head -c3 <&3' "$(node_ip "$1")" 2>/dev/null | grep -q SSH
}

# As root inside the node, without SSH: for tests that look at, or break, what SSH would hide.
# The node's own systemd starts the command, so that it has no more rights than the node: entering with nsenter alone
# would keep this machine's capabilities, and "date -s" would then set this machine's clock.
node_exec() {
  local pid how=--pipe; pid=$(node_init_pid "$1") || die "pi$1 is off"; shift
  [ $# != 0 ] || set -- bash -l
  [ ! -t 0 ] || [ ! -t 1 ] || how=--pty
  cd /
  exec nsenter -t "$pid" -m -u -i -n -p -C --root --wd=/ -- \
    systemd-run --quiet --wait --collect "$how" --service-type=exec -E HOME=/root -E TERM="${TERM:-dumb}" -E LANG=C.UTF-8 -- "$@"
}

node_ssh() { # as pi, from the workstation, the way a user comes in
  local ip; ip=$(node_ip "$1"); shift
  exec nsenter --net=/run/netns/hw-ws -- ssh -i "$LAB_KEY" -o IdentitiesOnly=yes -o BatchMode=yes \
    -o UserKnownHostsFile="$HOMELAB_LAB/known_hosts" -o StrictHostKeyChecking=yes "pi@$ip" "$@"
}

nodes_status() {
  local i state
  for i in $(nodes); do
    state=off
    if daemon_running "pi$i"; then if node_has_ssh "$i"; then state=up; else state=booting; fi; fi
    echo "pi$i $(node_ip "$i") $state $(du -sm --total "$HOMELAB_LAB/pi$i"/{up,containerd,etcd} | awk 'END {print $1}') MB"
  done
}
