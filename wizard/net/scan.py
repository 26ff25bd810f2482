"""Looking for SSH on a network that the person has confirmed. Nothing else is ever scanned."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import threading
from collections.abc import Callable

from wizard.errors import Interrupted, WizardError
from wizard.net import neighbours
from wizard.world import Found

AT_ONCE = 256
CONNECT_SECONDS = 0.5
BANNER_SECONDS = 2.0
SMALLEST_PREFIX = 20  # 4,094 addresses


def scan(network: str, stop: threading.Event, on_found: Callable[[Found], None], *, port: int = 22) -> list[Found]:
    """Every host of `network` that shows an SSH banner, by address; `on_found` gets each as it answers.

    Raises `WizardError` for a network larger than a /20 or outside private ranges, `Interrupted` on `stop`.
    """
    net = _allowed(network)
    return asyncio.run(_scan(net, stop, on_found, port))


def _allowed(network: str) -> ipaddress.IPv4Network:
    net = ipaddress.IPv4Network(network)
    if net.prefixlen < SMALLEST_PREFIX:
        raise WizardError(
            f"{net} is too large to look through.", f"It has {net.num_addresses} addresses.",
            f"Give the part where the Pis are, at most a /{SMALLEST_PREFIX}, or name the Pis in machines.hosts.",
        )  # fmt: skip
    if net.is_global:
        raise WizardError(
            f"{net} is not a home network.", "Its addresses are public, so these are other people's computers.",
            "Give your own network, such as 192.168.1.0/24.",
        )  # fmt: skip
    return net


async def _scan(
    net: ipaddress.IPv4Network, stop: threading.Event, on_found: Callable[[Found], None], port: int
) -> list[Found]:
    slots = asyncio.Semaphore(AT_ONCE)
    found: list[Found] = []

    async def one(address: str) -> None:
        async with slots:
            banner = await _banner(address, port)
        if banner:
            mac = neighbours.mac_of(address)
            hit = Found(address, banner, mac, hint(banner, mac))
            found.append(hit)
            on_found(hit)

    tasks = [asyncio.create_task(one(str(address))) for address in net.hosts()]
    try:
        pending = set(tasks)
        while pending:
            _, pending = await asyncio.wait(pending, timeout=0.2)
            if stop.is_set():
                raise Interrupted("Stopped looking for hosts.", fix="Run the same command again to go on.")
    finally:
        for task in tasks:
            task.cancel()
        failures = [e for e in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(e, Exception)]
    if failures:
        raise failures[0]
    return sorted(found, key=lambda hit: ipaddress.IPv4Address(hit.address))


async def _banner(address: str, port: int) -> str:
    """The SSH banner, or an empty text when nobody or something else answers."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT_SECONDS)
    except (OSError, TimeoutError):
        return ""
    try:
        for _ in range(5):  # a server may say a few lines before its banner
            line = await asyncio.wait_for(reader.readline(), BANNER_SECONDS)
            if line.startswith(b"SSH-"):
                text = line.decode("ascii", errors="replace").strip()[:120]
                return "".join(char if char.isprintable() else "?" for char in text)
    except (OSError, TimeoutError, ValueError):
        return ""
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), CONNECT_SECONDS)
    return ""


def hint(banner: str, mac: str) -> str:
    """What a banner and a MAC address say about the kind of host."""
    if neighbours.is_raspberry(mac):
        return "Raspberry Pi (by its MAC address)"
    for word in ("Raspbian", "Debian", "Ubuntu", "dropbear"):
        if word.lower() in banner.lower():
            return {"Raspbian": "Raspberry Pi OS, 32 bit (by its banner)"}.get(word, f"{word} (by its banner)")
    return ""
