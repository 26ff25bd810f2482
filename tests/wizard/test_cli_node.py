"""`homelab node …` as a person types it: in the simulated world, unattended and with plain lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wizard import cli
from wizard.commands import joint
from wizard.demo.start import Demo, prepared
from wizard.errors import ExitCode
from wizard.state import State

HOSTS = "[192.168.1.11, 192.168.1.12]"
THIRD = "192.168.1.13"
YES = ("--yes", "--allow", "machines/trust-host-key")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cluster of two simulated Pis, and the answers that made it."""
    folder = tmp_path_factory.mktemp("node")
    with prepared(fast=True, folder=folder) as demo, pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint, "real_world", lambda: demo.world)
        patch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
        patch.delenv("KUBECONFIG", raising=False)
        text = f"""\
cluster: life
machines: {{network: 192.168.1.0/24, hosts: {HOSTS}, control_plane: 192.168.1.11, user: pi,
  password: {{file: {folder}/pi-password}}, known_hosts: {folder}/known_hosts}}
"""
        (folder / "answers.yaml").write_text(text)
        assert cli.main(["run", "--answers", str(folder / "answers.yaml"), "--until", "workers", *YES]) == ExitCode.OK
        yield demo


@pytest.fixture
def answers(made: Demo) -> list[str]:
    return ["--answers", str(made.folder / "answers.yaml")]


def state(made: Demo) -> State:
    return State.open(made.folder / "xdg/homelab-wizard/life/state.yaml", "life", lock=False)


def test_add_upgrade_remove(made: Demo, answers: list[str], capsys: Any) -> None:
    """One life in three commands, the same answers file each time: it names the two Pis of the beginning."""
    assert cli.main(["node", "add", THIRD, *answers, *YES]) == ExitCode.OK
    assert state(made).answers["machines"]["hosts"] == ["192.168.1.11", "192.168.1.12", THIRD]
    assert cli.main(["node", "upgrade", "--to", "1.37.2", *answers, *YES]) == ExitCode.OK
    assert state(made).answers["prepare"]["kubernetes_version"] == "1.37.2"
    capsys.readouterr()
    assert cli.main(["node", "remove", "castor", *answers, *YES]) == ExitCode.FAILED
    assert "--allow node-remove/take-out" in capsys.readouterr().err
    assert cli.main(["node", "remove", "castor", *answers, *YES, "--allow", "node-remove/take-out"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "castor has left" in shown
    assert state(made).answers["machines"]["hosts"] == ["192.168.1.11", "192.168.1.12"]


def test_a_person_is_asked_in_plain_lines_and_may_decline(made: Demo, monkeypatch: Any, capsys: Any) -> None:
    from wizard.ui import plain

    seen = []

    def person(session: Any) -> None:
        engine = session.engine(Front(seen))
        engine.run()

    monkeypatch.setattr(plain, "run", person)
    assert cli.main(["node", "remove", "--plain"]) == ExitCode.INTERRUPTED
    assert "Which Pi shall leave the cluster?" in seen
    assert any("take boreas out of the cluster for good" in line for line in seen)
    assert "node-remove" not in state(made).answers


class Front:
    """Chooses the last one, and declines."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    def ask(self, prompt: Any) -> object:
        self.seen.append(prompt.question.ask)
        return prompt.choices[-1].value

    def confirm(self, approval: Any) -> bool:
        self.seen += [change.sentence for change in approval.changes]
        return not approval.danger

    def failed(self, step: str, error: Any) -> str:
        return "stop"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["node"], 2, "the following arguments are required"),
        (["node", "frob"], 2, "invalid choice: 'frob'"),
        (["node", "add", "castor"], 2, "'castor'"),
        (["node", "add", THIRD, "--uid", "1"], 2, "they need it"),
        (["node", "remove", "pollux"], 3, "pollux is none of the cluster's Pis"),
        (["node", "upgrade", "--to", "1.12.0"], 3, "this release knows Kubernetes"),
        (["node", "add", THIRD, "--cluster", "other"], 3, "no cluster is known here"),
        (["node", "add", "--to", THIRD], 4, "is not a control plane of the cluster 'life'"),
    ],
)
def test_mistakes_are_told_in_a_sentence(made: Demo, capsys: Any, words: list[str], code: int, said: str) -> None:
    assert cli.main(words) == code
    shown = capsys.readouterr().err
    assert said in shown and "Traceback" not in shown


def test_help_tells_of_each(capsys: Any) -> None:
    for words in (["node", "--help"], *(["node", name, "--help"] for name in ("add", "remove", "upgrade"))):
        assert cli.main(words) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "--control-plane" in shown and "NAME|ADDRESS" in shown and "--to VERSION" in shown


def test_the_state_is_given_back_when_the_words_do_not_fit(made: Demo, tmp_path: Path) -> None:
    cli.main(["node", "remove", "pollux"])
    State.open(made.folder / "xdg/homelab-wizard/life/state.yaml", "life").close()
