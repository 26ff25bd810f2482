"""Names told by mDNS: what answers mean, and a real exchange on loopback. On a LAN: tests/lab/test_discovery.py."""

import asyncio
import socket
import uuid
from ipaddress import IPv4Network

import pytest
from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from wizard.net import mdns
from wizard.net.mdns import Heard

NET = IPv4Network("192.168.1.0/24")
WORKSTATION, SSH, SFTP = mdns.SERVICES


@pytest.mark.parametrize(
    ("answers", "heard"),
    [
        ([], []),
        (
            [(WORKSTATION, f"atlas [dc:a6:32:4c:91:07].{WORKSTATION}", "atlas.local.", ["192.168.1.11"])],
            [Heard("192.168.1.11", "atlas", "dc:a6:32:4c:91:07")],
        ),
        (
            [(SSH, f"atlas.{SSH}", "atlas.local.", ["192.168.1.11"])],
            [Heard("192.168.1.11", "atlas", "", True)],
        ),
        (
            [
                (SFTP, f"atlas.{SFTP}", "atlas.local.", ["192.168.1.11"]),
                (WORKSTATION, f"atlas [DC:A6:32:4C:91:07].{WORKSTATION}", "atlas.local.", ["192.168.1.11"]),
            ],
            [Heard("192.168.1.11", "atlas", "dc:a6:32:4c:91:07", True)],
        ),
        # addresses outside the confirmed network are nobody's business
        ([(SSH, f"x.{SSH}", "x.local.", ["192.168.2.11", "10.0.0.1"])], []),
        ([(SSH, f"x.{SSH}", "x.local.", ["172.17.0.1", "192.168.1.9"])], [Heard("192.168.1.9", "x", "", True)]),
        # not resolved in time
        ([(SSH, f"x.{SSH}", "", [])], []),
        # a name that would write on the screen
        ([(SSH, f"x.{SSH}", "\x1b[2Jx.local.", ["192.168.1.9"])], [Heard("192.168.1.9", "", "", True)]),
        # a MAC address in the name of another service says nothing
        ([(SSH, f"x [dc:a6:32:4c:91:07].{SSH}", "x.local.", ["192.168.1.9"])], [Heard("192.168.1.9", "x", "", True)]),
    ],
)
def test_what_answers_mean(answers, heard):
    assert mdns.read(NET, answers) == heard


def test_hosts_come_by_address():
    answers = [(SSH, f"{n}.{SSH}", f"h{n}.local.", [f"192.168.1.{n}"]) for n in (100, 20, 3)]
    assert [one.address for one in mdns.read(NET, answers)] == ["192.168.1.3", "192.168.1.20", "192.168.1.100"]


async def test_a_real_answer_is_heard_and_the_time_is_kept():
    name = f"t{uuid.uuid4().hex[:12]}"
    teller = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    info = ServiceInfo(
        WORKSTATION, f"{name} [dc:a6:32:00:00:01].{WORKSTATION}", 9, server=f"{name}.local.",
        addresses=[socket.inet_aton("127.0.0.3"), socket.inet_aton("10.9.9.9")],
    )  # fmt: skip
    try:
        await (await teller.async_register_service(info))
        began = asyncio.get_running_loop().time()
        heard = await mdns.browse(IPv4Network("127.0.0.0/28"), "127.0.0.1", 1.0)
        taken = asyncio.get_running_loop().time() - began
    finally:
        await teller.async_close()
    assert [one for one in heard if one.name == name] == [Heard("127.0.0.3", name, "dc:a6:32:00:00:01")]
    assert 0.9 < taken < 3


async def test_where_the_port_is_somebody_elses_nobody_is_heard(monkeypatch):
    def taken(*given, **more):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("zeroconf.asyncio.AsyncZeroconf", taken)
    assert await mdns.browse(IPv4Network("127.0.0.0/28"), "127.0.0.1", 0.1) == []
