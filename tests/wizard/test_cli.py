"""The command `homelab`: every end has its documented code, no end shows a traceback."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.wizard.toys import toys, world
from wizard import cli, commandline
from wizard.commands import joint
from wizard.errors import ExitCode, TrustError
from wizard.question import TEXT, Question
from wizard.state import State

__all__ = ["toys", "world"]  # fixtures

RUN = ("run", "--answers", "answers.yaml", "--yes", "--allow", "party/mess")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, toys: Any, world: Any) -> Path:
    """An empty folder to stand in, state in it, toy steps instead of the real ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(joint, "order", lambda: toys.order)
    monkeypatch.setattr(joint, "real_world", lambda: world)
    monkeypatch.setattr(joint, "close_all", lambda ctx: world.made.append("closed"))
    (tmp_path / "answers.yaml").write_text(toys.answers)
    return tmp_path


@pytest.fixture
def kept(home: Path) -> Path:
    return home / "xdg/homelab-wizard/toys"


def test_run_does_everything_and_logs_it(home: Path, kept: Path, world: Any, capsys: Any) -> None:
    assert cli.main(RUN) == ExitCode.OK
    assert {"cake", "mess", "closed"} <= set(world.made)
    log = (kept / "homelab.log").read_text()
    assert re.search(r"^\d{4}-\d\d-\d\dT[\d:.]+\S* party: done$", log, re.M)
    assert "this computer | making cake" in log and "Oven: It is hot: •••" in log and "sugar" not in log
    for file, mode in ((kept / "homelab.log", 0o600), (kept / "state.yaml", 0o600), (kept, 0o700)):
        assert stat.S_IMODE(file.stat().st_mode) == mode
    assert "step   seconds  what ran" in capsys.readouterr().out
    State.open(kept / "state.yaml", "toys").close()  # the lock was given back


def test_plan_writes_nothing(home: Path, world: Any, capsys: Any) -> None:
    before = sorted(home.rglob("*"))
    assert cli.main(["plan", "--answers", "answers.yaml"]) == ExitCode.NOT_READY
    assert "make apple" in capsys.readouterr().out
    assert sorted(home.rglob("*")) == before and world.made == ["closed"]


def test_plan_without_answers_says_so_and_looks_at_nothing(
    home: Path, toys: Any, monkeypatch: Any, capsys: Any
) -> None:
    """The choices of a question may come from a scan, and nobody has agreed to one."""
    scanning = Question("found", "Which?", TEXT, choices=lambda ctx: pytest.fail("the network was looked at"))
    monkeypatch.setattr(type(toys.order[0]), "questions", (*toys.order[0].questions[:2], scanning))
    assert cli.main(["plan"]) == ExitCode.NOT_READY
    shown = capsys.readouterr().out
    assert shown.count("answers are missing") == 3 and "0 changes to make" in shown and "--answers FILE" in shown


def test_plan_after_run_finds_nothing_and_changes_nothing(home: Path, kept: Path) -> None:
    cli.main(RUN)
    before = {file: file.read_bytes() for file in kept.iterdir()}
    assert cli.main(["plan"]) == ExitCode.OK  # the answers are remembered
    assert {file: file.read_bytes() for file in kept.iterdir()} == before


def test_until_ends_after_a_step_and_needs_no_later_answers(home: Path, toys: Any, world: Any, capsys: Any) -> None:
    fruit = "\n".join(line for line in toys.answers.splitlines() if not line.startswith("party"))
    (home / "answers.yaml").write_text(fruit.split("\ncake:")[0] + "\n")
    assert cli.main([*RUN, "--until", "fruit"]) == ExitCode.OK
    assert "cake" not in world.made
    assert cli.main(["plan", "--until", "fruit"]) == ExitCode.OK
    assert "Cake" not in capsys.readouterr().out


@pytest.mark.parametrize("words", [[*RUN, "--until", "frob"], ["plan", "--until", "frob"]])
def test_until_an_unknown_step_lists_the_steps(home: Path, capsys: Any, world: Any, words: list[str]) -> None:
    assert cli.main(words) == ExitCode.USAGE
    shown = capsys.readouterr().err
    assert "there is no step 'frob' to stop after; steps: fruit, cake, party" in shown and shown.count("\n") == 1
    assert world.made == []


