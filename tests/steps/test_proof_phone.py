"""Outside looked at on a phone: what is asked, what comes of it, and what is never green."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from steps import proof
from steps.proof import Proof
from steps.reach import phone, probing, rows
from steps.reach.judge import Cell
from steps.reach.rows import Probe
from tests.steps.reach_world import APPS, HOME, LOST, PUBLIC, changed, usual
from tests.steps.test_proof import Stations, context
from wizard.context import Context
from wizard.errors import Blocked
from wizard.question import BACK, Prompt
from wizard.world import DnsAnswer

WORD = "homelab-kdrm-tvxp"


class Person:
    """Answers what a phone shows, in order."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.asked = list(answers), list[Prompt]()

    def ask(self, prompt: Prompt) -> object:
        self.asked.append(prompt)
        return self.answers.pop(0)


class Home(Stations):
    """Everything at home is right; the public DNS servers say what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.public = DnsAnswer("NOERROR", (PUBLIC,))

    def dns(self, server: str, name: str, kind: str) -> DnsAnswer:
        return self.public

    def arp(self, addresses: Sequence[str]) -> dict[str, tuple[str, ...]]:
        return {}


@pytest.fixture
def world() -> Home:
    return Home()


@pytest.fixture
def ctx(world: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A home with certificates whose rows are all right, but for those outside."""
    made = context(world, tmp_path)
    given = changed(
        proof={"outside": "phone", "outside_probe": None, "vpn_probe": None}, addresses={"arp": False},
        tailnet={"service": "none"}, machines={"hosts": ["10.0.0.11"]},
    )  # fmt: skip
    made.answers.update(given)
    made.state.remember("proof", "nonce", value=WORD)
    monkeypatch.setattr(proof.look, "apps", lambda ctx: (APPS, ""))
    monkeypatch.setattr(proof.look, "evidence", lambda ctx, cells, tailnet: HOME)

    def send(ctx: Context, probes: Sequence[Probe], *rest: object) -> probing.Sight:
        return probing.Sight({probe.key: usual(probe) for probe in probes})

    monkeypatch.setattr(proof.probing, "send", send)
    return made


def outside(cells: Sequence[Cell]) -> dict[str, tuple[str, str]]:
    return {c.probe.what: (c.verdict, c.seen) for c in cells if c.probe.vantage == "outside"}


def look(ctx: Context, *answers: object) -> Sequence[Cell]:
    ctx.front = Person(*answers)  # type: ignore[assignment]
    return Proof().check(ctx).cells


# -- the word and the code ---------------------------------------------------------------------------------------


def test_a_new_word_can_be_read_and_typed() -> None:
    words = {phone.new_word() for _ in range(200)}
    assert len(words) == 200
    for word in words:
        assert len(phone.code(word)) == 8 and set(phone.code(word)) <= set(phone.LETTERS)
    assert not set(phone.LETTERS) & set("aeiouylsq0123456789")


@pytest.mark.parametrize("text", ["kdrm-tvxp", "KDRM TVXP", "homelab-kdrm-tvxp", "Name: homelab-kdrm-tvxp", "kdrmtvxp"])
def test_the_code_is_taken_as_people_type_it(text: str) -> None:
    assert phone._typed(WORD).parse(text) == "kdrmtvxp"


@pytest.mark.parametrize(
    ("text", "words"),
    [("kdrm-tv", "has 8 letters and digits, this has 6"), ("kdrm-tvxk", "nearly the code"), ("bbbb-cccc", "not this")],
)
def test_another_code_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        phone._typed(WORD).parse(text)


def test_a_word_from_before_has_a_code_too() -> None:
    assert phone._typed("homelab-3fa9c1d2b4e5f607").parse("3fa9 c1d2") == "3fa9c1d2"


# -- the phone ---------------------------------------------------------------------------------------------------


def test_the_code_makes_green_what_it_shows_and_nothing_else(ctx: Context) -> None:
    found = outside(look(ctx, "code", "kdrm-tvxp"))
    green = {what: seen for what, (verdict, seen) in found.items() if verdict == "ok"}
    assert green == {
        "hello (public)": "answers", "certificate, public": "trusted there",
        "public names, as asked there": "leads here",
    }  # fmt: skip
    rest = {found[what] for what in found.keys() - green.keys()}
    assert rest == {("not measured", "a phone does not show that")}
    first = ctx.front.asked[0]  # type: ignore[attr-defined]
    assert "https://hello.home.test" in first.explanation and "go no further" in first.explanation
    assert all(len(line) <= 80 for line in first.explanation.splitlines())


