"""A TXT record that was set: which server shows it when, and what is said of those that don't."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from steps import dns_check
from tests.steps.test_domains import DuckWorld, context
from wizard import assets, events
from wizard.errors import WizardError
from wizard.world import DnsAnswer

TEXT = "homelab-1"
SHOWS, NONE, OLD = DnsAnswer("NOERROR", (TEXT,)), DnsAnswer("NOERROR"), DnsAnswer("NOERROR", ("homelab-0",))
SILENT, NO_NAME, BUSY, REFUSED = DnsAnswer(), DnsAnswer("NXDOMAIN"), DnsAnswer("SERVFAIL"), DnsAnswer("REFUSED")


class Resolvers(DuckWorld):
    """Each server answers by its own list, and stays at the last entry."""

    def __init__(self, **answers: Sequence[DnsAnswer]) -> None:
        super().__init__()
        self.answers = {server.replace("_", ".").strip("ip"): list(given) for server, given in answers.items()}
        self.asked: list[str] = []

    def dns(self, server: str, name: str, kind: str) -> DnsAnswer:
        assert (name, kind) == ("home.duckdns.org", "TXT")
        self.asked.append(server)
        given = self.answers[server]
        return given.pop(0) if len(given) > 1 else given[0]


def wait(world: Resolvers, folder: Path, times: int = 1) -> list[str]:
    ctx, seen = context(world, folder, resolvers=list(world.answers))
    for _ in range(times):
        dns_check.wait_for_text(ctx, "home.duckdns.org", TEXT)
    return [one.text for one in seen if isinstance(one, events.Note)]


def test_it_is_asked_until_all_show_it_and_nobody_longer_than_needed(tmp_path: Path) -> None:
    world = Resolvers(ip10_0_0_1=[NONE, OLD, SHOWS], ip10_0_0_2=[SHOWS])
    assert wait(world, tmp_path) == []
    assert world.asked == ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.1"]
    assert 0 < world.clock < 30


@pytest.mark.parametrize(
    ("other", "words"),
    [(SILENT, "10.0.0.2 does not answer."), (NO_NAME, "no such name"), (OLD, "an older text"), (BUSY, "SERVFAIL")],
)
def test_when_one_shows_it_the_others_are_a_note(other: DnsAnswer, words: str, tmp_path: Path) -> None:
    world = Resolvers(ip10_0_0_1=[SHOWS], ip10_0_0_2=[other])
    [note] = wait(world, tmp_path)
    assert words in note and "10.0.0.1" not in note and dns_check.ANSWER in note
    assert (world.clock == 0) == (other is SILENT), "a silent one is not waited for, one that is behind is"


def test_the_note_is_given_once_for_all_names(tmp_path: Path) -> None:
    assert len(wait(Resolvers(ip10_0_0_1=[SHOWS], ip10_0_0_2=[SILENT]), tmp_path, times=2)) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (NONE, "10.0.0.1 shows no TXT record there."), (OLD, "10.0.0.1 shows an older text."),
        (NO_NAME, "10.0.0.1 says that there is no such name."), (REFUSED, "10.0.0.1 refuses to answer (REFUSED)."),
    ],
)  # fmt: skip
def test_when_none_shows_it_the_error_says_who_saw_what(answer: DnsAnswer, words: str, tmp_path: Path) -> None:
    world = Resolvers(ip10_0_0_1=[answer], ip10_0_0_2=[SILENT])
    with pytest.raises(WizardError) as caught:
        wait(world, tmp_path)
    assert words in caught.value.why and "10.0.0.2 does not answer." in caught.value.why
    assert dns_check.PATIENCE <= world.clock < dns_check.PATIENCE + 5


def test_where_no_server_answers_it_ends_soon_and_asks_for_others(tmp_path: Path) -> None:
    world = Resolvers(ip10_0_0_1=[SILENT], ip10_0_0_2=[SILENT])
    with pytest.raises(WizardError, match="No DNS server can be asked from here") as caught:
        wait(world, tmp_path)
    assert "10.0.0.1 and 10.0.0.2 do not answer" in caught.value.what
    assert caught.value.answers == ("domains.resolvers",)
    assert world.clock < 10


def test_a_record_that_nobody_shows_is_cleared_again(tmp_path: Path) -> None:
    class Blind(DuckWorld):
        def dns(self, server: str, name: str, kind: str) -> DnsAnswer:
            return NONE

    from steps.domains import Domains

    world = Blind("home", "home-internal")
    ctx, _ = context(world, tmp_path)
    with pytest.raises(WizardError, match="in vain"):
        ctx.do(Domains().plan(Domains().check(ctx), ctx.answers)[0])
    assert [bool(text) for text in world.txt["home"]] == [True, False]


def test_the_servers_are_those_that_the_cluster_asks() -> None:
    text = assets.text("gitops/infrastructure/cert-manager/release.yaml")
    assert all(f"- {server}:53" in text for server in dns_check.RESOLVERS)
