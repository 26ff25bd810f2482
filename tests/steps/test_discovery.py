"""What a person is told about the hosts on the LAN, before and after a log-in; nothing is looked at unasked."""

from __future__ import annotations

from typing import Any

import pytest

from steps import discovery, introduction, machines
from steps.facts import NodeFacts, parse
from wizard import events
from wizard.context import Context
from wizard.demo.pi import shipped
from wizard.demo.world import SimWorld
from wizard.engine import Engine
from wizard.follow import following
from wizard.given import given
from wizard.question import BACK, Prompt
from wizard.state import State
from wizard.world import Found

DEBIAN, PI, OTHER = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7", "dc:a6:32:4c:91:07", "00:11:32:a4:5e:21"


@pytest.mark.parametrize(
    ("hit", "said", "usable"),
    [
        (
            Found("10.0.0.1", DEBIAN, PI, "atlas", ("SSH", "mDNS")),
            "atlas, Raspberry Pi, Debian 12 (bookworm): by its MAC address dc:a6:32:4c:91:07 and its banner "
            "OpenSSH_9.2p1 Debian-2+deb12u7, found by SSH and mDNS.",
            True,
        ),
        (
            Found("10.0.0.1", DEBIAN, PI, by=("SSH",), kubernetes=True),
            "Raspberry Pi, Debian 12 (bookworm), runs Kubernetes already: by its MAC address dc:a6:32:4c:91:07 and its "
            "banner OpenSSH_9.2p1 Debian-2+deb12u7, found by SSH.",
            False,
        ),
        (
            Found("10.0.0.1", DEBIAN, OTHER, "nas", ("SSH", "mDNS")),
            "nas, Debian 12 (bookworm): by its MAC address 00:11:32:a4:5e:21 and its banner OpenSSH_9.2p1 "
            "Debian-2+deb12u7, found by SSH and mDNS.",
            False,
        ),
        (
            Found("10.0.0.1", "SSH-2.0-Go", by=("SSH",)),
            "a host that does not say what it is: by its banner Go, found by SSH.",
            False,
        ),
        (
            Found("10.0.0.1", DEBIAN, "", "raspberrypi", ("SSH", "mDNS")),
            "raspberrypi, Raspberry Pi by its name, Debian 12 (bookworm): by its banner OpenSSH_9.2p1 "
            "Debian-2+deb12u7, found by SSH and mDNS.",
            True,
        ),
        (
            Found("10.0.0.1", "", PI, "", ("the neighbour table",), refuses=True),
            f"Raspberry Pi, SSH is off: by its MAC address dc:a6:32:4c:91:07, found by the neighbour table. "
            f"{discovery.SSH_ON}",
            False,
        ),
        (
            Found("10.0.0.1", "", "", "nas", ("mDNS",)),
            f"nas, does not answer to SSH: found by mDNS. {discovery.SSH_ON}",
            False,
        ),
    ],
)
def test_what_is_said_of_a_host(hit: Found, said: str, usable: bool) -> None:
    assert discovery.about(hit) == said
    assert discovery._usable(hit) is usable


class Front:
    """Gives the replies in order; what it was asked is in `prompts`."""

    def __init__(self, *replies: object) -> None:
        self.replies = list(replies)
        self.prompts: list[Prompt] = []

    def ask(self, prompt: Prompt) -> object:
        self.prompts.append(prompt)
        return self.replies.pop(0) if self.replies else prompt.default

    def last(self, key: str) -> Prompt:
        return next(prompt for prompt in reversed(self.prompts) if prompt.question.key == key)


@pytest.fixture
def stage(tmp_path):
    def make(*replies: object, **kept: Any) -> Any:
        world, front, bus = SimWorld(tmp_path), Front(*replies), events.Bus()
        scans: list[str] = []
        notes: list[events.Note] = []
        look = world.scan
        world.scan = lambda network, on_found: (scans.append(network), look(network, on_found))[1]  # type: ignore
        bus.listen(lambda event: notes.append(event) if isinstance(event, events.Note) else None)
        ctx = Context(world, State.open(tmp_path / "state.yaml", "demo", lock=False), front, bus)  # type: ignore
        for key, value in kept.items():
            ctx.keep("machines", key, value)
        ctx.scans, ctx.notes = scans, notes  # type: ignore[attr-defined]
        return ctx, front, lambda: Engine([machines.Machines()], ctx).ask(machines.Machines())

    return make


def test_before_the_network_is_confirmed_nothing_is_looked_at(stage) -> None:
    ctx, front, _ = stage()

    class Stop(Exception):
        pass

    def ask(prompt: Prompt) -> object:
        assert prompt.question.key == "network"
        assert ctx.scans == []
        raise Stop

    front.ask = ask
    with pytest.raises(Stop):
        Engine([machines.Machines()], ctx).ask(machines.Machines())
    assert ctx.scans == []


