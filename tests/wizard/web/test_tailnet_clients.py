"""The clients of Tailscale, headscale, DuckDNS and Cloudflare against local servers that answer as the real ones do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from wizard.errors import WizardError
from wizard.realworld import RealWorld
from wizard.secret import Secret
from wizard.web.api import ApiError
from wizard.web.cloudflare import REFUSED, Cloudflare
from wizard.web.duckdns import DuckDns
from wizard.web.headscale import Headscale
from wizard.web.tailnet import Machine
from wizard.web.tailscale import Tailscale

KEY = "a-key-for-the-api"


class Server:
    """Answers from `answers`: (method, path) -> body, or (status, body). Keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[tuple[str, str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                server.asked.append((self.command, self.path, body))
                status, answer = server.answer(self.command, self.path, self.headers.get("Authorization", ""))
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = _serve  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, method: str, path: str, authorization: str) -> tuple[int, Any]:
        if path.startswith("/api/") and authorization != f"Bearer {KEY}":
            return 401, b"Unauthorized"
        found = self.answers.get((method, path), (404, {"message": "not found"}))
        return found if isinstance(found, tuple) else (200, found)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def headscale(server: Server, key: str = KEY) -> Headscale:
    return Headscale(RealWorld(), server.url, Secret(key))


def tailscale(server: Server, key: str = KEY) -> Tailscale:
    return Tailscale(RealWorld(), Secret(key), server.url)


def test_headscale_machines(server: Server) -> None:
    server.answers["GET", "/api/v1/node"] = {"nodes": [
        {"id": "1", "name": "pi1", "givenName": "pi1-1", "ipAddresses": ["100.64.0.1", "fd7a::1"], "online": True,
         "availableRoutes": ["10.0.0.1/32"], "approvedRoutes": ["10.0.0.1/32"], "subnetRoutes": ["10.0.0.1/32"],
         "tags": ["tag:homelab"], "expiry": "0001-01-01T00:00:00Z"},
        {"id": "2", "name": "laptop", "givenName": "laptop", "ipAddresses": ["100.64.0.2"], "online": False,
         "availableRoutes": [], "expiry": "2027-01-01T00:00:00Z"},
    ]}  # fmt: skip
    route = ("10.0.0.1/32",)
    assert headscale(server).machines() == [
        Machine("1", "pi1-1", ("100.64.0.1", "fd7a::1"), True, route, route, route, ("tag:homelab",)),
        Machine("2", "laptop", ("100.64.0.2",), False, expiry="2027-01-01T00:00:00Z"),
    ]


def test_headscale_approves_the_full_list(server: Server) -> None:
    server.answers["POST", "/api/v1/node/7/approve_routes"] = {"node": {}}
    headscale(server).approve("7", ["10.0.0.1/32", "10.0.0.2/32"])
    assert server.asked == [("POST", "/api/v1/node/7/approve_routes", {"routes": ["10.0.0.1/32", "10.0.0.2/32"]})]


def test_tailscale_machines(server: Server) -> None:
    server.answers["GET", "/api/v2/tailnet/-/devices?fields=all"] = {"devices": [
        {"id": "92", "nodeId": "nABC", "name": "pi1.tail1.ts.net", "hostname": "pi1", "addresses": ["100.64.0.1"],
         "connectedToControl": True, "advertisedRoutes": ["10.0.0.1/32", "10.0.0.2/32"],
         "enabledRoutes": ["10.0.0.1/32", "10.0.0.9/32"], "keyExpiryDisabled": True, "expires": "2027-01-01T00:00:00Z"},
        {"nodeId": "nDEF", "name": "pi2.tail1.ts.net", "addresses": ["100.64.0.2"], "connectedToControl": False,
         "advertisedRoutes": ["10.0.0.1/32"], "enabledRoutes": ["10.0.0.1/32"], "expires": "2027-01-01T00:00:00Z"},
    ]}  # fmt: skip
    first, second = tailscale(server).machines()
    assert (first.id, first.name, first.expiry) == ("nABC", "pi1", "")
    assert first.serving == ("10.0.0.1/32",)  # approved and offered
    assert (second.serving, second.expiry) == ((), "2027-01-01T00:00:00Z")  # not connected


def test_tailscale_approves_and_sets_the_resolver_of_one_domain(server: Server) -> None:
    server.answers["POST", "/api/v2/device/nABC/routes"] = {}
    server.answers["GET", "/api/v2/tailnet/-/dns/split-dns"] = {"other.example": ["10.0.0.8"], "gone.example": None}
    server.answers["PATCH", "/api/v2/tailnet/-/dns/split-dns"] = (200, b"")
    client = tailscale(server)
    client.approve("nABC", ["10.0.0.1/32"])
    client.set_split_dns("in.example", ["10.0.0.3"])
    assert server.asked == [
        ("POST", "/api/v2/device/nABC/routes", {"routes": ["10.0.0.1/32"]}),
        ("PATCH", "/api/v2/tailnet/-/dns/split-dns", {"in.example": ["10.0.0.3"]}),
    ]
    assert client.split_dns() == {"other.example": ["10.0.0.8"], "gone.example": []}


@pytest.mark.parametrize("client", [headscale, tailscale])
def test_a_wrong_key_is_named_and_not_shown(server: Server, client: Any) -> None:
    with pytest.raises(ApiError) as caught:
        client(server, "a-wrong-key").machines()
    assert caught.value.status == 401
    assert "refused the API key" in caught.value.what
    assert caught.value.fix
    assert "a-wrong-key" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, {"message": "database is locked"}), "database is locked"),
        ((200, b"<html>Your router</html>"), "is not headscale"),
    ],
)
def test_a_strange_answer_is_told(server: Server, answer: Any, words: str) -> None:
    server.answers["GET", "/api/v1/node"] = answer
    with pytest.raises(ApiError, match=words):
        headscale(server).machines()


