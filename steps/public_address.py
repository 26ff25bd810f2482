"""Can a port be forwarded to this home at all? The router's own address on the internet side tells."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

SHARED = IPv4Network("100.64.0.0/10")  # RFC 6598: a provider's own NAT
TUNNEL = IPv4Network("192.0.0.0/24")  # RFC 6333 and 7335: the router's end of DS-Lite or 464XLAT, the NAT is far away
PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
WAYS = (
    "Ask your provider for a public IPv4 address; many give one on request. Or go on without: answer No at the router,"
    " and everything is reached over the VPN only, the public apps too."
)
WHERE = (
    "The router's status page shows it as WAN, internet or IPv4 address; 0.0.0.0 or none also means that there is none."
)


@dataclass(frozen=True)
class Verdict:
    """`code`: ``open``, ``unknown``, ``cgnat`` (the provider shares one address), ``behind`` (another router before
    this one), ``none`` (no IPv4 there) or ``differs`` (the two addresses are public, and not the same)."""

    code: str
    text: str = ""  # what it means and what can be done; empty when there is nothing to say

    @property
    def closed(self) -> bool:
        """Whether no port can be forwarded as it is."""
        return self.code in ("cgnat", "behind", "none")


def judge(wan: str, public: str) -> Verdict:
    """What the router says of itself (`wan`), beside what the internet sees (`public`); either may be empty. Pure."""
    if not wan:
        return Verdict("unknown")
    address = IPv4Address(wan)
    seen = f" The internet sees {public}." if public else ""
    if address in SHARED:
        return Verdict(
            "cgnat", f"Your router's address {wan} belongs to your provider's own NAT (CGNAT), which shares one public"
            f" address among many homes: no port can be forwarded to you.{seen} {WAYS}",
        )  # fmt: skip
    if address in TUNNEL:
        return Verdict(
            "cgnat", f"Your router's address {wan} stands for a line whose IPv4 goes through your provider's own NAT"
            f" (DS-Lite, a kind of CGNAT): no port can be forwarded to you.{seen} {WAYS}",
        )  # fmt: skip
    if address.is_unspecified or address.is_link_local:
        what = "Your router has no IPv4 address of its own on the internet side (DS-Lite)."
        return Verdict("none", f"{what}{seen} {WAYS}")
    if any(address in network for network in PRIVATE):
        return Verdict(
            "behind", f"Your router's address {wan} is a private one: there is another router before it, yours or the"
            f" provider's.{seen} If it is yours, forward the ports on that one too, or make it a mere modem. {WAYS}",
        )  # fmt: skip
    if public and wan != public:
        return Verdict(
            "differs", f"Your router says that its address is {wan}, and the internet sees {public}. Either the"
            " provider's NAT lies between, and no port can be forwarded to you; or this computer goes out another way,"
            f" such as a VPN; or the address has just changed. {WAYS}",
        )  # fmt: skip
    return Verdict("open")
