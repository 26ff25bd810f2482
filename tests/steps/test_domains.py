"""Names: which are refused, and how the DuckDNS token is tried."""

from __future__ import annotations

import base64
import hashlib
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from steps.domain_mistakes import mistakes
from steps.domains import QUESTIONS, Domains, authority, duckdns_names, refuse_unproved
from wizard import events
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.secret import Secret
from wizard.state import State
from wizard.world import DnsAnswer, Request, Response


@pytest.mark.parametrize(
    ("provider", "external", "internal", "path", "words"),
    [
        ("duckdns", "home.example.org", "home-internal.duckdns.org", "external_domain", "not a DuckDNS name"),
        ("duckdns", "duckdns.org", "home-internal.duckdns.org", "external_domain", "not a DuckDNS name"),
        ("duckdns", "home.duckdns.org", "a.b.home.duckdns.org", "internal_domain", "too deep"),
        ("duckdns", "home.duckdns.org", "home.duckdns.org", "internal_domain", "also the public name"),
        ("duckdns", "a.home.duckdns.org", "home.duckdns.org", "internal_domain", "holds the public name"),
        ("none", "home.example.org", "example.org", "internal_domain", "holds the public name"),
        ("none", "home.local", "in.example.org", "external_domain", "ends in .local"),
        ("cloudflare", "home.duckdns.org", "in.example.org", "external_domain", "looked after by DuckDNS"),
    ],
)
def test_a_name_that_can_not_work_is_refused(
    provider: str, external: str, internal: str, path: str, words: str
) -> None:
    found = mistakes({"provider": provider, "external_domain": external, "internal_domain": internal})
    assert [(problem.path, words in problem.what, bool(problem.fix)) for problem in found] == [
        (f"domains.{path}", True, True)
    ]


@pytest.mark.parametrize(
    ("provider", "external", "internal"),
    [
        ("duckdns", "home.duckdns.org", "home-internal.duckdns.org"),
        ("duckdns", "home.duckdns.org", "internal.home.duckdns.org"),
        ("none", "home.lab.test", "internal.home.lab.test"),
        ("cloudflare", "example.org", "a.b.internal.example.org"),
    ],
)
def test_good_names_are_accepted(provider: str, external: str, internal: str) -> None:
    assert mistakes({"provider": provider, "external_domain": external, "internal_domain": internal}) == []
    assert mistakes({"provider": provider, "external_domain": external}) == []


@pytest.mark.parametrize(
    ("external", "internal"),
    [("home.duckdns.org", "home-internal.duckdns.org"), ("home.example.org", "internal.home.example.org")],
)
def test_a_private_name_is_proposed(external: str, internal: str) -> None:
    ctx: Any = SimpleNamespace(answers={"domains": {"external_domain": external}})
    assert QUESTIONS["internal_domain"].default_for(ctx) == internal


@pytest.mark.parametrize(
    ("email", "given", "refused"),
    [
        ("me@example.com", {}, True), ("me@Example.ORG", {}, True), ("me@home.test", {}, True),
        ("me@fritz.local", {}, True), ("me@posteo.net", {}, False), ("me@mail.example.com", {}, False),
        ("me@home.test", {"acme_directory": "https://authority.home.test/dir"}, False),
        ("me@example.com", {"provider": "none"}, False),
    ],
)  # fmt: skip
def test_an_address_that_no_account_can_be_made_for_is_refused(
    email: str, given: dict[str, str], refused: bool
) -> None:
    found = mistakes({"provider": "duckdns", "email": email, **given})
    assert [problem.path for problem in found] == (["domains.email"] if refused else [])