def test_duckdns_sets_and_clears_the_one_txt_record(server: Server) -> None:
    client = DuckDns(RealWorld(), Secret("duck-token"), server.url)
    server.answer = lambda method, path, authorization: (200, b"OK")  # type: ignore[method-assign]
    assert client.set_txt("home", "a b")
    assert client.clear_txt("home")
    queries = [parse_qs(urlsplit(path).query, keep_blank_values=True) for _, path, _ in server.asked]
    assert queries == [
        {"domains": ["home"], "txt": ["a b"], "token": ["duck-token"]},
        {"domains": ["home"], "txt": [""], "clear": ["true"], "token": ["duck-token"]},
    ]
    server.answer = lambda method, path, authorization: (200, b"KO")  # type: ignore[method-assign]
    assert not client.set_txt("home", "x")


def test_duckdns_out_of_order_is_not_a_refusal(server: Server) -> None:
    server.answer = lambda method, path, authorization: (502, b"<html>Bad gateway</html>")  # type: ignore[method-assign]
    with pytest.raises(WizardError, match="did not answer as it should") as caught:
        DuckDns(RealWorld(), Secret("duck-token"), server.url).set_txt("home", "x")
    assert "duck-token" not in str(caught.value)


def cloudflare(server: Server) -> Cloudflare:
    return Cloudflare(RealWorld(), Secret(KEY), server.url)


def said(result: Any, *errors: tuple[int, str]) -> dict[str, Any]:
    told = [{"code": code, "message": message} for code, message in errors]
    return {"result": result, "success": not errors, "errors": told, "messages": []}


def test_cloudflare_tells_what_a_token_is_worth_and_the_nearest_zone(server: Server) -> None:
    server.answers["GET", "/user/tokens/verify"] = said({"id": "ed17", "status": "active"})
    server.answers["GET", "/zones?name=a.home.test"] = server.answers["GET", "/zones?name=cellar.test"] = said([])
    server.answers["GET", "/zones?name=home.test"] = said([{"id": "023e", "name": "home.test"}])
    client = cloudflare(server)
    assert client.status() == "active"
    assert (client.zone_of("a.home.test"), client.zone_of("cellar.test")) == ("home.test", "")
    assert [path for _, path, _ in server.asked[1:]] == [
        "/zones?name=a.home.test", "/zones?name=home.test", "/zones?name=cellar.test",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, said(None, (1000, "Invalid API Token")), "Invalid API Token (1000)"),
        (400, said(None, (6003, "Invalid request headers")), "Invalid request headers (6003)"),
        (403, said(None, (9109, "Unauthorized to access requested resource")), "Unauthorized"),
        (429, said(None, (971, "Please wait")), "status 429"),
        (502, b"<html>Bad gateway</html>", "is not Cloudflare's API"),
        (200, b"[]", "is not Cloudflare's API"),
    ],
)
def test_cloudflares_refusals_are_told_apart_from_its_outages(
    status: int, body: Any, words: str, server: Server
) -> None:
    server.answers["GET", "/user/tokens/verify"] = (status, body)
    with pytest.raises(ApiError) as caught:
        cloudflare(server).status()
    told = " ".join(caught.value.sentences())
    assert words in told and caught.value.fix and KEY not in told
    assert (caught.value.status in REFUSED) is (status in REFUSED)


def test_nobody_there_is_named() -> None:
    with pytest.raises(WizardError):
        Headscale(RealWorld(), "http://127.0.0.1:1", Secret(KEY)).machines()
