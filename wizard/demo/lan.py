"""This computer's place in the demo's home network, as its kernel would tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.demo import probe
from wizard.host.base import Result

if TYPE_CHECKING:
    from wizard.demo.world import SimWorld

ROUTER, ROUTER_MAC = "192.168.1.1", "f4:f2:6d:10:20:01"
_LOOK = f"""
@@ way
{{pi}} dev wlan0 src 192.168.1.5 uid 1000
@@ address
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
3: wlan0    inet 192.168.1.5/24 brd 192.168.1.255 scope global dynamic wlan0\\       valid_lft 80211sec
4: docker0    inet 172.17.0.1/16 brd 172.17.255.255 scope global docker0\\       valid_lft forever
@@ link
3: wlan0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\\    link/ether 9c:b6:d0:3e:55:1a brd ff:ff:ff:ff:ff:ff
@@ route
default via {ROUTER} dev wlan0 proto dhcp src 192.168.1.5 metric 600
@@ resolvers
nameserver {ROUTER}
@@ neighbours
[{{{{"dst":"{ROUTER}","dev":"wlan0","lladdr":"{ROUTER_MAC}","state":["REACHABLE"]}}}}]
"""


def shell(world: SimWorld, argv: Sequence[str], stdin: bytes) -> Result:
    """``sh -s`` with a script on its input: the look at the LAN, which has an argument, or the proof's probes."""
    if argv[1:3] == ["-s", "--"] and b"\nsection way " in stdin:
        return Result(0, _LOOK.format(pi=argv[3]))
    return probe.shell(world, argv, stdin)
