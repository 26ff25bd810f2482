# shellcheck shell=bash
# inet.sh - the "internet" (namespace hw-inet, bridge inet0) and the home router's side of it.  Source after env.sh, net.sh.
# Two parts of the lab use it, tailnet.sh and acme.sh; it goes when neither of them runs any more.

# shellcheck disable=SC2034  # the files that source this one use them
{
  INET=198.18.64
  WAN=$INET.2; OUTSIDE=$INET.10; LAPTOP=$INET.20
  PUBLIC_SERVICE=$LAB_NET.202           # where the router forwards TCP 80 and 443
}

inet_up() {
  [ ! -e /run/netns/hw-inet ] || return 0
  ip netns add hw-inet
  ip -n hw-inet link set lo up
  ip -n hw-inet link add inet0 type bridge
  ip -n hw-inet addr add "$INET.1/24" dev inet0
  ip -n hw-inet link set inet0 up
  inet_link hw-out "$OUTSIDE" 32     # as rented servers often have it: an exit node leads nobody into its own network
  ip -n hw-out route add "$INET.0/24" dev wan src "$OUTSIDE"
  inet_link hw-laptop "$LAPTOP"
  inet_link hw-lan "$WAN"
  # outside hosts try the home's own addresses too, so that a "no" is the router's answer and no missing route
  ip -n hw-out route add "$LAB_NET.0/24" via "$WAN"
  ip -n hw-laptop route add "$LAB_NET.0/24" via "$WAN"
  router_open
}

inet_address() { # ADDRESS: one more host of the internet, on its bridge
  ip -n hw-inet -o addr show to "$1" | grep -q . || ip -n hw-inet addr add "$1/24" dev inet0
}

inet_link() { # NAMESPACE ADDRESS [PREFIX]
  [ -e "/run/netns/$1" ] || ip netns add "$1"
  ip -n "$1" link set lo up
  ip -n hw-inet link add "to-${1#hw-}" type veth peer name wan netns "$1"
  ip -n hw-inet link set "to-${1#hw-}" master inet0 up
  ip -n "$1" addr add "$2/${3:-24}" dev wan
  ip -n "$1" link set wan up
}

inet_down() {
  local i
  ! daemon_running headscale && ! daemon_running duckdns || return 0
  [ ! -e /run/netns/hw-lan ] || router_closed
  for i in hw-laptop hw-out hw-inet; do ip netns del $i 2>/dev/null || :; done
}

router_open() { # what a home router does: everything out, nothing in but two forwarded ports
  ns hw-lan iptables-restore -n <<R
*nat
-A POSTROUTING -o wan -j MASQUERADE
-A PREROUTING -i wan -d $WAN -p tcp --dport 80 -j DNAT --to-destination $PUBLIC_SERVICE:80
-A PREROUTING -i wan -d $WAN -p tcp --dport 443 -j DNAT --to-destination $PUBLIC_SERVICE:443
COMMIT
*filter
-A INPUT -i wan -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -i wan -p icmp -j ACCEPT
-A INPUT -i wan -j DROP
-A FORWARD -i $LAB_BRIDGE -j ACCEPT
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED,DNAT -j ACCEPT
-A FORWARD -j DROP
COMMIT
R
}

router_closed() { # no internet, as before 'up'
  ip -n hw-lan link del wan 2>/dev/null || return 0
  local table; for table in nat filter; do ns hw-lan iptables -t $table -F; done
}
