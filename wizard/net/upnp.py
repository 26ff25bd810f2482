"""Asking the home router by UPnP (Internet Gateway Device, versions 1 and 2): its own address, and its port mappings.

Nothing is believed that does not come from the router's own address, and nothing is sent elsewhere, but for one
question to UPnP's multicast group, where the router does not answer it at its address.
"""

from __future__ import annotations

import contextlib
import html
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit
from xml.sax.saxutils import escape

from wizard.errors import RouterRefused, WizardError
from wizard.net.soon import soon

GROUP, PORT = "239.255.255.250", 1900
DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"  # newer versions answer to it as well
SERVICE = re.compile(r"urn:schemas-upnp-org:service:WAN(IP|PPP)Connection:[12]")
ANSWER_SECONDS = 2.0  # the router is asked to answer within one
HTTP_SECONDS = 10.0
MOST_BYTES = 300_000
CODES = {
    401: "it does not know this request",
    402: "it does not understand this request",
    501: "it could not do it",
    606: "it does not allow it to this computer, or not for another device than the one that asks",
    714: "it has no such entry",
    715: "it takes no mapping from everywhere",
    716: "it wants another port",
    718: "the port is taken, or it lets a device open ports only to itself",
    724: "it wants the same port inside and outside",
    725: "it knows only mappings without an end",
    728: "its table of mappings is full",
    729: "the port is taken by something else in the router",
}


def call(router: str, action: str, values: Mapping[str, str], stop: threading.Event) -> dict[str, str]:
    """See `World.upnp`."""
    return soon(stop, lambda: _call(router, action, values))


def _call(router: str, action: str, values: Mapping[str, str]) -> dict[str, str]:
    services = _services(router)
    if action != "GetStatusInfo" and len(services) > 1:  # a router has one for each way out; one of them is in use
        services = [each for each in services if _connected(router, each)] or services
    return _ask(router, services[0], action, values)


def _connected(router: str, service: tuple[str, str]) -> bool:
    try:
        return _ask(router, service, "GetStatusInfo", {}).get("NewConnectionStatus") == "Connected"
    except WizardError:
        return False


# -- finding the service ---------------------------------------------------------------------------------------------


def _services(router: str) -> list[tuple[str, str]]:
    """The services that map ports: what each is called, and where it is asked. Raises `WizardError`."""
    place = _place(router)
    text = _http(router, "GET", place)[1]
    base = re.search(r"<URLBase>\s*([^<\s]+)\s*</URLBase>", text)
    found = [
        (name, urljoin(base[1] if base else place, way))
        for part in re.findall(r"<service>(.*?)</service>", text, re.DOTALL)
        if SERVICE.fullmatch(name := _value(part, "serviceType")) and (way := _value(part, "controlURL"))
    ]
    if not found:
        raise WizardError(
            f"The router {router} speaks UPnP, but maps no ports by it.", "It offers no service for that.",
            "Switch UPnP port mapping on in the router, or forward the ports by hand.",
        )  # fmt: skip
    return found


def _place(router: str) -> str:
    """Where the router describes itself. It is asked at its address first; only then its network is."""
    for target in ((router, PORT), (GROUP, PORT)):
        for place in _answers(router, target):
            if urlsplit(place).hostname == router:
                return place
    raise WizardError(
        f"The router {router} does not answer to UPnP.", "It is switched off there, or the router has none.",
        "Switch it on in the router, or set router.automatic to none and forward the ports by hand.",
    )  # fmt: skip


def _answers(router: str, target: tuple[str, int]) -> Iterator[str]:
    search = f'M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:{PORT}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: {DEVICE}\r\n\r\n'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(ANSWER_SECONDS)
        for _ in range(2):  # a datagram may be lost
            with contextlib.suppress(OSError):  # silence, or a refusal: there is no UPnP at this address
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(_own_address(router)))
                sock.sendto(search.encode(), target)
                while True:
                    answer, sender = sock.recvfrom(4096)
                    place = re.search(rb"(?im)^location:\s*(http://\S+)", answer)
                    if sender[0] == router and place:
                        yield place[1].decode("ascii", "replace")


def _own_address(router: str) -> str:
    """This computer's address on the way to the router. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((router, PORT))
        return str(sock.getsockname()[0])


# -- asking it -------------------------------------------------------------------------------------------------------


def _ask(router: str, service: tuple[str, str], action: str, values: Mapping[str, str]) -> dict[str, str]:
    name, place = service
    fields = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in values.items())
    body = (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
        ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{name}">{fields}</u:{action}></s:Body></s:Envelope>'
    )
    status, text = _http(router, "POST", place, body, {"SOAPAction": f'"{name}#{action}"'})
    if status != 200:
        code = _value(text, "errorCode")
        number = int(code) if code.isdigit() else status
        raise RouterRefused(action, number, f"It says: {CODES.get(number, 'no more than that')}.")
    return {key: html.unescape(value).strip() for key, value in re.findall(r"<(New\w+)[^>/]*>([^<]*)</\1>", text)}


def _http(
    router: str, method: str, url: str, body: str = "", headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    import urllib3

    if urlsplit(url).hostname != router or urlsplit(url).scheme != "http":
        raise WizardError(f"The router {router} names another machine to be asked: {url}.", "It is not asked.")
    kind = {"Content-Type": 'text/xml; charset="utf-8"'} if body else {}
    try:
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(
                method, url, body=body.encode() or None, headers={**kind, **(headers or {})}, redirect=False,
                timeout=urllib3.Timeout(total=HTTP_SECONDS), preload_content=False,
            )  # fmt: skip
            return answer.status, answer.read(MOST_BYTES).decode(errors="replace")
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        raise WizardError(
            f"The router {router} did not answer by UPnP.", "It said where it can be asked, and is silent there.",
            "Try again, or forward the ports by hand.",
        ) from None  # fmt: skip


def _value(text: str, key: str) -> str:
    found = re.search(rf"<{key}>\s*([^<]*?)\s*</{key}>", text)
    return html.unescape(found[1]) if found else ""
