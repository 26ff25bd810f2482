"""`homelab backup` and its way back on simulated Pis: what is refused, and what never shows."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from steps.backup import computer, contents, head
from steps.backup.make import Backup
from steps.control_plane import ControlPlane
from steps.facts import NodeFacts
from steps.prepare import Prepare
from steps.snapshots import Snapshots
from wizard import backupfile, events, yamlfile
from wizard.backupfile import Backup as File
from wizard.errors import Blocked, TrustError, WizardError
from wizard.secret import Secret, SecretRef

FIRST, SECOND = "192.168.1.11", "192.168.1.12"
PASS = "five words that fit together"


@pytest.fixture
def stage(pis, tmp_path):
    def make(**backup):
        made = pis(
            [FIRST, SECOND], snapshots={"to": None, "every_hours": 6, "keep": 28},
            backup={"to": str(tmp_path / "b.age"), "passphrase": Secret(PASS), "again": Secret(PASS)} | backup,
        )  # fmt: skip
        for step in (Prepare(), ControlPlane()):
            made.run(step)
        return made

    return make


def test_a_backup_is_written_read_back_and_remembered(stage, tmp_path):
    made = stage()
    made.run(Snapshots())
    (made.ctx.state.path.parent / "age.key").write_text("AGE-SECRET-KEY-OF-THE-TEST\n")
    assert made.run(Backup()) == [(FIRST, "backup/etcd"), (None, "backup/write")]
    file = tmp_path / "b.age"
    assert file.stat().st_mode & 0o777 == 0o600 and [p.name for p in tmp_path.glob("*b.age*")] == ["b.age"]
    found = backupfile.unseal(file.read_bytes(), Secret(PASS), "b.age")
    assert {"state.yaml", "age.key", "kubeconfig", "etcd.tar.gz"} <= set(found.files)
    assert found.about["etcd"]["host"] == "atlas" and found.about["nodes"][1]["name"] == "boreas"
    state = yamlfile.load(found.files["state.yaml"].decode())
    assert "backup" not in state["answers"] and not [one for one in state["journal"] if one["step"] == "backup"]
    assert made.ctx.state.recall("backup", "file") == str(file)
    told = repr(made.seen) + made.saved()
    assert PASS not in told and "AGE-SECRET-KEY" not in told
    note = next(event.text for event in made.seen if isinstance(event, events.Note) and event.title == "Backup")
    assert "was read back and is good" in note and "opens the secrets in the repository" in note


@pytest.mark.parametrize(
    ("answers", "said", "again"),
    [
        ({"passphrase": Secret("short"), "again": Secret("short")}, "too short", "backup.passphrase"),
        ({"again": Secret("five words that fit togehter")}, "typed in two ways", "backup.again"),
        ({"to": "/nowhere/at/all/b.age"}, "There is no folder /nowhere/at/all", "backup.to"),
    ],
)
def test_a_slip_is_asked_about_again(stage, answers, said, again):
    made = stage(**answers)
    with pytest.raises(WizardError, match=said) as caught:
        made.run(Backup())
    assert again in caught.value.answers


def test_nothing_is_overwritten_and_without_a_snapshot_it_says_so(stage, tmp_path):
    made = stage()
    with pytest.raises(Blocked, match="No snapshots are taken"):
        made.run(Backup())
    (tmp_path / "b.age").write_text("a backup of somebody")
    with pytest.raises(Blocked, match="There is a file"):
        made.run(Backup())
    assert (tmp_path / "b.age").read_text() == "a backup of somebody"


def test_a_snapshot_that_came_in_part_is_refused(stage, effect, tmp_path):
    made = stage()
    made.run(Snapshots())
    effect("backup/read", out="AAAA\n")
    with pytest.raises(WizardError, match="did not come here as it is"):
        made.run(Backup())
    assert not (tmp_path / "b.age").exists()


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    return made.getvalue()


def test_a_snapshot_without_the_authority_is_no_backup():
    contents.check_snapshot(archive(*contents.NEEDED))
    with pytest.raises(WizardError, match="lacks what a fresh control plane needs") as caught:
        contents.check_snapshot(archive(*contents.NEEDED[:3]))
    assert "etc/kubernetes/pki/ca.key" in caught.value.why
    with pytest.raises(WizardError, match="damaged"):
        contents.check_snapshot(archive(*contents.NEEDED)[:-30])


# -- the way back ------------------------------------------------------------------------------------------------

ABOUT = {
    "identity": {"uid": "u-1", "ca_hash": "sha256:ours"}, "cluster": "attic", "made": "2026-11-26T18:00:00+00:00",
    "etcd": {"host": "atlas", "address": FIRST, "time": "1", "sha256": "0"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("about", "pi", "ca", "kind", "said"),
    [
        ({}, {}, "sha256:ours", None, ""),
        ({}, {}, None, None, ""),
        ({"etcd": {}}, {}, "sha256:ours", Blocked, "holds no data of the cluster"),
        ({}, {}, "sha256:theirs", TrustError, "of another cluster"),
        ({}, {"hostname": "pollux"}, "sha256:ours", Blocked, "this Pi is pollux at"),
        ({}, {"address": "192.168.1.99"}, "sha256:ours", Blocked, "is atlas at 192.168.1.99"),
    ],
)
def test_which_pi_may_become_the_control_plane(about, pi, ca, kind, said):
    first = NodeFacts(**({"address": FIRST, "hostname": "atlas"} | pi))
    if kind is None:
        return head.refuse(ca, File(ABOUT | about, {}), first)
    with pytest.raises(kind, match=said):
        head.refuse(ca, File(ABOUT | about, {}), first)
    return None


def test_no_second_cluster_beside_one_that_still_has_its_data():
    head.refuse_alive([NodeFacts(SECOND, hostname="boreas")])
    with pytest.raises(Blocked, match="boreas holds the cluster's data as well"):
        head.refuse_alive([NodeFacts(SECOND, hostname="boreas", etcd_data=True)])


STATE = yamlfile.dump_plain({
    "kind": "homelab-wizard state", "version": 1, "cluster": "attic", "done": {"flux": "x"},
    "answers": {"machines": {"hosts": [FIRST], "key_file": "/gone/id"}},
    "evidence": {"cluster": {"uid": "u-1"}, "machines": {FIRST: {}}, "repository": {"commit": "c"},
                 "proof": {"nonce": "n", "table": []}},
    "journal": [{"step": "flux", "change": "x"}],
}).encode()  # fmt: skip


def test_for_a_new_cluster_answers_and_repository_stay_and_nothing_else():
    found = yamlfile.load(computer.forgetful(STATE).decode())
    assert found["evidence"] == {"repository": {"commit": "c"}, "proof": {"nonce": "n"}}
    assert found["answers"]["machines"]["hosts"] == [FIRST] and (found["done"], found["journal"]) == ({}, [])


@pytest.fixture
def back(pis, tmp_path, monkeypatch):
    """A computer, and a backup that is open."""
    made = pis([FIRST])
    file = File(ABOUT, {"state.yaml": STATE, "age.key": b"AGE\n", "kubeconfig": b"k\n"})
    (tmp_path / "b.age").write_bytes(b"x")
    monkeypatch.setattr(computer.read, "opened", lambda ctx, step: file)
    made.target = tmp_path / "home" / "state.yaml"
    answers = {"file": str(tmp_path / "b.age"), "passphrase": SecretRef("env", "P"), "to": str(made.target)}
    made.ctx.state.answers["restore"] = answers | {"new_cluster": False}
    return made


def test_a_computer_that_knows_nothing_gets_all_of_it(back):
    assert back.run(computer.Restore()) == [(None, "restore/files")]
    folder: Path = back.target.parent
    assert {p.name: p.stat().st_mode & 0o777 for p in folder.iterdir() if p.suffix != ".lock"} == {
        "state.yaml": 0o600, "age.key": 0o600, "kubeconfig": 0o600,
    }  # fmt: skip
    assert back.target.read_bytes() == STATE
    assert back.run(computer.Restore()) == []
    told = next(event.text for event in back.seen if isinstance(event, events.Note))
    assert "The cluster does not answer." in told and "--control-plane" in told
    assert "machines.key_file names /gone/id, which is not here" in told


def test_what_is_there_is_set_aside_only_with_a_yes_of_its_own(back):
    back.target.parent.mkdir()
    back.target.write_bytes(STATE + b"# newer\n")
    back.target.with_name("age.key").write_bytes(b"AGE\n")
    (sentence,) = back.plan(computer.Restore())
    assert "set aside state.yaml in" in sentence and "age.key" not in sentence
    assert back.run(computer.Restore()) == [(None, "restore/replace")]
    (kept,) = back.target.parent.glob("state.yaml.before-*")
    assert kept.read_bytes().endswith(b"# newer\n") and back.target.read_bytes() == STATE


def test_another_clusters_state_is_never_touched(back):
    back.target.parent.mkdir()
    back.target.write_bytes(STATE.replace(b"u-1", b"u-2"))
    with pytest.raises(TrustError, match="another one than the backup's"):
        back.run(computer.Restore())


def test_a_homelab_that_is_at_work_there_is_waited_out(back):
    with computer._locked(back.target, "attic"), pytest.raises(WizardError, match="Another homelab is working"):
        back.run(computer.Restore())
    assert not back.target.exists()
