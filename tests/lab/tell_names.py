"""Tells names by mDNS from the network namespace that it runs in, as avahi-daemon does on Raspberry Pi OS.

    python tell_names.py OWN_ADDRESS NAME MAC ADDRESS,ADDRESS…

Says `ready` once it has announced them; ends with its standard input.
"""

from __future__ import annotations

import asyncio
import socket
import sys

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf


async def main(own: str, name: str, mac: str, addresses: str) -> None:
    teller = AsyncZeroconf(interfaces=[own], ip_version=IPVersion.V4Only)
    packed = [socket.inet_aton(address) for address in addresses.split(",")]
    for service, instance, port in (
        ("_workstation._tcp.local.", f"{name} [{mac}]", 9),
        ("_sftp-ssh._tcp.local.", name, 22),
    ):
        info = ServiceInfo(service, f"{instance}.{service}", port, server=f"{name}.local.", addresses=packed)
        await (await teller.async_register_service(info))
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await teller.async_close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
