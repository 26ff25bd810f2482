"""IPv4 addresses, ranges and networks as a person types them: canonical text, or one sentence about what is wrong.

Every function raises `ValueError` with that sentence, fit to be shown while somebody is still typing.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address

_DASH = re.compile(r"\s*(?:[-\u2013\u2014]|\.\.+|\bto\b)\s*")  # also the dashes that a word processor makes


def address(text: str) -> str:
    """``192.168.1.50``."""
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise ValueError(_why_no_address(text)) from None


def _why_no_address(text: str) -> str:
    if "/" in text:
        return f"{text} is not an address: leave out the {text[text.index('/') :]}"
    if _is_ipv6(text):
        return f"{text} is an IPv6 address; this must be an IPv4 address such as 192.168.1.50"
    if not re.fullmatch(r"[0-9.]+", text):
        return f"{text!r} is not an IPv4 address such as 192.168.1.50"
    parts = text.split(".")
    if "" in parts:
        return f"{text} is not an address: there is a dot without a number beside it"
    if len(parts) != 4:
        return f"{text} is not an address: it has {len(parts)} of 4 numbers"
    if large := next((part for part in parts if int(part) > 255), ""):
        return f"{text} is not an address: {large} is larger than 255"
    meant = ".".join(str(int(part)) for part in parts)
    return f"{text} is not an address: a number begins with 0; did you mean {meant}?"


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def span(text: str) -> str:
    """``192.168.1.50-192.168.1.59``, also typed as ``192.168.1.50-59`` or ``192.168.1.48/28``."""
    if "," in text or ";" in text:
        raise ValueError(f"{text} is more than one range; give one, such as 192.168.1.50-192.168.1.59")
    if "/" in text:
        whole = IPv4Network(network(text))
        return f"{whole[0]}-{whole[-1]}"
    first, *rest = _DASH.split(text, maxsplit=1)
    if not first:
        raise ValueError("the first address of the range is missing")
    low = IPv4Address(address(first))
    if not rest:
        raise ValueError(f"{low} is one address; a range has a first and a last, such as 192.168.1.50-192.168.1.59")
    if not rest[0]:
        raise ValueError("the last address of the range is missing")
    last = f"{str(low).rpartition('.')[0]}.{rest[0]}" if re.fullmatch(r"[0-9]{1,3}", rest[0]) else rest[0]
    high = IPv4Address(address(last))
    if low > high:
        raise ValueError(f"the range ends ({high}) before it begins ({low}); did you mean {high}-{low}?")
    return f"{low}-{high}"


def network(text: str) -> str:
    """``192.168.1.0/24``, also typed with a netmask."""
    base, slash, prefix = text.partition("/")
    if _is_ipv6(base):
        raise ValueError(f"{text} is IPv6; this must be an IPv4 network such as 192.168.1.0/24")
    try:
        base = address(base)
    except ValueError as error:
        raise ValueError(f"{text} is not a network such as 192.168.1.0/24: {error}") from None
    if not slash:
        meant = IPv4Network(f"{base}/24", strict=False)
        raise ValueError(f"{text} lacks its prefix; did you mean {meant}?")
    try:
        whole = IPv4Network(f"{base}/{prefix}", strict=False)
    except ValueError:
        raise ValueError(f"{text} is not a network such as 192.168.1.0/24: a prefix is a number up to 32") from None
    if base != str(whole.network_address):
        raise ValueError(f"{text} is an address inside a network, since its host bits are set; did you mean {whole}?")
    return str(whole)


SMALLEST_PREFIX = 20  # 4,094 addresses


def looked_through(text: str) -> str:
    """A `network` that may be looked through for hosts: a private one that is not larger than a /20."""
    whole = IPv4Network(network(text))
    if whole.prefixlen < SMALLEST_PREFIX:
        raise ValueError(
            f"{whole} is too large to look through, it has {whole.num_addresses:,} addresses: give the part where the "
            f"Pis are, at most a /{SMALLEST_PREFIX} such as {whole.network_address}/24, or none"
        )
    if not whole.is_private:
        raise ValueError(
            f"{whole} is not a home network, these are other people's computers: give your own network, such as "
            "192.168.1.0/24, or none"
        )
    return str(whole)
