"""Looking for hosts on a network that the person has confirmed. Nothing else is ever scanned.

At most `AT_ONCE` attempts begin in `CONNECT_SECONDS`: that is 213 a second, well below what fills a small router's
table or the kernel's own (1,024 neighbours, each kept for 3 seconds while nobody answers for it).
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from wizard.errors import Interrupted
from wizard.net import hints, mdns, neighbours, permitted
from wizard.world import Found

AT_ONCE = 256
BURST = 32  # of them begin before answers are looked at
CONNECT_SECONDS = 1.2  # the kernel repeats its question for a neighbour after 1 s: Wi-Fi may lose the first one
BANNER_SECONDS = 2.0
HEAD_START = 0.1  # for the first hits, before mDNS is begun with: its library takes 50 ms to import
LISTEN_SECONDS = 1.0  # for mDNS, meanwhile
KUBERNETES = (6443, 10250)  # the API's port, and that of the kubelet

OnFound = Callable[[Found], None]


def scan(network: str, stop: threading.Event, on_found: OnFound, *, port: int = 22) -> list[Found]:
    """Every host of `network` that shows an SSH banner, and the Pis seen there without one, by address.

    `on_found` gets each that shows a banner as it answers. Raises `WizardError` for a network larger than a /20 or
    outside private ranges, `Interrupted` on `stop`.
    """
    look = _Look(permitted.looked_through(network), on_found, port)
    return asyncio.run(_until(look.run(), stop))


async def _until(work: Coroutine[None, None, list[Found]], stop: threading.Event) -> list[Found]:
    """The result of `work`; `Interrupted` soon after `stop` is set."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=0.2)
            if stop.is_set():
                raise Interrupted("Stopped looking for hosts.", fix="Run the same command again to go on.")
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Look:
    """One look at one network."""

    def __init__(self, net: IPv4Network, on_found: OnFound, port: int) -> None:
        self.net, self.on_found, self.port = net, on_found, port
        self.hits: dict[str, Found] = {}
        self.refused: set[str] = set()

    async def run(self) -> list[Found]:
        clock = asyncio.get_running_loop().time
        addresses = [str(address) for address in self.net.hosts()]
        listening = asyncio.create_task(self._listen())
        knocks: list[asyncio.Task[None]] = []
        end = clock()
        try:
            for number, address in enumerate(addresses):
                if number % AT_ONCE == 0:
                    await asyncio.sleep(end - clock())
                    end = clock() + CONNECT_SECONDS
                elif number % BURST == 0:
                    await asyncio.sleep(0)
                knocks.append(asyncio.create_task(self._knock(address, end)))
            await asyncio.gather(*knocks)
            return await self._and_the_quiet(await listening)
        finally:
            for task in (listening, *knocks):
                task.cancel()
            await asyncio.gather(listening, *knocks, return_exceptions=True)

    async def _listen(self) -> list[mdns.Heard]:
        own = "" if self.net.is_loopback else neighbours.address_in(self.net)
        await asyncio.sleep(HEAD_START)
        return await mdns.browse(self.net, own, LISTEN_SECONDS) if own else []

    async def _and_the_quiet(self, heard: list[mdns.Heard]) -> list[Found]:
        """Everybody. Who is there but showed no banner is asked once more: his first answer may have been lost."""
        found = merged(self.net, self.hits, heard, neighbours.table(), self.refused)
        quiet = [host.address for host in found if not host.banner and host.address not in self.refused]
        end = asyncio.get_running_loop().time() + CONNECT_SECONDS
        await asyncio.gather(*(self._knock(address, end) for address in quiet[:AT_ONCE]))
        return merged(self.net, self.hits, heard, neighbours.table(), self.refused) if quiet else found

    async def _knock(self, address: str, end: float) -> None:
        """Asks one address, until `end` or, where the attempts before it took their time to begin, a little longer."""
        patience = max(CONNECT_SECONDS - 0.1, end - asyncio.get_running_loop().time())
        try:
            banner = await _banner(address, self.port, patience)
        except ConnectionRefusedError:
            self.refused.add(address)
            return
        if banner:
            hit = Found(address, banner, neighbours.table().get(address, ""), by=("SSH",))
            self.hits[address] = hit
            self.on_found(hit)
            self.hits[address] = replace(hit, kubernetes=await _kubernetes(address, end))


def merged(
    net: IPv4Network, hits: Mapping[str, Found], heard: Iterable[mdns.Heard], macs: Mapping[str, str], refused: set[str]
) -> list[Found]:
    """Who showed a banner, and who else is a Pi or says that it takes SSH; each with all that is known. Pure."""
    told = {one.address: one for one in heard}
    addresses = {*hits, *told, *(address for address in macs if IPv4Address(address) in net)}
    found = []
    for address in sorted(addresses, key=IPv4Address):
        hit, name = hits.get(address, Found(address)), told.get(address)
        mac = macs.get(address) or hit.mac or (name.mac if name else "")
        by = [*hit.by, *(["mDNS"] if name else [])] or ["the neighbour table"]
        hit = replace(hit, mac=mac, name=name.name if name else "", by=tuple(by), refuses=address in refused)
        if hit.banner or hints.pi(mac, hit.name) or (name and name.ssh):
            found.append(hit)
    return found


async def _banner(address: str, port: int, patience: float) -> str:
    """The SSH banner, or an empty text when nobody or something else answers. Raises ConnectionRefusedError."""
    try:
        with _socket() as sock:  # bare sockets: half the work of asyncio's streams, so the first hits come sooner
            await _connected(sock, address, port, patience)
            async with asyncio.timeout(BANNER_SECONDS):
                return await _greeting(sock)
    except ConnectionRefusedError:
        raise
    except OSError:  # TimeoutError is one
        return ""


async def _greeting(sock: socket.socket) -> str:
    """The line that begins with SSH-, made fit to be shown; a server may say a few lines before it."""
    said = b""
    while len(said) < 4096 and (more := await asyncio.get_running_loop().sock_recv(sock, 1024)):
        said += more
        if found := re.search(rb"^(SSH-[^\n]*)\n", said, re.M):
            text = found[1].decode("ascii", errors="replace").strip()[:120]
            return "".join(char if char.isprintable() else "?" for char in text)
    return ""


async def _kubernetes(address: str, end: float) -> bool:
    """Whether a port of Kubernetes is open there. Ports that a firewall drops hold up the scan no longer than `end`."""

    async def is_open(port: int) -> bool:
        try:
            with _socket() as sock:
                await _connected(sock, address, port, max(0.1, end - asyncio.get_running_loop().time()))
        except OSError:
            return False
        return True

    return any(await asyncio.gather(*map(is_open, KUBERNETES)))


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    return sock


async def _connected(sock: socket.socket, address: str, port: int, patience: float) -> None:
    async with asyncio.timeout(patience):
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