def test_a_certificate_that_no_phone_knows_is_announced_and_not_green(ctx: Context) -> None:
    ctx.answers["domains"]["issuer"] = "staging"
    found = outside(look(ctx, "code", "kdrmtvxp"))
    assert found["hello (public)"][0] == "ok" and found["certificate, public"][0] == "not measured"
    [first, _] = ctx.front.asked  # type: ignore[attr-defined]
    assert "go on past the warning" in first.explanation
    assert "warning" not in [choice.value for choice in first.choices]


@pytest.mark.parametrize(
    ("answers", "public", "code", "rows"),
    [
        (["nothing"], (PUBLIC,), "not-forwarded", 1), (["nothing"], ("192.0.2.9",), "public-name-elsewhere", 2),
        (["nothing"], (), "public-name-missing", 2), (["other"], (PUBLIC,), "forwarded-elsewhere", 1),
        (["warning"], (PUBLIC,), "forwarded-elsewhere", 2), (["code", None], (PUBLIC,), "forwarded-elsewhere", 1),
        (["other"], ("192.0.2.9",), "public-name-elsewhere", 2),
    ],
)  # fmt: skip
def test_whatever_else_it_shows_leads_to_the_cause(
    ctx: Context, world: Home, answers: list[Any], public: tuple[str, ...], code: str, rows: int
) -> None:
    world.public = DnsAnswer("NOERROR", public)
    ctx.front = Person(*answers)  # type: ignore[assignment]
    found = proof.verify(ctx)
    assert [(cause.code, len(cause.cells)) for cause in found.causes] == [(code, rows)]
    assert all(cell.verdict == "wrong" for cause in found.causes for cell in cause.cells)


def test_a_provider_s_own_nat_is_named(ctx: Context) -> None:
    ctx.answers["router"]["public_address"] = "100.64.0.9"
    ctx.front = Person("nothing")  # type: ignore[assignment]
    world: Any = ctx.world
    world.public = DnsAnswer("NOERROR", ("100.64.0.9",))
    assert [cause.code for cause in proof.verify(ctx).causes] == ["cgnat"]


def test_who_has_no_phone_leaves_the_rows_unmeasured(ctx: Context) -> None:
    for answer in ("later", BACK):
        ctx.scratch.clear()
        assert {verdict for verdict, _ in outside(look(ctx, answer)).values()} == {"not measured"}


def test_back_leads_from_the_code_to_what_the_phone_shows(ctx: Context) -> None:
    assert outside(look(ctx, "code", BACK, "code", "kdrmtvxp"))["hello (public)"][0] == "ok"


def test_nobody_is_asked_while_something_is_wrong_at_home(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(ctx: Context, probes: Sequence[Probe], *rest: object) -> probing.Sight:
        return probing.Sight({probe.key: LOST for probe in probes})

    monkeypatch.setattr(proof.probing, "send", send)
    ctx.front = Person()  # type: ignore[assignment]
    found = proof.verify(ctx)
    assert found.wrong and {verdict for verdict, _ in outside(found.cells).values()} == {"not measured"}


def test_what_was_seen_once_is_kept_with_its_day_and_asked_for_by_verify_alone(ctx: Context) -> None:
    step = Proof()
    ctx.front = Person("code", "kdrmtvxp")  # type: ignore[assignment]
    [change] = step.plan(step.check(ctx), ctx.answers)
    ctx.do(change)
    assert step.plan(step.check(ctx), ctx.answers) == []  # in the same run nobody is asked twice
    ctx.scratch.clear()
    facts = step.check(ctx)  # the next run: nobody is asked, nothing is green, nothing is forgotten
    verdict, seen = outside(facts.cells)["hello (public)"]
    assert verdict == "not measured" and seen.startswith("not looked at now; answers on 20")
    assert step.plan(facts, ctx.answers) == []
    ctx.front = Person("later")  # type: ignore[assignment]
    proof.verify(ctx)
    [row] = [r for r in ctx.state.recall("proof", "table") if (r["from"], r["what"]) == ("outside", "hello (public)")]
    assert row["verdict"] == "ok" and row["phone"].startswith("20")


def test_after_a_red_row_the_phone_is_looked_at_again(ctx: Context) -> None:
    ctx.front = Person("nothing", "code", "kdrmtvxp")  # type: ignore[assignment]
    with pytest.raises(Blocked, match="1 of"):
        Proof().check(ctx)
    assert outside(Proof().check(ctx).cells)["hello (public)"][0] == "ok"


def test_an_answer_from_before_the_question_still_names_a_host() -> None:
    assert rows.way({"proof": {"outside_probe": "me@server"}}) == "host"
    assert rows.way({"proof": {"outside": "phone", "outside_probe": "me@server"}}) == "phone"
    assert rows.way({}) == "none"
