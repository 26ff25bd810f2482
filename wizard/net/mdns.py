"""Who tells its name by mDNS on the interface of one network. The only place that knows the library `zeroconf`.

Raspberry Pi OS comes with avahi, which tells every host's name and MAC address as a workstation.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

SERVICES = ("_workstation._tcp.local.", "_ssh._tcp.local.", "_sftp-ssh._tcp.local.")
_MAC = re.compile(r"\[((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\]")


@dataclass(frozen=True)
class Heard:
    """What one host told: its name without ``.local``, and whether it says that it takes SSH."""

    address: str
    name: str
    mac: str = ""
    ssh: bool = False


async def browse(network: IPv4Network, own: str, seconds: float) -> list[Heard]:
    """Asks for `seconds` on the interface with the address `own`; addresses outside `network` are left out.

    Nobody is heard where the port of mDNS can't be used: another program may keep it to itself.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    # 50 ms in which a scan goes on
    await loop.run_in_executor(None, importlib.import_module, "zeroconf.asyncio")
    from zeroconf import IPVersion, ServiceStateChange, Zeroconf
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

    try:
        opened = AsyncZeroconf(interfaces=[own], ip_version=IPVersion.V4Only)
    except OSError:
        return []
    told: dict[tuple[str, str], AsyncServiceInfo] = {}
    asking: set[asyncio.Task[bool]] = set()

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if (service_type, name) not in told:
            told[service_type, name] = info = AsyncServiceInfo(service_type, name)
            asking.add(asyncio.ensure_future(info.async_request(zeroconf, seconds * 1000)))

    try:
        browser = AsyncServiceBrowser(opened.zeroconf, list(SERVICES), handlers=[changed])
        await asyncio.sleep(end - loop.time())
        await browser.async_cancel()
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await opened.async_close()
    answers = [
        (service, instance, info.server or "", info.parsed_addresses(IPVersion.V4Only))
        for (service, instance), info in told.items()
    ]
    return read(network, answers)


def read(network: IPv4Network, answers: list[tuple[str, str, str, list[str]]]) -> list[Heard]:
    """The hosts inside `network`, by address, out of answers (service, instance, host name, addresses). Pure."""
    hosts: dict[str, Heard] = {}
    for service, instance, server, addresses in answers:
        mac = _MAC.search(instance.lower()) if service.startswith("_workstation.") else None
        for address in addresses:
            if IPv4Address(address) not in network:
                continue
            before = hosts.get(address, Heard(address, ""))
            hosts[address] = Heard(
                address,
                before.name or _name(server),
                before.mac or (mac[1] if mac else ""),
                before.ssh or "ssh._tcp" in service,
            )
    return sorted(hosts.values(), key=lambda heard: IPv4Address(heard.address))


def _name(server: str) -> str:
    """A host name as it may be shown: anybody on the LAN can call himself anything."""
    name = server.rstrip(".").removesuffix(".local")[:63]
    return name if re.fullmatch(r"[\w.-]+", name) else ""
