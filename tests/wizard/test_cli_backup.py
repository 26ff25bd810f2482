"""`homelab backup` and `homelab restore` as a person types them: every way back, rehearsed on simulated Pis."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from wizard import cli, yamlfile
from wizard.commands import joint
from wizard.demo.start import Demo, prepared
from wizard.errors import ExitCode
from wizard.secret import Secret

PIS = ("192.168.1.11", "192.168.1.12", "192.168.1.13")
PASS = ("--passphrase-env", "BACKUP_PASSPHRASE")
ALLOW = [word for name in ("machines/trust-host-key", "machines/remember", "restore-control-plane/start")
         for word in ("--allow", name)]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The whole journey, and a backup of it."""
    folder = tmp_path_factory.mktemp("backup")
    with prepared(fast=True, folder=folder) as demo, pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint, "real_world", lambda: demo.world)
        patch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
        patch.setenv("BACKUP_PASSPHRASE", "five words that fit together")
        patch.delenv("KUBECONFIG", raising=False)
        assert cli.main(["run", "--answers", str(demo.answers), "--yes", *ALLOW[:2]]) == ExitCode.OK
        assert cli.main(["backup", str(folder / "b.age"), "--yes", *PASS]) == ExitCode.OK
        yield demo


def file(made: Demo) -> str:
    return str(made.folder / "b.age")


