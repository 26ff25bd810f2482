# shellcheck shell=bash
# net.sh - the home LAN (namespace hw-lan) and the workstation (hw-ws).  Source it after env.sh.
# Neither has any link to the machine's own network: what a node needs comes from the mirror.

net_up() {
  # outside the namespaces the lab's range goes nowhere, whatever the machine's default route is
  ip route show type blackhole | grep -q "^blackhole $LAB_RANGE" ||
    ip route add blackhole "$LAB_RANGE" metric 9999
  lan_up
  workstation_up
  watches_up
}

# All nodes share one user's inotify instances (128): with a cluster on three of them containerd's CRI fails to start
# ("too many open files"). Raised while the lab is up.
INOTIFY=/proc/sys/fs/inotify/max_user_instances
watches_up() {
  [ ! -e "$LAB_RUN/inotify" ] || return 0
  cat $INOTIFY > "$LAB_RUN/inotify"
  echo 2048 > $INOTIFY
}
watches_down() {
  [ -e "$LAB_RUN/inotify" ] || return 0
  cat "$LAB_RUN/inotify" > $INOTIFY
  rm "$LAB_RUN/inotify"
}

lan_up() {
  [ ! -e /run/netns/hw-lan ] || return 0
  ip netns add hw-lan
  ip -n hw-lan link set lo up
  # an address of its own: a bridge takes its lowest port's, and would change it as nodes come and go
  ip -n hw-lan link add "$LAB_BRIDGE" address 02:68:77:00:00:01 type bridge
  ip -n hw-lan addr add "$LAB_GW/24" dev "$LAB_BRIDGE"
  ip -n hw-lan link set "$LAB_BRIDGE" up
  ns hw-lan sysctl -qw net.ipv4.ip_forward=1
  # frames between two nodes must not pass the router's own firewall, as in a real switch
  ns hw-lan sysctl -qw net.bridge.bridge-nf-call-iptables=0 2>/dev/null || :
}

workstation_up() {
  [ ! -e /run/netns/hw-ws ] || return 0
  ip netns add hw-ws
  ip -n hw-ws link set lo up
  ip -n hw-lan link add ws type veth peer name eth0 netns hw-ws
  ip -n hw-lan link set ws master "$LAB_BRIDGE" up
  ip -n hw-ws addr add "$LAB_WS/24" dev eth0
  ip -n hw-ws link set eth0 up
  ip -n hw-ws route add "$LAB_RANGE" via "$LAB_GW"
}

net_down() {
  watches_down
  ip netns del hw-ws 2>/dev/null || :
  ip netns del hw-lan 2>/dev/null || :
  ip route del blackhole "$LAB_RANGE" metric 9999 2>/dev/null || :
}