def test_the_confirmed_network_is_looked_at_once_and_pis_are_marked(stage) -> None:
    ctx, front, ask = stage("192.168.1.0/24", ["nonsense"], ["192.168.1.11"])
    ask()
    assert ctx.scans == ["192.168.1.0/24"]  # also after the mistake
    marked = {choice.value: choice.chosen for choice in front.last("hosts").choices}
    assert marked == {one.address: one.name not in ("", "raspberrypi") for one in shipped()}
    assert ctx.answers["machines"]["hosts"] == ["192.168.1.11"]
    assert front.last("control_plane").choices[0].help.startswith("atlas, Raspberry Pi")


def test_going_back_to_the_network_looks_again(stage) -> None:
    ctx, _, ask = stage("192.168.1.0/24", BACK, "192.168.1.0/24", ["192.168.1.11"])
    ask()
    assert ctx.scans == ["192.168.1.0/24"] * 2


def test_the_network_can_be_looked_at_again_once_it_was_answered(stage) -> None:
    ctx, _, ask = stage("192.168.1.0/24", ["192.168.1.11"])
    ask()
    step = machines.Machines()
    assert [question.key for _, question in Engine([step], ctx).asking.before(step, "user")][:2] == ["network", "hosts"]
    assert given([step], ctx.state)[0].shown == "192.168.1.0/24"
    changed = {"machines": ctx.answers["machines"] | {"network": "192.168.2.0/24"}}
    assert ("machines", "hosts") in following([step], ctx.answers, changed, "machines.network").made


def test_with_pis_that_were_named_ahead_no_network_is_asked_for(stage) -> None:
    ctx, front, ask = stage(hosts=["192.168.1.11"])
    ask()
    assert "network" not in {prompt.question.key for prompt in front.prompts}
    assert "network" not in {one.question.key for one in given([machines.Machines()], ctx.state)}


@pytest.mark.parametrize("word", ["none", "None", "", None])
def test_without_a_network_nothing_is_looked_at_and_the_pis_are_typed(stage, word) -> None:
    ctx, front, ask = stage(word, "192.168.1.11, 192.168.1.12")
    ask()
    assert ctx.scans == []
    assert front.last("hosts").choices == ()
    assert ctx.answers["machines"]["hosts"] == ["192.168.1.11", "192.168.1.12"]


def test_where_nobody_takes_ssh_it_is_said_and_the_pis_can_be_typed(stage) -> None:
    ctx, front, ask = stage("10.0.0.0/24", "192.168.1.11")
    ask()
    assert [note.title for note in ctx.notes] == ["Nobody takes SSH on 10.0.0.0/24"]
    assert "systemctl enable --now ssh" in ctx.notes[0].text
    assert front.last("hosts").choices == ()


@pytest.mark.parametrize(("typed", "why"), [
    ("192.168.1.0/23x", "network such as"), ("10.0.0.1/24", "did you mean"), ("10.0.0.0/8", "16,777,216 addresses"),
    ("8.8.8.0/24", "other people's computers"),
])  # fmt: skip
def test_a_network_that_is_not_looked_through_is_refused(typed, why) -> None:
    with pytest.raises(ValueError, match=why):
        discovery.NETWORK_OR_NONE.parse(typed)


def test_the_question_tells_truly_what_is_sent() -> None:
    from wizard.net import scan

    told = machines.QUESTIONS["network"].help
    assert all(str(port) in told for port in (22, *scan.KUBERNETES))
    assert "mDNS" in told


# -- after a log-in


def test_the_table_of_the_simulated_machines() -> None:
    inside = {one.address: parse(one.address, one.facts()) for one in shipped() if one.banner}
    assert introduction.table(inside).splitlines() == [
        "name    address       model              system              memory    cluster",
        "atlas   192.168.1.11  Pi 4 Model B       Debian 12 bookworm  7.9 GiB   no",
        "boreas  192.168.1.12  Pi 4 Model B       Debian 12 bookworm  3.7 GiB   no",
        "castor  192.168.1.13  Pi 5 Model B       Debian 13 trixie    7.9 GiB   no",
        "delos   192.168.1.14  Pi 3 Model B Plus  Debian 12 bookworm  0.9 GiB   no",
        "nas     192.168.1.20  no Pi, amd64       Debian 12 bookworm  15.5 GiB  yes",
    ]


def test_a_host_that_says_nothing_has_a_line_too() -> None:
    assert introduction.table({"10.0.0.1": NodeFacts("10.0.0.1")}).splitlines()[1].split() == [
        "?", "10.0.0.1", "no", "Pi,", "?", "?", "0.0", "GiB", "no",
    ]  # fmt: skip


def test_it_fits_a_screen_of_80_columns() -> None:
    facts = NodeFacts(
        "192.168.100.111", hostname="raspberrypi", model="Raspberry Pi Compute Module 4 Rev 1.0", os_id="debian",
        os_version="12", os_codename="bookworm", memory_bytes=8 << 30, etcd_data=True,
    )  # fmt: skip
    assert max(map(len, introduction.table({facts.address: facts}).splitlines())) <= 76


def test_it_is_told_once_in_a_run(pis) -> None:
    stage = pis(machines={"key_file": None, "sudo_password": None})
    for _ in range(2):
        stage.plan(machines.Machines())
    told = [event for event in stage.seen if isinstance(event, events.Note) and "inside" in event.title]
    assert len(told) == 1
    assert "atlas" in told[0].text