def tree(made: Demo) -> str:
    """git's name for all that is in the repository."""
    folder = made.world.repository("ssh://git@git.example.org/you/homelab.git")
    words = ["git", "-C", str(folder), "rev-parse", "main^{tree}"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def evidence(folder: Path) -> dict[str, Any]:
    return yamlfile.load((folder / "homelab-wizard/demo/state.yaml").read_text())["evidence"]


def test_what_is_in_it_is_told_without_a_secret(made: Demo, capsys: Any) -> None:
    assert cli.main(["backup", "show", file(made), "--json", *PASS]) == ExitCode.OK
    data = json.loads(capsys.readouterr().out)
    mine = evidence(made.folder / "xdg")
    assert (data["cluster"], data["identity"]["uid"]) == ("demo", mine["cluster"]["uid"])
    assert data["repository"]["commit"] == mine["repository"]["commit"]
    assert [one["name"] for one in data["nodes"]] == ["atlas", "boreas", "castor"]
    assert cli.main(["backup", "show", file(made), *PASS]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "age.key" in shown and "AGE-SECRET-KEY" not in shown + json.dumps(data)
    assert cli.main(["status"]) == ExitCode.OK
    assert f"(today) in {file(made)}" in " ".join(capsys.readouterr().out.split())


class Typing:
    """A person who types the answers."""

    def __init__(self, *lines: object) -> None:
        self.lines, self.asked = list(lines), []

    def ask(self, prompt: Any) -> object:
        self.asked.append(f"{prompt.step}.{prompt.question.key}")
        return self.lines.pop(0)

    def confirm(self, approval: Any) -> bool:
        return True

    def failed(self, step: str, error: Any) -> str:
        self.asked.append(error.what)
        return "retry"


def test_a_person_types_the_passphrase_twice_and_a_slip_is_asked_about(made: Demo, monkeypatch: Any) -> None:
    from wizard.ui import plain

    good, slip = Secret("five other words of mine"), Secret("five other wrods of mine")
    person = Typing(str(made.folder / "typed.age"), good, slip, good, good)
    monkeypatch.setattr(plain, "run", lambda session: session.engine(person).run())
    assert cli.main(["backup", "--plain"]) == ExitCode.OK
    assert person.asked == [
        "backup.to", "backup.passphrase", "backup.again", "The passphrase was typed in two ways.",
        "backup.passphrase", "backup.again",
    ]  # fmt: skip
    assert (made.folder / "typed.age").exists()
    assert "backup" not in yamlfile.load((made.folder / "xdg/homelab-wizard/demo/state.yaml").read_text())["answers"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["backup", "a", "b"], 2, "backup wants one FILE"),
        (["backup", "show"], 2, "backup wants one FILE"),
        (["backup", "a", "--json"], 2, "--json goes with backup show FILE"),
        (["backup", "show", "FILE"], 1, "Give --passphrase-env NAME"),
        (["backup", "FILE", "--yes", *PASS], 1, "There is a file"),
        (["backup", "show", "FILE", "--passphrase-env", "WRONG"], 3, "the passphrase is another one"),
        (["backup", "show", "FILE", "--passphrase-env", "UNSET"], 1, "UNSET is not set"),
        (["backup", "x.age", "--cluster", "other", "--yes"], 3, "no cluster is known here"),
        (["restore", "FILE", "--control-plane", "--cluster", "other", "--yes"], 3, "First without --control-plane"),
        (["restore", "/nowhere.age", "--yes", *PASS], 3, "/nowhere.age can't be read"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_a_sentence(
    made: Demo, capsys: Any, monkeypatch: Any, words: list[str], code: int, said: str
) -> None:
    monkeypatch.setenv("WRONG", "other words that do not fit")
    assert cli.main([file(made) if word == "FILE" else word for word in words]) == code
    shown = " ".join(capsys.readouterr().err.split())
    assert said in shown and "Traceback" not in shown


def test_the_ways_back(made: Demo, capsys: Any, monkeypatch: Any) -> None:
    """The computer is lost: state and keys come back. Then all Pis: one restore, and it is the same cluster."""
    before, uid = dict(made.world.api.objects), evidence(made.folder / "xdg")["cluster"]["uid"]
    monkeypatch.setenv("XDG_STATE_HOME", str(made.folder / "new-computer"))
    assert cli.main(["restore", file(made), "--yes", *PASS]) == ExitCode.OK
    assert "The cluster answers, and is the one of the backup." in capsys.readouterr().out
    assert cli.main(["run", "--cluster", "demo", "--answers", str(made.answers), "--yes"]) == ExitCode.OK
    assert "begin a copy of ssh://git@git.example.org/you/homelab.git" in capsys.readouterr().out
    assert cli.main(["plan", "--cluster", "demo"]) == ExitCode.OK

    for address in PIS:
        machine = made.world.machines[address]
        machine.sections = dict(machine.start) | {"machine-id": f"{address[-2:]:f>32}\n"}
    made.world.api.up = False
    answers = yamlfile.load(made.answers.read_text())
    answers["machines"]["replaced"] = list(PIS)
    (made.folder / "replaced.yaml").write_text(yamlfile.dump(answers))
    words = ["restore", file(made), "--control-plane", "--answers", str(made.folder / "replaced.yaml"), "--yes", *PASS]
    assert cli.main([*words, *ALLOW[:4]]) == ExitCode.FAILED
    assert "--allow restore-control-plane/start" in capsys.readouterr().err
    assert cli.main([*words, *ALLOW]) == ExitCode.OK
    out = capsys.readouterr().out
    assert "make atlas the cluster's control plane again" in out and "kubeadm init" not in out
    assert made.world.api.objects["/api/v1/namespaces/kube-system"]["metadata"]["uid"] == uid
    assert set(made.world.api.objects) == set(before)
    assert cli.main(["plan", "--cluster", "demo"]) == ExitCode.OK
    assert evidence(made.folder / "new-computer")["cluster"]["uid"] == uid


def test_a_new_cluster_from_the_same_answers_and_repository(made: Demo, capsys: Any, monkeypatch: Any) -> None:
    """Everything is lost, and no Pi may keep its address: the journey again, and the repository is the old one."""
    before = tree(made)
    monkeypatch.setenv("XDG_STATE_HOME", str(made.folder / "anew"))
    assert cli.main(["restore", file(made), "--new-cluster", "--yes", *PASS]) == ExitCode.OK
    assert "makes the cluster anew" in capsys.readouterr().out
    for address in PIS:
        machine = made.world.machines[address]
        machine.sections = dict(machine.start)
    made.world.api.event({"down": True})
    assert cli.main(["run", "--answers", str(made.answers), "--yes", *ALLOW]) == ExitCode.OK
    anew = evidence(made.folder / "anew")
    assert anew["cluster"]["uid"] != evidence(made.folder / "xdg")["cluster"]["uid"]
    assert tree(made) == before, "the repository said all of it already"
