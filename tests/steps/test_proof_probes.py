"""The probe script against real local servers: what it tells apart, and that a broken tool is never a \"no\"."""

from __future__ import annotations

import base64
import datetime
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from steps.reach import probing
from steps.reach.judge import judge
from steps.reach.rows import Kind, Probe
from steps.reach.shown import read
from wizard import events
from wizard.context import Context
from wizard.demo.world import SimWorld
from wizard.realworld import RealWorld
from wizard.state import State

KINDS: tuple[Kind, ...] = ("app", "certificate")
NONCE = "0123456789abcdef"


class Traefik(BaseHTTPRequestHandler):
    """Answers like the app for its own name, and 404 for others."""

    def do_GET(self) -> None:
        name = self.headers["Host"].partition(".")[0]
        known = name == "hello" or (name in ("marked", "big") and self.path == "/.well-known/homelab")
        body = f"Name: {NONCE}\n".encode() if known else b"404 page not found\n"
        if name == "big" and not known:
            body = bytes(200_000)
        self.send_response(200 if known or name == "big" else {"marked": 302, "moved": 301}.get(name, 404))
        if name == "moved":
            self.send_header("Location", "https://moved.home.test/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Traefik)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def context(world: Any, folder: Path) -> Context:
    ctx = Context(world, State(folder / "state.yaml", "test"), None, events.Bus())  # type: ignore[arg-type]
    ctx.answers["proof"] = {}
    return ctx


def test_the_probe_tells_answers_apart(port: int, closed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the script speaks HTTP to port 80 only, which an ordinary user can't open here
    line = probing.line
    monkeypatch.setattr(probing, "line", lambda probe: line(probe).replace(f"{port} https", f"{port} http"))
    ask = [
        Probe("LAN", "app", "app", "127.0.0.1", port, "hello.home.test"),
        Probe("LAN", "app", "marked", "127.0.0.1", port, "marked.home.test"),
        Probe("LAN", "app", "big page", "127.0.0.1", port, "big.home.test"),
        Probe("LAN", "hidden", "other name", "127.0.0.1", port, "other.home.test"),
        Probe("LAN", "app", "nobody", "127.0.0.1", closed, "hello.home.test"),
        Probe("LAN", "redirect", "redirect", "127.0.0.1", port, "moved.home.test"),
        Probe("LAN", "closed", "open port", "127.0.0.1", port),
        Probe("LAN", "closed", "closed port", "127.0.0.1", closed),
    ]
    seen = probing.send(context(RealWorld(), tmp_path), ask, None, NONCE).seen
    assert seen["LAN: redirect"].text == "https://moved.home.test/"
    assert (seen["LAN: app"].source, seen["LAN: nobody"].source) == ("127.0.0.1", "")
    assert {key: (one.word, one.status, one.nonce) for key, one in seen.items()} == {
        "LAN: app": ("http", 200, True),
        "LAN: marked": ("http", 302, True),
        "LAN: big page": ("http", 200, True),
        "LAN: redirect": ("http", 301, False),
        "LAN: other name": ("http", 404, False),
        "LAN: nobody": ("refused", 0, False),
        "LAN: open port": ("connected", 0, False),
        "LAN: closed port": ("refused", 0, False),
    }


def test_plain_http_where_https_is_due_is_no_answer(port: int, tmp_path: Path) -> None:
    probe = Probe("LAN", "app", "app", "127.0.0.1", port, "hello.home.test")
    seen = probing.send(context(RealWorld(), tmp_path), [probe], None, NONCE).seen
    assert seen["LAN: app"].word == "tls"


def test_https_is_asked_by_name(tmp_path: Path) -> None:
    file, names = certificate(tmp_path), []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    tls.sni_callback = lambda sock, name, context: names.append(name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Traefik)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    ask = [Probe("LAN", kind, kind, "127.0.0.1", server.server_port, "hello.home.test") for kind in KINDS]
    seen = probing.send(context(RealWorld(), tmp_path), ask, None, NONCE).seen
    server.shutdown()
    server.server_close()
    shown = read(seen["LAN: certificate"].text)
    assert shown is not None and shown.issuer == "nobody" and seen["LAN: certificate"].word == "untrusted"
    assert (seen["LAN: app"].word, seen["LAN: app"].nonce) == ("http", True)
    assert set(names) == {"hello.home.test"}


def test_what_speaks_something_else_takes_the_connection_all_the_same(tmp_path: Path) -> None:
    """Closed it is not; and a page of which nothing can be read is no "no" either."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def banner() -> None:
            with suppress(OSError):  # nobody asks any more
                while True:
                    with server.accept()[0] as other:
                        other.sendall(b"220 mail.home.test ESMTP\r\n")
                        other.recv(1000)

        threading.Thread(target=banner, daemon=True).start()
        ask = [Probe("outside", "closed", "x", "127.0.0.1", port, "hello.home.test")]
        with pytest.MonkeyPatch.context() as patch:
            line = probing.line
            patch.setattr(probing, "line", lambda probe: line(probe).replace(" https ", " http "))
            seen = probing.send(context(RealWorld(), tmp_path), ask, None, NONCE).seen["outside: x"]
    assert judge(ask[0], seen, {}, datetime.datetime.now(datetime.UTC)).verdict == "wrong"
    assert seen.word == "connected"


def test_a_certificate_that_could_not_be_verified_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of authorities is missing: nobody has looked whether it is trusted."""
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "missing.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Traefik)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    probe = Probe("LAN", "certificate", "x", "127.0.0.1", server.server_port, "hello.home.test")
    seen = probing.send(context(RealWorld(), tmp_path), [probe], None, NONCE).seen["LAN: x"]
    server.shutdown()
    server.server_close()
    cell = judge(probe, seen, {"domains": {"issuer": "production"}}, datetime.datetime.now(datetime.UTC))
    assert (cell.verdict, seen.word) == ("not measured", "curl error 77")


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ({"10.0.0.11": "eth0", "10.0.0.50": "tailscale0"}, ["--interface eth0"]),
        ({"10.0.0.11": "eth0", "10.0.0.50": "eth0"}, []),
        ({"10.0.0.11": "lo", "10.0.0.50": "eth0"}, []),  # homelab runs on that Pi itself
        ({}, []),
    ],
)
def test_a_vpn_on_this_computer_is_gone_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, routes: dict[str, str], expected: list[str]
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    cases = "".join(
        f'{address}) echo "$4 via 10.0.0.1 dev {card} src 10.0.0.2 uid 0" ;;\n' for address, card in routes.items()
    )
    (tools / "ip").write_text(f"#!/bin/sh\ncase $4 in\n{cases}esac\n")
    (tools / "curl").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\nexit 7\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    probe = Probe("LAN", "app", "x", "10.0.0.50", 443, "hello.home.test")
    way = {"pi": "10.0.0.11", "inside": "10.0.0.50"}
    probing.send(context(RealWorld(), tmp_path), [probe], None, NONCE, way)
    asked = (tmp_path / "asked").read_text()
    assert re.findall("--interface [a-z0-9]+", asked) == expected


