"""Asking DNS servers, against a real one on loopback that dnspython's other half makes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from wizard.errors import Interrupted
from wizard.net import dns as lookup
from wizard.world import DnsAnswer

ZONE = {
    ("home.test.", "TXT"): ['"homelab-" "1234"', '"v=spf1"'],
    ("home.test.", "A"): ["203.0.113.7"],
    ("www.home.test.", "CNAME"): ["home.test."],
}


class Server:
    """Answers over UDP; `drop` questions are swallowed first."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.drop, self.garbage, self.asked = 0, False, 0

    @property
    def address(self) -> str:
        return "{}:{}".format(*self.socket.getsockname())

    def serve(self) -> None:
        while True:
            data, sender = self.socket.recvfrom(4096)
            if data == b"end":
                return
            self.asked += 1
            if self.asked > self.drop:
                self.socket.sendto(b"nonsense" if self.garbage else self.answer(data), sender)

    def answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        [question] = query.question
        name, kind = str(question.name), question.rdtype.name
        if name == "refused.test.":
            reply.set_rcode(dns.rcode.REFUSED)
        elif not any(one == name for one, _ in ZONE):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        if alias := ZONE.get((name, "CNAME")):
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", *alias))
            name = alias[0]
        if found := ZONE.get((name, kind)):
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
        return reply.to_wire()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(lookup, "TIMEOUT", 0.3)
    made = Server()
    thread = threading.Thread(target=made.serve, daemon=True)
    thread.start()
    yield made
    made.socket.sendto(b"end", made.socket.getsockname())
    thread.join(5)
    made.socket.close()


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("home.test", "TXT", DnsAnswer("NOERROR", ("homelab-1234", "v=spf1"))),
        ("home.test", "A", DnsAnswer("NOERROR", ("203.0.113.7",))),
        ("www.home.test", "A", DnsAnswer("NOERROR", ("203.0.113.7",))),
        ("www.home.test", "CNAME", DnsAnswer("NOERROR", ("home.test",))),
        ("home.test", "AAAA", DnsAnswer("NOERROR")),
        ("other.test", "A", DnsAnswer("NXDOMAIN")),
        ("refused.test", "A", DnsAnswer("REFUSED")),
    ],
)
def test_what_a_server_says(server: Server, name: str, kind: str, answer: DnsAnswer) -> None:
    assert lookup.ask(server.address, name, kind, threading.Event()) == answer


def test_a_lost_datagram_is_sent_again(server: Server) -> None:
    server.drop = 1
    assert lookup.ask(server.address, "home.test", "A", threading.Event()).records == ("203.0.113.7",)


def test_silence_nonsense_and_a_closed_port_are_no_answer(server: Server) -> None:
    server.garbage = True
    assert lookup.ask(server.address, "home.test", "A", threading.Event()) == DnsAnswer()
    server.drop = 99
    assert lookup.ask(server.address, "home.test", "A", threading.Event()) == DnsAnswer()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert lookup.ask(f"127.0.0.1:{port}", "home.test", "A", threading.Event()) == DnsAnswer()


def test_leaving_does_not_wait_for_an_answer(server: Server) -> None:
    server.drop, stop = 99, threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        lookup.ask(server.address, "home.test", "A", stop)
