"""What comes before and after the journey: the flow, and its plain lines."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.wizard.toys import ORDER, ToyWorld
from wizard import cli, home
from wizard.commands import joint, looking, start
from wizard.context import Context
from wizard.demo.world import SimWorld
from wizard.errors import ExitCode, StateError, WizardError
from wizard.events import Bus
from wizard.home import Known, Stage, Standing, Wish
from wizard.sections import Nobody, Part, Seen, seen
from wizard.state import State, path_for
from wizard.status import Row
from wizard.ui.out import Out
from wizard.ui.plain_home import PlainHome

WHEN = "2026-01-02T03:04:05+00:00"


class Wishes:
    """A front end that wishes what it is told to, and remembers what it was shown."""

    def __init__(self, *wishes: Wish) -> None:
        self.wishes = list(wishes)
        self.shown: list[Any] = []

    def pick(self, clusters: Sequence[Known]) -> Wish:
        self.shown.append([known.name for known in clusters])
        return self.wishes.pop(0)

    def stand(self, standing: Standing) -> Wish:
        self.shown.append((standing.state.cluster, standing.finished))
        return self.wishes.pop(0)

    def back(self, code: int) -> None:
        self.shown.append(code)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def remember(cluster: str, *done: str) -> None:
    state = State(path_for(cluster), cluster)
    state.done = dict.fromkeys(done, WHEN)
    state.answers = {"fruit": {"kind": "apple"}}
    state.save()


def context(state: State) -> Context:
    return Context(ToyWorld(), state, Nobody(), Bus())  # type: ignore[arg-type]


def stage(ran: list[str], *, code: int = 0, stay: bool = False) -> Stage:
    def journey(cluster: str) -> tuple[int, bool]:
        ran.append(cluster)
        return code, stay

    def command(cluster: str, words: Sequence[str]) -> int:
        ran.append(f"{cluster}: {' '.join(words)}")
        return 7

    return Stage(ORDER, context, journey, command, ["verify", "node add"])


def test_a_first_run_begins_at_once(kept: Path) -> None:
    ran: list[str] = []
    assert home.run(stage(ran, code=5), Wishes()) == 5
    assert ran == ["homelab"]


def test_a_known_cluster_is_told_about_first(kept: Path) -> None:
    remember("attic", "fruit")
    ran: list[str] = []
    front = Wishes(Wish("go on"))
    home.run(stage(ran), front)
    assert ran == ["attic"] and front.shown == [("attic", False)]


def test_leaving_the_opening_runs_nothing(kept: Path) -> None:
    remember("attic", "fruit")
    ran: list[str] = []
    assert home.run(stage(ran), Wishes(Wish("leave"))) == ExitCode.OK
    assert ran == []


def test_of_several_one_is_picked_or_a_new_one_begun(kept: Path) -> None:
    remember("attic", "fruit")
    remember("barn")
    ran: list[str] = []
    front = Wishes(Wish("cluster", "barn"), Wish("others"), Wish("new", "cellar"))
    home.run(stage(ran), front)
    assert ran == ["cellar"] and front.shown == [["attic", "barn"], ("barn", False), ["attic", "barn"]]


def test_a_command_comes_back_to_where_it_was_chosen(kept: Path) -> None:
    remember("attic", *(step.name for step in ORDER))
    ran: list[str] = []
    front = Wishes(Wish("command", words=("verify",), prints=True), Wish("leave"))
    assert home.run(stage(ran), front) == ExitCode.OK
    assert ran == ["attic: verify"] and front.shown == [("attic", True), 7, ("attic", True)]


def test_a_command_with_a_full_screen_of_its_own_comes_back_at_once(kept: Path) -> None:
    remember("attic", *(step.name for step in ORDER))
    set_up = stage([])
    set_up.command = lambda cluster, words: 0
    front = Wishes(Wish("command", words=("node", "add")), Wish("leave"))
    assert home.run(set_up, front) == ExitCode.OK
    assert front.shown == [("attic", True), ("attic", True)]


def test_after_the_journey_the_dashboard_can_follow(kept: Path) -> None:
    remember("attic", "fruit")
    ran: list[str] = []
    front = Wishes(Wish("go on"), Wish("leave"))
    assert home.run(stage(ran, stay=True), front) == ExitCode.OK
    assert ran == ["attic"] and len(front.shown) == 2


def test_only_commands_that_there_are_become_actions(kept: Path) -> None:
    remember("attic", "fruit")
    set_up = stage([])
    set_up.chosen = "attic"
    assert [action.label for action in set_up.standing().actions] == ["Add a node", "Verify", "Journey"]


def test_a_state_that_cannot_be_read_is_listed_with_its_reason(kept: Path) -> None:
    remember("attic", "fruit")
    remember("barn")
    path_for("barn").write_text("kind: other\n")
    found = {known.name: known.about for known in home.clusters(ORDER)}
    assert found["attic"].startswith("1 of 3 steps done, the last one 2026-01-0")
    assert found["barn"] == "It is not a state file of this program."


def test_what_was_begun_and_not_finished_is_told(tmp_path: Path) -> None:
    state = State(tmp_path / "state.yaml", "toys")
    state.evidence = {"machines": {"10.0.0.1": {"hostname": "atlas"}}}
    state.journal = [
        {"step": "a", "change": "a/1", "sentence": "one", "begun": WHEN},
        {"step": "a", "change": "a/2", "sentence": "two", "begun": WHEN, "finished": WHEN},
        {"step": "a", "change": "a/3", "sentence": "three", "host": "10.0.0.1", "begun": WHEN},
    ]
    standing = Standing(state, ORDER, (), lambda: context(state))
    assert [(sentence, host) for sentence, host, _ in standing.unfinished()] == [("three", "atlas")]


def test_what_was_skipped_holds_nothing_up_and_is_told(tmp_path: Path) -> None:
    state = State(tmp_path / "state.yaml", "toys")
    state.done, state.skipped = {"fruit": WHEN, "party": WHEN}, {"cake": WHEN}
    standing = Standing(state, ORDER, (), lambda: context(state))
    assert standing.finished
    assert standing.sentence().endswith("; the others are skipped.")
    assert standing.skipped()[0].startswith("Cake was skipped by you, 2026-01-0")


# -- plain lines -----------------------------------------------------------------------------------------------


class Lines:
    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    def line(self, label: str) -> str:
        return self.lines.pop(0)

    secret = line


def plain(*lines: str) -> tuple[PlainHome, io.StringIO]:
    shown = io.StringIO()
    return PlainHome(Out(shown), Lines(*lines)), shown


@pytest.mark.parametrize(
    ("lines", "wish"),
    [
        (["2"], Wish("cluster", "barn")),
        ([""], Wish("cluster", "attic")),
        (["9", "x", "3", "attic", "Bad", "new"], Wish("new", "new")),
        (["4"], Wish("leave")),
    ],
)
def test_plain_lines_number_the_clusters(lines: list[str], wish: Wish) -> None:
    front, shown = plain(*lines)
    assert front.pick([Known("attic", 1, 3, "Cake"), Known("barn", problem="It is strange.")]) == wish
    assert "1. attic: 1 of 3 steps done; next: Cake" in shown.getvalue() and "barn: It is strange." in shown.getvalue()


def test_in_a_pipe_the_cluster_has_to_be_named(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember("attic", "fruit")
    remember("barn")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(StateError, match="Several clusters"):
        PlainHome(Out(io.StringIO())).pick([])


def test_plain_lines_tell_where_it_stands_and_go_on(tmp_path: Path) -> None:
    def look(ctx: Context) -> Seen:
        raise WizardError("The bowl can't be reached.")

    def other(ctx: Context) -> Seen:
        return seen("pan", "Pan", [Row("bad", "lid", "is gone"), Row("warn", "rim", "is old")], "")

    state = State(tmp_path / "state.yaml", "toys")
    state.done = {"fruit": WHEN}
    parts = (Part("bowl", "Bowl", look=look), Part("pan", "Pan", look=other))
    front, shown = plain()
    assert front.stand(Standing(state, ORDER, parts, lambda: context(state))) == Wish("go on")
    assert "Cluster toys: 1 of 3 steps done" in shown.getvalue()
    assert shown.getvalue().endswith(
        "Bowl: could not look: the bowl can't be reached\n"
        "Pan: lid: is gone; and 1 more\n  lid: is gone\n  rim: is old\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "wish"), [("1", Wish("command", words=("verify",), prints=True)), ("", Wish("leave"))]
)
def test_plain_lines_offer_what_can_be_done(tmp_path: Path, line: str, wish: Wish) -> None:
    state = State(tmp_path / "state.yaml", "toys")
    state.done = {step.name: WHEN for step in ORDER}
    front, shown = plain(line)
    assert (
        front.stand(
            Standing(state, ORDER, (), lambda: context(state), [home.ACTIONS[2], home.ACTIONS[-1]], others=True)
        )
        == wish
    )
    assert "3. Another cluster, or a new one" in shown.getvalue()


# -- the command -----------------------------------------------------------------------------------------------


def test_the_command_to_go_on_names_the_cluster_where_there_are_others(kept: Path) -> None:
    from wizard.commandline import parse

    remember("attic")
    assert start.about(parse([]), "attic").words == []
    assert start.about(parse([]), "barn").words == ["--cluster", "barn"]
    assert start.about(parse(["--cluster", "attic"]), "attic").words == ["--cluster", "attic"]


def test_an_error_of_a_chosen_command_is_told_and_ends_nothing(kept: Path, capsys: Any) -> None:
    from wizard.commandline import parse

    assert start.inside(parse([]), ["node", "add", "--cluster", "attic"]) == ExitCode.BAD_INPUT
    assert "no cluster is known here" in capsys.readouterr().err


def test_what_is_chosen_in_the_demo_stays_in_its_world(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo's dashboard offers the same commands; none of them may reach the real world."""
    import wizard.realworld

    reached: list[tuple[Any, list[str]]] = []

    class Real:
        def __init__(self) -> None:
            raise AssertionError("the real world was reached")

    def chosen(args: Any, file: Path) -> int:
        args.simulated.world.stop.set()  # as a command before this one that was left
        return start.inside(args, ["verify", "--state", str(file)])

    def verify(args: Any) -> int:
        reached.append((joint.real_world(), args.words))
        return 7

    monkeypatch.setattr(wizard.realworld, "RealWorld", Real)
    monkeypatch.setattr(looking, "verify", verify)
    monkeypatch.setattr(start, "at_home", chosen)
    assert cli.main(["demo", "--fast", "--plain"]) == 7
    ((world, words),) = reached
    assert isinstance(world, SimWorld) and not world.stop.is_set() and words == ["demo", "--fast", "--plain"]
    assert joint.demos == []
