"""DuckDNS' client against a local server that answers as the real one does."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.wizard.web.local_server import Server
from wizard.errors import WizardError
from wizard.realworld import RealWorld
from wizard.secret import Secret
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
