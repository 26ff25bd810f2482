"""`homelab status` and `homelab doctor` from the command line, on a simulated home after its journey."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steps import ORDER, nodes
from wizard import cli
from wizard.commands import joint
from wizard.demo.start import Demo, prepared
from wizard.engine import Consent
from wizard.errors import ExitCode
from wizard.opening import open_answered
from wizard.session import Session
from wizard.ui import unattended

pytestmark = pytest.mark.timeout(300)
COREDNS = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"


@pytest.fixture(scope="module")
def made() -> Iterator[Demo]:
    with prepared(fast=True) as demo:
        state = open_answered(None, demo.state, demo.answers, ORDER, save=True)
        session = Session(ORDER, demo.world, state, finish=nodes.close_all)
        session.consent = Consent(yes=True)
        unattended.run(session)
        session.close()
        yield demo


@pytest.fixture
def home(made: Demo, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The words that name the state; the world is the simulated one, as it was after the journey."""
    monkeypatch.setattr(joint, "real_world", lambda: made.world)
    made.world.stop.clear()
    before = json.loads(json.dumps(made.world.api.objects))
    yield ["--state", str(made.state)]
    made.world.api.up, made.world.api.objects = True, before


def test_where_nothing_can_be_looked_at_nothing_is_called_well(
    tmp_path: Path, made: Demo, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr(joint, "real_world", lambda: made.world)
    none = ["--state", str(tmp_path / "state.yaml")]
    assert cli.main(["doctor", *none]) == ExitCode.NOT_READY
    shown = capsys.readouterr().out
    assert "The cluster could not be looked at." in shown and "Nothing is wrong." not in shown
    assert cli.main(["doctor", "--json", *none]) == ExitCode.NOT_READY
    assert not json.loads(capsys.readouterr().out)["good"]
    assert cli.main(["doctor", "--fix", "--yes", *none]) == ExitCode.FAILED
    assert "The cluster could not be looked at." in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--fix", "--json"], ["--json", "--bundle", "F"]])
def test_json_goes_with_neither_fix_nor_bundle(words: list[str], capsys: Any) -> None:
    assert cli.main(["doctor", *words]) == ExitCode.USAGE
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_home_that_is_well(home: list[str], made: Demo, tmp_path: Path, capsys: Any) -> None:
    capsys.readouterr()
    assert cli.main(["doctor", *home]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "Nothing is wrong." in shown and "looking at the Pis" in shown
    assert cli.main(["doctor", "--json", *home]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["good"]
    ics = tmp_path / "ends.ics"
    assert cli.main(["status", "--calendar", str(ics), *home]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "nothing that the cluster tells" in shown and "the cluster is as the answers say" in shown
    assert "BEGIN:VEVENT" in ics.read_text()


def test_what_is_wrong_is_named_and_mended(home: list[str], made: Demo, capsys: Any) -> None:
    made.world.api.put(COREDNS, {"spec": {"replicas": 0}})
    made.world.sleep(30)
    capsys.readouterr()
    assert cli.main(["status", "--json", *home]) == ExitCode.NOT_READY
    sections = {one["name"]: one for one in json.loads(capsys.readouterr().out)["sections"]}
    assert [row["code"] for row in sections["causes"]["rows"]] == ["dns-down"]
    assert cli.main(["doctor", *home]) == ExitCode.NOT_READY
    assert "dns-down: The cluster's own DNS (CoreDNS) has no pod" in capsys.readouterr().out
    assert cli.main(["doctor", "--fix", "--yes", *home]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "let kube-system/coredns run again" in shown
    made.world.sleep(30)
    assert cli.main(["doctor", *home]) == ExitCode.OK


def test_a_cluster_that_does_not_answer(home: list[str], made: Demo, capsys: Any) -> None:
    made.world.api.up = False
    capsys.readouterr()
    assert cli.main(["status", *home]) == ExitCode.NOT_READY
    shown = capsys.readouterr().out
    assert "The cluster could not be asked." in shown and "node atlas" in shown
    assert cli.main(["doctor", *home]) == ExitCode.NOT_READY
    assert "api-away" in capsys.readouterr().out


def test_a_bundle(home: list[str], made: Demo, tmp_path: Path, capsys: Any) -> None:
    place = tmp_path / "help.tar.gz"
    assert cli.main(["doctor", "--bundle", str(place), *home]) != ExitCode.OK, "nobody said yes"
    assert not place.exists()
    made.world.stop.clear()  # a world lasts as long as its command, this one for many
    assert cli.main(["doctor", "--bundle", str(place), "--yes", *home]) == ExitCode.OK
    with tarfile.open(place) as archive:
        assert "homelab-bundle/doctor.txt" in archive.getnames()
    assert "What is in the bundle" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["doctor", "--fix", "--bundle", "x"], "not allowed with argument"),
        (["status", "--calendar"], "expected one argument"),
    ],
)
def test_mistakes_are_told_in_a_sentence(words: list[str], said: str, capsys: Any) -> None:
    assert cli.main(words) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_before_there_is_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(joint, "real_world", lambda: pytest.fail("there is nothing to look at"))
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    assert cli.main(["status", "--state", str(tmp_path / "none" / "state.yaml")]) == ExitCode.NOT_READY
    assert "Next: Machines" in capsys.readouterr().out and not (tmp_path / "none").exists()