def test_status(home: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(joint, "real_world", lambda: pytest.fail("status must not look at the world"))
    assert cli.main(["status"]) == ExitCode.NOT_READY
    assert "Next: Fruit. Go on with: homelab\n" in capsys.readouterr().out and not kept.exists()
    state = State.open(kept / "state.yaml", "toys")
    state.remember("cluster", "uid", value="1234-uid")
    state.verified("fruit")
    assert cli.main(["status", "--cluster", "toys"]) == ExitCode.NOT_READY  # while another run holds the lock
    shown = capsys.readouterr().out
    assert re.search(r"✓  fruit  done \d{4}-\d\d-\d\d", shown) and "1234-uid" in shown
    assert "Next: Cake. Go on with: homelab --cluster toys" in shown
    for name in ("cake", "party"):
        state.verified(name)
    state.close()
    assert cli.main(["status"]) == ExitCode.OK and "Every step is done." in capsys.readouterr().out


def test_several_clusters_have_to_be_named(home: Path, capsys: Any) -> None:
    for name in ("one", "two"):
        State(home / f"xdg/homelab-wizard/{name}/state.yaml", name).save()
    assert cli.main(["status"]) == ExitCode.BAD_INPUT
    assert "Several clusters are known here: one, two." in capsys.readouterr().err
    assert cli.main(["status", "--cluster", "two"]) == ExitCode.NOT_READY


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frob"], "invalid choice: 'frob'"),
        (["--frob"], "unrecognized arguments: --frob"),
        (["run"], "needs --answers FILE and --yes"),
        (["run", "--answers", "answers.yaml"], "needs --answers FILE and --yes"),
        (["plan", "--answers"], "expected one argument"),
        (["status", "--yes"], "unrecognized arguments: --yes"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(home: Path, capsys: Any, words: list[str], said: str) -> None:
    assert cli.main(words) == ExitCode.USAGE
    shown = capsys.readouterr().err
    assert said in shown and shown.count("\n") == 1 and "--help" in shown


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (RUN, "cluster: toys\nfruit: {kind: plum}\n", "answers.yaml:2: fruit.kind: 'plum' is not one of"),
        (RUN, "cluster: toys\nfruitt: {}\n", "Did you mean fruit?"),
        (("run", "--answers", "none.yaml", "--yes"), "", "No such file or directory."),
        ((*RUN, "--cluster", "other"), None, "the file is about 'toys', --cluster says 'other'"),
        (("status", "--cluster", "No Name"), None, "--cluster: 'No Name' is not a name"),
        (("status", "--state", "answers.yaml"), None, "is not a state file of this program"),
        (("demo", "--state", "answers.yaml"), None, "The demo begins anew each time"),
    ],
)
def test_bad_input(home: Path, kept: Path, capsys: Any, words: tuple[str, ...], text: str | None, said: str) -> None:
    if text is not None:
        (home / "answers.yaml").write_text(text)
    assert cli.main(words) == ExitCode.BAD_INPUT
    assert said in " ".join(capsys.readouterr().err.split()) and not kept.exists()


def test_a_failing_step(home: Path, world: Any, capsys: Any) -> None:
    world.broken = ["cake"]
    assert cli.main(RUN) == ExitCode.FAILED
    said = capsys.readouterr().err
    assert said.startswith("cake broke.\nIt was told to.\nTry again.\n")
    assert "To go on: homelab run --answers answers.yaml --yes --allow party/mess\n" in said and "homelab.log" in said
    assert world.made[-1] == "closed"
    assert cli.main(RUN) == ExitCode.OK


