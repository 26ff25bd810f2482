"""The home's public address changes: it is looked up again, named, and rows at the old one prove nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps import domain_proof, domains, public_now, router_check
from steps.proof import Measured
from steps.public_now import Now, Told
from steps.reach import moved
from steps.reach.causes import Evidence, explain
from steps.reach.judge import Seen
from steps.router import QUESTIONS, Router
from tests.steps import reach_world
from tests.steps.reach_world import ARP, LOST, PUBLIC, TO_PUBLIC, changed
from tests.steps.router_home import context, run
from wizard import events
from wizard.context import Context
from wizard.demo.lan import ROUTER
from wizard.errors import WizardError
from wizard.secret import Secret
from wizard.world import DnsAnswer, Response

NEW = "198.51.100.9"
SILENT = {"outside (app|hidden|redirect|certificate)": LOST, "LAN hairpin": LOST}
ELSEWHERE = {**SILENT, "outside name .*hello.home": Seen("answers", text=NEW)}


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    """The step Domains has proved the names, and everybody was asked whom the person let be asked."""
    made = context(tmp_path)
    made.state.remember("domains", "proved", value=["home"])
    made.state.remember("domains", "public", value=PUBLIC)
    made.answers["tailnet"] = {"service": "none"}
    leads(made, NEW)
    return made


def leads(ctx: Context, *addresses: str) -> list[str]:
    """Public DNS servers lead the public name there; who is asked for what."""
    asked: list[str] = []

    def dns(server: str, name: str, kind: str) -> DnsAnswer:
        asked.append(f"{name} at {server}")
        return DnsAnswer("NOERROR", addresses)

    ctx.world.dns = dns  # type: ignore[method-assign]
    return asked


def test_where_the_name_leads_tells_once_in_a_run(ctx: Context) -> None:
    asked = leads(ctx, NEW)
    for _ in range(2):
        now = public_now.look(ctx)
    assert now.moved and asked == ["hello.home.test at 1.1.1.1"]
    assert now.sentence == (
        f"Your home's public address seems to have changed: router.public_address is {PUBLIC}, and hello.home.test"
        f" leads to {NEW}. If the router shows {NEW} as its own, give that as router.public_address; if not, the name"
        " is wrong: look at its updater."
    )
    ctx.answers["router"]["public_address"] = NEW
    assert not public_now.look(ctx).moved, "once the answer is the new one, nothing has"


@pytest.mark.parametrize("addresses", [(PUBLIC,), (), (NEW, PUBLIC), ("10.0.0.51",), ("100.64.0.9",)])
def test_what_is_no_public_address_of_its_own_tells_nothing(ctx: Context, addresses: tuple[str, ...]) -> None:
    leads(ctx, *addresses)
    assert not public_now.look(ctx).moved


@pytest.mark.parametrize("provider", ["duckdns", "cloudflare", "none"])
def test_nobody_is_asked_who_was_not_asked_before(ctx: Context, provider: str) -> None:
    ctx.answers["domains"]["provider"] = provider
    for key in ("proved", "public"):
        ctx.state.remember("domains", key, value=None)
    ctx.world.dns = ctx.world.http = ctx.world.upnp = None  # type: ignore[assignment, method-assign]
    assert public_now.look(ctx).told == Told()


def test_cloudflare_is_asked_where_it_looks_after_the_names(ctx: Context) -> None:
    ctx.answers["domains"]["provider"] = "cloudflare"
    ctx.world.http = lambda request: Response(200, f"fl=1\nip={NEW}\n".encode())  # type: ignore[method-assign]
    assert "Cloudflare sees this computer at 198.51.100.9" in public_now.look(ctx).sentence

    def away(request: Any) -> Response:
        raise WizardError("No network.")

    ctx.scratch.clear()
    ctx.world.http = away  # type: ignore[method-assign]
    assert "hello.home.test leads to" in public_now.look(ctx).sentence


def test_a_router_that_may_be_asked_knows_best(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_check, "gateway", lambda ctx: ROUTER)
    ctx.answers["router"]["automatic"] = "upnp"
    assert not public_now.look(ctx).moved, "it says that the answer is right, wherever the name leads"
    ctx.scratch.clear()
    ctx.world.wan = "203.0.113.99"  # type: ignore[attr-defined]
    assert public_now.look(ctx).sentence == (
        f"Your home's public address has changed: router.public_address is {PUBLIC}, and the router now says"
        " 203.0.113.99. Give 203.0.113.99 as router.public_address."
    )
    for nothing in ("", "100.64.0.9"):
        ctx.scratch.clear()
        ctx.world.wan = nothing  # type: ignore[attr-defined]
        assert "hello.home.test leads to" in public_now.look(ctx).sentence


def test_the_step_router_tells_and_proposes_the_new_one(ctx: Context) -> None:
    notes: list[str] = []
    ctx.bus.listen(lambda event: notes.append(event.text) if isinstance(event, events.Note) else None)
    run(ctx), run(ctx)
    assert [note for note in notes if NEW in note] == [public_now.seen(ctx).sentence]
    assert QUESTIONS["public_address"].default_for(ctx) == NEW
    ctx.scratch.clear()
    ctx.answers["router"]["forwarded"] = False
    asked = leads(ctx, NEW)
    Router().check(ctx)
    assert asked == [], "where nothing is forwarded it does not matter"


# -- the router's own address, before anything is forwarded --------------------------------------------------------


@pytest.fixture
def agreed(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """The person lets the router be asked."""
    monkeypatch.setattr(router_check, "gateway", lambda ctx: ROUTER)
    ctx.answers["domains"] |= {"wan_look": True, "provider": "none"}
    ctx.answers.pop("router")
    return ctx


@pytest.mark.parametrize(("wan", "words"), [("100.64.7.7", "CGNAT"), ("192.0.0.2", "CGNAT"), (PUBLIC, "")])
def test_a_providers_nat_is_found_before_the_step_router(agreed: Context, wan: str, words: str) -> None:
    notes: list[str] = []
    agreed.bus.listen(lambda event: notes.append(event.text) if isinstance(event, events.Note) else None)
    agreed.world.wan = wan  # type: ignore[attr-defined]
    question = domains.QUESTIONS["wan_address"]
    assert question.default_for(agreed) == wan and f"it is {wan}" in question.explanation_for(agreed)
    domains.Domains().check(agreed)
    assert [words in note and "over the VPN only" in note for note in notes] == ([True] if words else [])
    assert QUESTIONS["forwarded"].default_for(agreed) is (False if words else None)


def test_what_the_router_says_now_counts_more_than_what_it_said_once(agreed: Context) -> None:
    agreed.answers["domains"]["wan_address"] = "198.51.100.77"
    domains.Domains().check(agreed)
    assert public_now.reachable(agreed).code == "open"


@pytest.mark.parametrize("seen", ["203.0.113.99", PUBLIC], ids=["it has changed", "a public address that is no way in"])
def test_a_router_with_another_address_lets_it_be_learnt_anew_once(agreed: Context, seen: str) -> None:
    agreed.answers["domains"] |= {"provider": "cloudflare", "external_domain": "home.test"}
    agreed.keep("domains", "cloudflare_token", Secret("cloud-token"))
    domain_proof.remember_token(agreed, Secret("cloud-token"))
    agreed.state.remember("domains", "proved", value=["home.test", "in.home.test"])
    agreed.world.http = lambda request: Response(200, f"ip={seen}\n".encode())  # type: ignore[method-assign]
    agreed.world.wan = "203.0.113.99"  # type: ignore[attr-defined]
    step = domains.Domains()
    [change] = step.plan(step.check(agreed), agreed.answers)
    assert change.sentence == "learn this home's public address, which has changed, from Cloudflare"
    agreed.do(change)
    assert step.plan(step.check(agreed), agreed.answers) == []
    assert public_now.reachable(agreed).code == ("open" if seen == "203.0.113.99" else "differs")


def test_a_router_that_does_not_tell_is_asked_once_and_the_person_is_told(
    agreed: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = domains.QUESTIONS["wan_address"]
    monkeypatch.setattr(router_check, "gateway", lambda ctx: "10.0.0.1")
    assert question.default_for(agreed) is None
    agreed.world.upnp = None  # type: ignore[assignment, method-assign]
    assert "told no address" in question.explanation_for(agreed)
    assert "does not answer to UPnP" in question.explanation_for(agreed)


def test_without_a_yes_the_router_is_not_asked(agreed: Context) -> None:
    agreed.answers["domains"]["wan_look"] = False
    agreed.world.upnp = None  # type: ignore[assignment, method-assign]
    question = domains.QUESTIONS["wan_address"]
    assert (question.default_for(agreed), question.explanation_for(agreed)) == (None, "")
    domains.Domains().check(agreed)


# -- in the proof ------------------------------------------------------------------------------------------------


def measured(ctx: Context, seen: dict[str, Seen], **sections: dict[str, Any]) -> Measured:
    """What the proof makes of it."""
    cells, told = moved.unmeasured(ctx, reach_world.cells(seen, changed(**sections)))
    evidence = Evidence(ARP, public=public_now.seen(ctx))
    return Measured(cells, explain(cells, evidence, "10.0.0.51"), moved=told)


def verdicts(found: Measured) -> dict[str, set[str]]:
    made: dict[str, set[str]] = {}
    for cell in found.cells:
        if cell.probe.address == PUBLIC:
            made.setdefault(cell.probe.vantage, set()).add(cell.verdict)
    return made


def test_a_new_address_is_a_cause_of_its_own_and_rows_at_the_old_one_are_not_measured(ctx: Context) -> None:
    found = measured(ctx, ELSEWHERE)
    assert [cause.code for cause in found.causes] == ["public-address-changed"]
    assert public_now.seen(ctx).sentence in found.causes[0].sentence()
    assert verdicts(found)["outside"] == {"not measured"}, "the closed API server, too: whose address is it by now?"
    assert "is not this home's address any more" in " ".join(found.table().split())
    assert found.text().count("seems to have changed") == 1 and not found.good


def test_without_a_red_row_it_is_told_all_the_same(ctx: Context) -> None:
    """The router knows, and the name still leads to the old address: its updater did not run."""
    ctx.scratch["public address now"] = Told(NEW, "the router now says")
    found = measured(ctx, SILENT)
    assert not found.wrong and not found.good and f"the router now says {NEW}" in found.text()
    assert [cell.verdict for cell in found.cells if moved.leads_to(cell, PUBLIC)] == ["not measured"]


@pytest.mark.parametrize(
    ("seen", "codes"),
    [
        ({}, []),
        ({"outside name .*hello.home": Seen("answers", text=NEW)}, ["public-name-elsewhere"]),
        ({**TO_PUBLIC, "LAN hairpin": LOST}, ["hairpin-missing"]),
    ],
    ids=["all is well", "the name is wrong", "hairpin"],
)
def test_an_address_that_shows_the_clusters_word_is_the_homes_own(
    ctx: Context, seen: dict[str, Seen], codes: list[str]
) -> None:
    asked = leads(ctx, NEW)
    found = measured(ctx, seen)
    assert [cause.code for cause in found.causes] == codes and found.moved == "" and asked == []
    public_now.look(ctx)  # as the step Router did before, in the same run
    assert [cause.code for cause in measured(ctx, seen).causes] == codes


def test_where_the_address_is_still_the_same_the_router_is_to_blame(ctx: Context) -> None:
    leads(ctx, PUBLIC)
    found = measured(ctx, SILENT)
    assert [cause.code for cause in found.causes] == ["not-forwarded"] and found.moved == ""


def test_a_name_at_home_that_leads_to_the_new_address_is_right_too(ctx: Context) -> None:
    found = measured(ctx, {**SILENT, "LAN name .*hello.home": Seen("answers", text=NEW)})
    assert [cause.code for cause in found.causes] == ["public-address-changed"]


def test_nothing_is_known_without_an_answer() -> None:
    assert not Now("", Told(NEW)).moved and not Now(PUBLIC).moved
