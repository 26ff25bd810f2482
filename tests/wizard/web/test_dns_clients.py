"""The clients of DuckDNS and Cloudflare against a local server that answers as the real ones do."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.wizard.web.local_server import KEY, Server
from wizard.errors import WizardError
from wizard.realworld import RealWorld
from wizard.secret import Secret
from wizard.web.api import ApiError
from wizard.web.cloudflare import REFUSED, Cloudflare
from wizard.web.duckdns import DuckDns


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