def test_a_trust_error_has_a_code_of_its_own(home: Path, toys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(self: Any, ctx: Any) -> Any:
        raise TrustError("This is another host.")

    monkeypatch.setattr(toys.step, "check", check)
    assert cli.main(RUN) == ExitCode.TRUST
    assert cli.main(["plan", "--answers", "answers.yaml"]) == ExitCode.TRUST


def test_a_mistake_of_our_own_shows_no_traceback(
    home: Path, kept: Path, monkeypatch: Any, toys: Any, capsys: Any
) -> None:
    def plan(self: Any, facts: Any, answers: Any) -> Any:
        raise ZeroDivisionError("sugar-and-salt")

    monkeypatch.setattr(toys.step, "plan", plan)
    assert cli.main(RUN) == ExitCode.FAILED
    said = capsys.readouterr().err
    assert said.startswith("This is a mistake in homelab itself.") and "Traceback" not in said
    file = Path(re.search(r"The details are in (.*)\.\n", said)[1])  # type: ignore[index]
    assert "ZeroDivisionError: •••" in file.read_text() and "sugar-and-salt" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    State.open(kept / "state.yaml", "toys").close()


def test_a_second_homelab_is_refused(home: Path, kept: Path, capsys: Any) -> None:
    first = State.open(kept / "state.yaml", "toys")
    assert cli.main(RUN) == ExitCode.BAD_INPUT
    assert "Another homelab is working on the cluster 'toys'." in capsys.readouterr().err
    first.close()


def test_without_a_terminal_the_wizard_is_plain(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert cli.main([]) == ExitCode.FAILED
    shown = capsys.readouterr()
    assert "Step 1 of 3: Fruit" in shown.out and "The input ended before fruit.kind was answered." in shown.err


def test_another_package_called_steps_is_refused(tmp_path: Path) -> None:
    """Another `steps` first on the path: a sentence, before anything of it is imported."""
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps/__init__.py").write_text("raise SystemExit('the wrong steps were imported')")
    root = Path(cli.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from wizard.cli import main; sys.exit(main(['status']))"],
        capture_output=True, text=True, timeout=30, cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{root}", "XDG_STATE_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1 and "The package 'steps' that Python finds is not homelab's own." in done.stderr


# -- reset ---------------------------------------------------------------------------------------------------


@pytest.fixture
def resetting(toys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The party, whose mess is dangerous, stands for the real reset."""
    monkeypatch.setattr(joint, "resetting", lambda: (toys.order[-1],))


def test_reset_without_a_cluster_does_nothing(home: Path, resetting: None, world: Any, capsys: Any) -> None:
    assert cli.main(["reset"]) == ExitCode.OK
    assert "Nothing is left to reset: this computer remembers no cluster homelab." in capsys.readouterr().out
    assert not (home / "xdg").exists() and world.made == []


def test_reset_without_a_cluster_is_json_too(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from steps import RESET

    monkeypatch.setattr(joint, "resetting", lambda: RESET)
    assert cli.main(["reset", "--plan", "--json"]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert (found["changes"], [one["status"] for one in found["steps"]]) == (0, ["done"])


def test_a_state_with_nothing_but_answers_is_nothing_to_reset(
    home: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from steps import RESET

    monkeypatch.setattr(joint, "resetting", lambda: RESET)
    State(kept / "state.yaml", "toys").answer("machines", "network", "192.168.1.0/24")
    assert cli.main(["reset", "--plan"]) == ExitCode.OK
    assert "Nothing is left to do." in capsys.readouterr().out
    assert cli.main(["reset", "--yes"]) == ExitCode.OK and (kept / "state.yaml").exists()


def test_reset_is_not_done_by_yes_alone(home: Path, kept: Path, resetting: None, world: Any, capsys: Any) -> None:
    State(kept / "state.yaml", "toys").save()
    assert cli.main(["reset", "--plan"]) == ExitCode.NOT_READY
    assert cli.main(["reset", "--yes"]) == ExitCode.FAILED
    assert "mess" not in world.made
    assert cli.main(["reset", "--yes", "--allow", "party/mess", "--skip", "10.0.0.9"]) == ExitCode.OK
    assert "mess" in world.made
    assert State.open(kept / "state.yaml", "toys").answers["reset"] == {"skip": ["10.0.0.9"]}


def test_reset_skips_addresses_only(home: Path, kept: Path, resetting: None, capsys: Any) -> None:
    State(kept / "state.yaml", "toys").save()
    assert cli.main(["reset", "--skip", "pi3"]) == ExitCode.USAGE
    assert "'pi3' is not an IPv4 address" in capsys.readouterr().err


def test_help_documents_every_exit_code(capsys: Any) -> None:
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    codes = [code for name, code in vars(ExitCode).items() if name.isupper()]
    assert all(re.search(rf"^ +{code}  ", shown, re.M) for code in codes)


def test_options_may_stand_before_or_after_the_command() -> None:
    for words in (["--state", "x", "status"], ["status", "--state", "x"]):
        args = commandline.parse(words)
        assert (args.command, args.state) == ("status", "x")
