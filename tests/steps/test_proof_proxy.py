"""Outside looked at through a proxy: what is sent, what comes of it, and what is never green."""

from __future__ import annotations

import contextlib
import http.server
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from steps.reach import judge, probing, rows
from steps.reach.causes import explain
from steps.reach.judge import Cell, Seen
from steps.reach.rows import Probe
from tests.steps.reach_world import APPS, HOME, NONCE, NOW, changed, usual
from tests.steps.test_proof_probes import KINDS, Traefik, certificate, context
from wizard.realworld import RealWorld


def outside(cells: Sequence[Cell]) -> dict[str, tuple[str, str]]:
    return {c.probe.what: (c.verdict, c.seen) for c in cells if c.probe.vantage == "outside"}


def judged(seen: dict[str, Seen]) -> list[Cell]:
    answers = changed(proof={"outside": "proxy", "outside_proxy": "127.0.0.1:1055", "outside_probe": None})
    found = []
    for probe in rows.probes(answers, APPS):
        excuse = rows.unmeasurable(probe, answers, APPS)
        what = seen.get(f"{probe.vantage} {probe.kind}", usual(probe))
        cell = judge.judge(probe, what, answers, NOW)
        found.append(replace(cell, verdict="not measured", seen=excuse) if excuse else cell)
    return judge.settle(found, answers)


def test_through_a_proxy_all_but_names_is_measured() -> None:
    found = outside(judged({}))
    assert {what for what, (verdict, _) in found.items() if verdict != "ok"} == {"public names, as asked there"}


def test_a_proxy_that_leads_home_proves_nothing_and_accuses_nobody() -> None:
    found = judged({"outside closed": NONCE})
    assert {verdict for verdict, _ in outside(found).values()} == {"not measured"}
    assert "leads into your home" in outside(found)["API server"][1] and not explain(found, HOME)


def test_a_proxy_through_which_nothing_comes_proves_nothing() -> None:
    lost = dict.fromkeys((f"outside {kind}" for kind in ("app", "hidden", "certificate", "redirect")), Seen("refused"))
    assert "nothing came through the proxy" in outside(judged(lost))["API server"][1]
    one = {**lost, "outside redirect": Seen("http", 301, text="https://hello.home.test/")}
    assert [cause.code for cause in explain(judged(one), HOME)] == ["port-not-forwarded"]


@pytest.mark.parametrize("text", ["127.0.0.1:1055", "socks5://localhost:1080", "socks5h://proxy.test:1/"])
def test_a_proxy_is_read(text: str) -> None:
    assert ":" in probing.PROXY.parse(text) and "/" not in probing.PROXY.parse(text)


@pytest.mark.parametrize("text", ["127.0.0.1", "http://127.0.0.1:80", "x:0", "x:70000", "$(id):1", "a b:1"])
def test_something_else_is_no_proxy(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 127\.0\.0\.1:1055"):
        probing.PROXY.parse(text)


class Socks(socketserver.BaseRequestHandler):
    """SOCKS 5, as far as curl needs it. What can't be reached is told by `failure`."""

    failure = 5

    def handle(self) -> None:
        self.request.recv(1 + 1 + 255)
        self.request.sendall(b"\5\0")
        _, _, _, kind = self.request.recv(4)
        host = socket.inet_ntoa(self.request.recv(4)) if kind == 1 else self.request.recv(self.request.recv(1)[0])
        [port] = struct.unpack("!H", self.request.recv(2))
        try:
            there = socket.create_connection((host, port), timeout=5)
        except OSError:
            self.request.sendall(bytes([5, self.failure, 0, 1]) + bytes(6))
            return
        self.request.sendall(bytes([5, 0, 0, 1]) + bytes(6))
        back = threading.Thread(target=_pour, args=(there, self.request), daemon=True)
        back.start()
        _pour(self.request, there)
        back.join(5)


def _pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


class Many(socketserver.ThreadingTCPServer):
    daemon_threads = True


def test_real_requests_go_through_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate(tmp_path))
    app = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Traefik)
    app.socket = tls.wrap_socket(app.socket, server_side=True)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        closed = int(sock.getsockname()[1])
    with serving(app) as port, serving(Many(("127.0.0.1", 0), Socks)) as proxy:
        ask = [Probe("outside", kind, kind, "127.0.0.1", port, "hello.home.test") for kind in KINDS]
        ask += [Probe("outside", "closed", name, "127.0.0.1", at) for name, at in (("closed", closed), ("open", port))]
        world = context(RealWorld(), tmp_path)
        seen = probing.send(world, ask, None, "0123456789abcdef", {"proxy": f"127.0.0.1:{proxy}"}).seen
        monkeypatch.setattr(Socks, "failure", 1)
        failed = probing.send(world, ask[2:3], None, "0123456789abcdef", {"proxy": f"127.0.0.1:{proxy}"}).seen
        nobody = probing.send(world, ask, None, "0123456789abcdef", {"proxy": f"127.0.0.1:{closed}"}).seen
    assert {key.partition(" ")[2]: one.word for key, one in seen.items()} == {
        "app": "http", "certificate": "untrusted", "closed": "refused", "open": "connected",
    }  # fmt: skip
    assert seen["outside: app"].nonce and failed["outside: closed"].word == "refused"
    assert {one.word for one in nobody.values()} == {"proxy does not answer"}
    verdicts = {judge.judge(probe, nobody[probe.key], changed(), NOW).verdict for probe in ask}
    assert verdicts == {"not measured"}
