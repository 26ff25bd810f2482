"""Asking one DNS server for one name. dnspython is the only thing here that knows DNS's bytes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from wizard.net.soon import soon
from wizard.world import DnsAnswer

TIMEOUT = 3.0  # seconds for one try; a public server answers within a tenth of one
TRIES = 2  # a datagram may be lost


def ask(server: str, name: str, kind: str, stop: threading.Event) -> DnsAnswer:
    """See `World.dns`."""
    return soon(stop, lambda: _ask(server, name, kind))


def _ask(server: str, name: str, kind: str) -> DnsAnswer:
    import dns.exception
    import dns.message
    import dns.query
    import dns.rcode

    host, _, port = server.partition(":")
    for _ in range(TRIES):
        query = dns.message.make_query(name, kind)
        try:
            reply, _ = dns.query.udp_with_fallback(query, host, TIMEOUT, int(port or 53), ignore_errors=True)
        except (dns.exception.DNSException, OSError):  # no answer, none that can be read, or no way there
            continue
        return DnsAnswer(dns.rcode.to_text(reply.rcode()), tuple(sorted(_records(reply.answer, kind))))
    return DnsAnswer()


def _records(answer: Any, kind: str) -> Iterator[str]:
    """The records of `kind`, wherever aliases led; the parts of a text are put together."""
    import dns.rdatatype

    for group in answer:
        if group.rdtype == dns.rdatatype.from_text(kind):
            for one in group:
                yield b"".join(one.strings).decode(errors="replace") if kind == "TXT" else one.to_text().rstrip(".")