class DuckWorld:
    """DuckDNS: one TXT record a name, and only the names of one account. Public DNS shows what was set."""

    def __init__(self, *names: str, token: str = "duck-token", address: str = "203.0.113.7") -> None:  # noqa: S107
        self.stop = threading.Event()
        self.names, self.token, self.address = names, token, address
        self.txt: dict[str, list[str]] = {}
        self.clock = 0.0

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def http(self, request: Request) -> Response:
        query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
        name = query["domains"][0]
        assert "token" not in query
        if request.secret_query["token"].reveal() != self.token or name not in self.names:
            return Response(200, b"KO")
        if "txt" not in query:
            return Response(200, f"OK\n{self.address}\n\nNOCHANGE".encode())
        self.txt.setdefault(name, []).append("" if query.get("clear") == ["true"] else query["txt"][0])
        return Response(200, b"OK\n")

    def dns(self, server: str, name: str, kind: str) -> DnsAnswer:
        texts = self.txt.get(name.removesuffix(".duckdns.org"), [""])
        return DnsAnswer("NOERROR", (texts[-1],) if texts[-1] else ())


def context(world: DuckWorld, folder: Path, **given: Any) -> tuple[Context, list[events.Event]]:
    state = State(folder / "state.yaml", "test")
    seen: list[events.Event] = []
    bus = events.Bus()
    bus.listen(seen.append)
    ctx = Context(world, state, None, bus)  # type: ignore[arg-type]
    answers = {
        "provider": "duckdns", "external_domain": "home.duckdns.org", "internal_domain": "home-internal.duckdns.org",
        "email": "me@example.org", "issuer": "staging", "duckdns_api": None, **given,
    }  # fmt: skip
    for key, value in answers.items():
        ctx.keep("domains", key, value)
    ctx.keep("domains", "token", Secret("duck-token"))
    return ctx, seen


def test_the_token_is_tried_on_every_name_once(tmp_path: Path) -> None:
    world = DuckWorld("home", "home-internal")
    ctx, _ = context(world, tmp_path)
    step = Domains()
    changes = step.plan(step.check(ctx), ctx.answers)
    assert [change.id for change in changes] == ["domains/prove", "domains/public-address"]
    for change in changes:
        ctx.do(change)
    assert ctx.state.recall("domains", "public") == "203.0.113.7"
    assert {name: [bool(text) for text in texts] for name, texts in world.txt.items()} == {
        "home": [True, False], "home-internal": [True, False],
    }  # fmt: skip
    assert step.plan(step.check(ctx), ctx.answers) == []
    assert "duck-token" not in (tmp_path / "state.yaml").read_text()


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (DuckWorld("home", "home-internal", token="another"), "DuckDNS refused the token for home and home-internal."),
        (DuckWorld("home"), "DuckDNS refused the name home-internal."),
        (DuckWorld(), "DuckDNS refused the token"),
    ],
)
def test_a_refusal_says_whether_token_or_name_is_wrong(world: DuckWorld, words: str, tmp_path: Path) -> None:
    ctx, _ = context(world, tmp_path)
    step = Domains()
    with pytest.raises(WizardError) as caught:
        ctx.do(step.plan(step.check(ctx), ctx.answers)[0])
    assert words in str(caught.value)
    assert "duck-token" not in str(caught.value)
    assert step.plan(step.check(ctx), ctx.answers)


def test_one_name_for_both_is_accepted_with_a_warning(tmp_path: Path) -> None:
    ctx, seen = context(DuckWorld("home"), tmp_path, internal_domain="internal.home.duckdns.org")
    step = Domains()
    assert duckdns_names(ctx.answers) == ["home"]
    step.check(ctx), step.check(ctx)
    assert [note.title for note in seen if isinstance(note, events.Note)] == ["One DuckDNS name for both"]


def test_without_a_provider_nothing_is_done(tmp_path: Path) -> None:
    world = DuckWorld()
    ctx, _ = context(world, tmp_path, provider="none", external_domain="home.lab.test")
    step = Domains()
    assert step.plan(step.check(ctx), ctx.answers) == []
    assert world.txt == {}


