# Prints what this machine's kernel and its DHCP client know of the networks it is in, one section for each thing, each
# begun by a line "@@ NAME". Sends nothing, writes nothing, always ends with 0: what is missing is an empty section.
# Runs on the Pis and on this computer. $1: another machine in the LAN; the section "way" says how it is reached.
# The output is read by steps/address_look.py.
# shellcheck disable=SC2317  # functions are called by name
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

section() { # NAME CMD...
  printf '\n@@ %s\n' "$1"
  shift
  "$@" </dev/null 2>/dev/null | sed 's/^@@/ @@/'
}
section way ip -4 route get "$1"
section address ip -o -4 addr show
section address6 ip -o -6 addr show scope global
section link ip -o link show
section route ip -4 route show default
section neighbours ip -j -4 neigh show
resolvers() { # behind systemd's own resolver are those that it asks
  cat /etc/resolv.conf /run/systemd/resolve/resolv.conf /run/NetworkManager/no-stub-resolv.conf
}
section resolvers resolvers
leases() { # of NetworkManager, of systemd-networkd
  timeout 5 nmcli -t -f DHCP4 device show
  cat /run/systemd/netif/leases/*
}
section leases leases
exit 0
