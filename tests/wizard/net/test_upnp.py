"""The UPnP client against a router on loopback that says what each case needs. A real one: tests/lab/test_router.py."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wizard.errors import RouterRefused, WizardError
from wizard.net import upnp

ROUTER = "127.0.0.1"
IP = "urn:schemas-upnp-org:service:WANIPConnection:1"
PPP = "urn:schemas-upnp-org:service:WANPPPConnection:1"


class Page:
    """The router: its description, what it answers by (path, action), and what it was asked."""

    def __init__(self) -> None:
        self.description = ""
        self.said: dict[tuple[str, str], tuple[int, str]] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.location = ""

    def services(self, *pairs: tuple[str, str], base: str = "") -> None:
        self.description = f"<root>{base}" + "".join(
            f"<service>\n<serviceType>{name}</serviceType><controlURL>{way}</controlURL></service>"
            for name, way in pairs
        )


class Handler(BaseHTTPRequestHandler):
    page: Page

    def do_GET(self) -> None:
        self.answer(200, self.page.description)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = self.headers["SOAPAction"].strip('"').partition("#")[2]
        self.page.asked.append((self.path, action, body))
        self.answer(*self.page.said.get((self.path, action), (500, "<errorCode>401</errorCode>")))

    def answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


def find(page: Page, finder: socket.socket) -> None:
    """Answers those who look for a router, until it is told to end."""
    while True:
        search, sender = finder.recvfrom(2048)
        if search == b"end":
            return
        if page.location and b"ssdp:discover" in search:
            finder.sendto(f"HTTP/1.1 200 OK\r\nLocation: {page.location}\r\n\r\n".encode(), sender)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    made = Page()
    web = ThreadingHTTPServer((ROUTER, 0), type("Of", (Handler,), {"page": made}))
    made.location = f"http://{ROUTER}:{web.server_port}/desc.xml"
    finder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    finder.bind((ROUTER, 0))
    for name, value in (("PORT", finder.getsockname()[1]), ("GROUP", ROUTER), ("ANSWER_SECONDS", 0.2)):
        monkeypatch.setattr(upnp, name, value)
    threads = [
        threading.Thread(target=web.serve_forever, args=(0.05,)), threading.Thread(target=find, args=(made, finder)),
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    yield made
    web.shutdown()
    finder.sendto(b"end", finder.getsockname())
    for thread in threads:
        thread.join()
    web.server_close()
    finder.close()


def call(action: str, **values: str) -> dict[str, str]:
    return upnp.call(ROUTER, action, values, threading.Event())


def test_values_go_and_come_whatever_is_in_them(page: Page) -> None:
    page.services((IP, "/ctl"))
    page.said["/ctl", "Get"] = 200, "<u:R><NewName>a &lt;b&gt; &amp; c</NewName>\n<NewHost></NewHost><NewEmpty/></u:R>"
    assert call("Get", NewText="<x> & y") == {"NewName": "a <b> & c", "NewHost": ""}
    [(path, action, body)] = page.asked
    assert (path, action) == ("/ctl", "Get")
    assert f'<u:Get xmlns:u="{IP}"><NewText>&lt;x&gt; &amp; y</NewText></u:Get>' in body


@pytest.mark.parametrize(("status", "text", "code"), [(500, "<errorCode>718</errorCode>", 718), (404, "", 404)])
def test_a_refusal_has_its_number(page: Page, status: int, text: str, code: int) -> None:
    page.services((IP, "/ctl"))
    page.said["/ctl", "AddPortMapping"] = status, text
    with pytest.raises(RouterRefused) as caught:
        call("AddPortMapping")
    assert caught.value.code == code


def test_of_several_ways_out_the_connected_one_is_asked(page: Page) -> None:
    page.services((IP, "/ip"), ("urn:schemas-upnp-org:service:Layer3Forwarding:1", "/l3"), (PPP, "/ppp"))
    page.said["/ip", "GetStatusInfo"] = 200, "<NewConnectionStatus>Disconnected</NewConnectionStatus>"
    page.said["/ppp", "GetStatusInfo"] = 200, "<NewConnectionStatus>Connected</NewConnectionStatus>"
    page.said["/ppp", "Get"] = 200, "<NewName>ppp</NewName>"
    assert call("Get") == {"NewName": "ppp"}


def test_an_address_of_its_own_for_requests_is_taken(page: Page) -> None:
    page.services((IP, "ctl"), base=f"<URLBase>{page.location.removesuffix('desc.xml')}deep/</URLBase>")
    page.said["/deep/ctl", "Get"] = 200, ""
    assert call("Get") == {}


@pytest.mark.parametrize("location", ["", "http://127.0.0.2:9/desc.xml", "https://127.0.0.1/desc.xml"])
def test_nobody_answers_who_may(page: Page, location: str) -> None:
    page.location = location
    with pytest.raises(WizardError, match="does not answer to UPnP"):
        call("Get")


@pytest.mark.parametrize(
    ("name", "way", "words"),
    [
        (IP, "http://127.0.0.2:9/ctl", "names another machine"),
        ("urn:schemas-upnp-org:service:Layer3Forwarding:1", "/ctl", "maps no ports"),
        (IP, "http://127.0.0.1:1/ctl", "did not answer by UPnP"),
    ],
)
def test_a_router_that_leads_astray(page: Page, name: str, way: str, words: str) -> None:
    page.services((name, way))
    with pytest.raises(WizardError, match=words):
        call("Get")
    assert page.asked == []