def test_the_own_authoritys_certificate_is_read_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    answers = {"domains": {"acme_ca_file": str(file)}}
    assert authority({"domains": {}}) == ""
    for content, what in ((None, "could not be read"), ("a key", "holds no certificate")):
        if content:
            file.write_text(content)
        with pytest.raises(WizardError) as failed:
            authority(answers)
        assert what in failed.value.what and failed.value.fix
    file.write_text("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n")
    assert base64.b64decode(authority(answers)).decode() == file.read_text()


def test_pihole_is_not_told_to_ask_itself() -> None:
    answers = {"domains": {"resolvers": ["10.0.0.5", "10.0.0.53"]}, "addresses": {"dns_address": "10.0.0.53"}}
    assert [problem.path for problem in Domains().validate(answers)] == ["domains.resolvers"]
    answers["addresses"]["dns_address"] = "10.0.0.54"
    assert Domains().validate(answers) == []
    answers["domains"]["resolvers"] = [f"10.0.0.{number}" for number in range(4)]
    assert ["more than a pod can use" in problem.what for problem in Domains().validate(answers)] == [True]


@pytest.mark.parametrize(
    ("wan", "public", "words"),
    [("100.72.3.4", "203.0.113.7", "CGNAT"), ("203.0.113.7", "203.0.113.7", ""), (None, "203.0.113.7", "")],
)
def test_a_home_that_no_port_can_be_forwarded_to_is_told_once(
    wan: str | None, public: str, words: str, tmp_path: Path
) -> None:
    ctx, seen = context(DuckWorld(), tmp_path, wan_address=wan)
    ctx.state.remember("domains", "public", value=public)
    Domains().check(ctx), Domains().check(ctx)
    told = [note.text for note in seen if isinstance(note, events.Note) and note.title == "Your home's address"]
    assert [words in text and "answer No at the router" in text for text in told] == ([True] if words else [])


def test_an_address_that_duckdns_does_not_tell_is_asked_for_once(tmp_path: Path) -> None:
    ctx, _ = context(DuckWorld("home", "home-internal", address=""), tmp_path)
    for change in Domains().plan(Domains().check(ctx), ctx.answers):
        ctx.do(change)
    assert ctx.state.recall("domains", "public") == ""
    assert Domains().plan(Domains().check(ctx), ctx.answers) == []


def prove(ctx: Context) -> list[str]:
    planned = Domains().plan(Domains().check(ctx), ctx.answers)
    for change in planned:
        ctx.do(change)
    return [change.id for change in planned]


def test_another_token_is_tried_anew_and_nothing_of_it_is_remembered(tmp_path: Path) -> None:
    ctx, _ = context(DuckWorld("home", "home-internal"), tmp_path)
    assert prove(ctx) == ["domains/prove", "domains/public-address"]
    assert prove(ctx) == []
    ctx.keep("domains", "token", Secret("wrong-token"))
    with pytest.raises(WizardError, match="refused the token") as caught:
        prove(ctx)
    assert caught.value.answers == ("domains.token",), "trying again asks for it again"
    with pytest.raises(Blocked, match="not the DuckDNS token that was tried"):
        refuse_unproved(ctx)
    ctx.keep("domains", "token", Secret("duck-token"))
    refuse_unproved(ctx)
    assert prove(ctx) == [], "the one that was proved still is"
    text = (tmp_path / "state.yaml").read_text()
    for plain in ("duck-token", "wrong-token"):
        assert plain not in text and hashlib.sha256(plain.encode()).hexdigest() not in text


def test_what_was_proved_before_tokens_were_told_apart_is_proved_once_more(tmp_path: Path) -> None:
    ctx, _ = context(DuckWorld("home", "home-internal"), tmp_path)
    prove(ctx)
    ctx.state.remember("domains", "proved_with", value=None)
    refuse_unproved(ctx)
    assert prove(ctx) == ["domains/prove"]
    assert prove(ctx) == []
