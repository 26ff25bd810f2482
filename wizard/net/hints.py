"""What a host shows before anybody has logged in, put into words. All of it may be false; SSH tells for sure later."""

from __future__ import annotations

import re

# The prefixes under which Raspberry Pi's network cards are registered with the IEEE (Debian's ieee-data, June 2026).
RASPBERRY = ("28:cd:c1", "2c:cf:67", "88:a2:9e", "98:fe:54", "b8:27:eb", "d8:3a:dd", "dc:a6:32", "e4:5f:01")
BY_MAC = "by its MAC address"

_DEBIAN = {"11": "bullseye", "12": "bookworm", "13": "trixie"}
# Which release came with which OpenSSH, for banners that do not name the release themselves.
_DEBIAN_BY_SSH = {"8.4p1": "11", "9.2p1": "12", "10.0p2": "13"}
_UBUNTU_BY_SSH = {"8.2p1": "20.04", "8.9p1": "22.04", "9.6p1": "24.04", "10.0p2": "25.10", "10.2p1": "26.04"}


def is_raspberry(mac: str) -> bool:
    return mac.lower().startswith(RASPBERRY)


def card(mac: str) -> str:
    """What a MAC address tells by itself of the machine that has it; empty when it tells nothing."""
    if is_raspberry(mac):
        return "a Raspberry Pi"
    made_up = re.match(r"[0-9a-f][26ae]:", mac.lower())  # the bit that says: given by software
    return "a made-up one: a phone, a virtual machine or a container" if made_up else ""


def pi(mac: str, name: str = "") -> str:
    """Why a host is taken for a Raspberry Pi; empty when nothing speaks for it."""
    if is_raspberry(mac):
        return BY_MAC
    return "by its name" if re.match(r"raspberrypi\b", name.lower()) else ""


def system(banner: str) -> str:
    """The operating system that an SSH banner speaks of: ``Debian 12 (bookworm)``; empty when it names none."""
    found = re.search(r"OpenSSH_([\w.]+)", banner)
    version = found[1] if found else ""
    if "Ubuntu-" in banner:
        return f"Ubuntu {_UBUNTU_BY_SSH.get(version, '')}".strip()
    if "Raspbian-" in banner:
        return "Raspberry Pi OS, 32 bit"
    if "Debian-" in banner:
        named = re.search(r"\+deb(\d+)u", banner)
        number = named[1] if named else _DEBIAN_BY_SSH.get(version, "")
        name = f"Debian {number} ({_DEBIAN[number]})" if number in _DEBIAN else f"Debian {number}".strip()
        return f"Raspberry Pi OS, {name}" if "+rpt" in banner else name
    return "a small system with dropbear" if "dropbear" in banner.lower() else ""


def program(banner: str) -> str:
    """The banner without what every banner begins with: ``OpenSSH_9.2p1 Debian-2+deb12u7``."""
    return re.sub(r"^SSH-[\d.]+-", "", banner)