def certificate(folder: Path) -> Path:
    """A certificate of nobody's, as Let's Encrypt's staging ones are to a browser."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    begin = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(plain + made.public_bytes(Encoding.PEM))
    return file


def test_a_missing_curl_is_not_a_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    probe = Probe("LAN", "closed", "x", "127.0.0.1", 1)
    seen = probing.send(context(RealWorld(), tmp_path), [probe], None, NONCE).seen
    assert judge(probe, seen["LAN: x"], {}, datetime.datetime.now(datetime.UTC)).verdict == "not measured"
    assert seen["LAN: x"].word == "this computer has no curl"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("me@laptop.local", ("me", "laptop.local", 22)),
        ("root@203.0.113.7:2222", ("root", "203.0.113.7", 2222)),
    ],
)
def test_a_log_in_is_read(text: str, parsed: tuple[str, str, int]) -> None:
    station = probing.Station.parse(text)
    assert (station.user, station.host, station.port) == parsed
    assert probing.STATION.parse(text) == text


@pytest.mark.parametrize(
    "text", ["laptop", "me@", "me@-oProxyCommand=x", "me@host:0", "me@host:70000", "a b@host", "x@h;y"]
)
def test_what_is_no_log_in_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a log-in such as"):
        probing.STATION.parse(text)


def test_the_demo_answers_by_what_was_pushed(tmp_path: Path) -> None:
    world = SimWorld(tmp_path)
    for name, address in (("traefik-external", "10.0.0.51"), ("traefik-internal", "10.0.0.50")):
        values = {"service": {"annotations": {"metallb.io/loadBalancerIPs": address}}}
        world.api.put(f"/apis/x/{name}", {"kind": "HelmRelease", "spec": {"values": values}})
    reference = {"name": "WHOAMI_NAME", "valueFrom": {"secretKeyRef": {"name": "hello-word", "key": "word"}}}
    app = {"template": {"spec": {"containers": [{"env": [reference]}]}}}
    world.api.put("/apis/x/hello", {"kind": "Deployment", "metadata": {"namespace": "hello"}, "spec": app})
    word = base64.b64encode(NONCE.encode()).decode()
    world.api.put("/api/v1/namespaces/hello/secrets/hello-word", {"kind": "Secret", "data": {"word": word}})
    route = {"hostnames": ["hello.home.test"], "parentRefs": [{"name": "traefik-external"}]}
    world.api.put("/apis/x/route", {"kind": "HTTPRoute", "spec": route})
    ask = [
        Probe("LAN", "app", address, address, 80, "hello.home.test")
        for address in ("10.0.0.51", "10.0.0.50", "203.0.113.7")
    ]
    answers, missing, closed = ("http", 200, True), ("http", 404, False), ("timeout", 0, False)
    for station, expected in (
        (None, [answers, missing, answers]),  # the router leads its own address back home
        ("you@laptop", [answers, missing, answers]),
        ("you@server", [closed, closed, answers]),
    ):
        seen = probing.send(context(world, tmp_path), ask, station, NONCE).seen
        assert [(one.word, one.status, one.nonce) for one in seen.values()] == expected
