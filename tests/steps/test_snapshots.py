"""The step Snapshots on simulated Pis: where snapshots go, when one is due, and what the receiver's account may do."""

from __future__ import annotations

import hashlib
import re
import subprocess
from dataclasses import replace

import pytest

from steps import snapshot_node
from steps.control_plane import ControlPlane
from steps.prepare import Prepare
from steps.snapshot_node import NodeLook, Place
from steps.snapshots import QUESTIONS, Snapshots, due, refusal
from steps.workers import Workers
from wizard import assets, events, remembered
from wizard.errors import Blocked, WizardError
from wizard.question import Prompt

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"


@pytest.fixture
def cluster(pis):
    def make(hosts=(FIRST, SECOND, THIRD), **answers):
        to = hosts[1] if len(hosts) > 1 else None
        stage = pis(list(hosts), snapshots={"to": to, "every_hours": 6, "keep": 28} | answers)
        for step in (Prepare(), ControlPlane(), Workers()):
            stage.run(step)
        return stage

    return make


def notes(stage):
    return [event.text for event in stage.seen if isinstance(event, events.Note) and "Snapshots" in event.title]


def test_the_first_snapshot_is_seen_in_the_second_place_before_the_step_is_done(cluster):
    stage = cluster()
    assert stage.run(Snapshots()) == [
        (None, "snapshots/key"), (FIRST, "snapshots/timer"), (SECOND, "snapshots/receiver"), (None, "snapshots/take"),
    ]  # fmt: skip
    assert stage.run(Snapshots()) == []
    assert stage.ctx.state.recall("snapshots", FIRST, "also") == "on boreas"
    assert "homelab-etcd-snapshot.timer" in " ".join(stage.sections(FIRST))
    assert not [name for name in stage.sections(THIRD) if "snapshot" in name]


def test_the_key_is_written_but_shown_nowhere(cluster):
    stage = cluster()
    stage.run(Snapshots())
    private = stage.sections(FIRST)[f"file {snapshot_node.KEY}"]
    assert "PRIVATE KEY" in private
    assert private.splitlines()[2] not in repr(stage.seen) + stage.saved()
    line = stage.sections(SECOND)[f"file {snapshot_node.AUTHORIZED}"].splitlines()[1]
    assert line.startswith('restrict,command="/usr/local/sbin/homelab-snapshot-receive atlas 28" ssh-ed25519 AAAA')


def test_the_receiver_is_known_by_its_pinned_keys(cluster):
    stage = cluster()
    stage.run(Snapshots())
    known = stage.sections(FIRST)[f"file {snapshot_node.KNOWN_HOSTS}"].splitlines()
    assert {line.split()[0] for line in known} == {SECOND}
    assert {line.split()[2] for line in known} == {key.base64 for key in stage.world.host_keys(SECOND)}


def test_another_receiver_takes_the_place_of_one_that_has_left(cluster):
    stage = cluster(to=SECOND)
    stage.run(Snapshots())
    stage.ctx.keep("machines", "hosts", [FIRST, THIRD])
    stage.ctx.keep("snapshots", "to", THIRD)
    assert (THIRD, "snapshots/receiver") in stage.run(Snapshots())
    assert stage.ctx.state.recall("snapshots", FIRST, "also") == "on castor"
    assert stage.run(Snapshots()) == []


def test_one_pi_is_told_that_this_is_no_backup(cluster):
    stage = cluster([FIRST])
    assert stage.run(Snapshots()) == [(FIRST, "snapshots/timer"), (None, "snapshots/take")]
    assert "not a backup" in notes(stage)[-1]
    assert "snapshots.to" in notes(stage)[-1]


@pytest.mark.parametrize(("device", "words"), [("", "There is none"), ("1", "on the same disk")])
def test_a_folder_must_be_on_another_disk(cluster, device, words):
    stage = cluster([FIRST], to="/mnt/usb")
    stage.sections(FIRST).update({".snapshot-device": device, ".snapshot-own-device": "1"})
    with pytest.raises(Blocked, match=words) as refused:
        stage.run(Snapshots())
    assert "snapshots.to" in refused.value.fix
    stage.sections(FIRST).update({".snapshot-device": "2", ".snapshot-folder": "etcd-atlas-simulated.tar.gz"})
    assert stage.run(Snapshots()) == [(FIRST, "snapshots/timer"), (None, "snapshots/take")]
    assert "TO=/mnt/usb" in stage.sections(FIRST)[f"file {snapshot_node.SETTINGS}"]


def test_a_failed_snapshot_shows_and_is_taken_again(cluster):
    stage = cluster()
    stage.run(Snapshots())
    stage.sections(FIRST)[".snapshot-service"] = "ActiveState=failed\nResult=exit-code"
    stage.sections(FIRST)[".snapshot-why"] = "Too little room in /var/lib/homelab/etcd-snapshots: 210 MB."
    assert stage.plan(Snapshots()) == ["save etcd on atlas now and see that it arrives in its second place"]
    assert "Too little room" in notes(stage)[-1]


def test_what_did_not_arrive_whole_is_an_error(cluster, effect):
    effect("snapshots/arrived", out="another  etcd-atlas-simulated.tar.gz")
    with pytest.raises(WizardError, match="is not on boreas"):
        cluster().run(Snapshots())


def test_another_interval_rewrites_the_timer_only(cluster):
    stage = cluster()
    stage.run(Snapshots())
    stage.ctx.keep("snapshots", "every_hours", 12)
    assert stage.run(Snapshots()) == [(FIRST, "snapshots/timer")]
    timer = stage.sections(FIRST)[f"file {snapshot_node.UNITS}/{snapshot_node.TIMER}"]
    assert "OnUnitActiveSec=12h" in timer
    assert "EVERY" not in timer


# -- judged without any Pi ---------------------------------------------------------------------------------------

HERE = {"machines": {"hosts": [FIRST, SECOND, THIRD], "control_plane": FIRST}}


@pytest.mark.parametrize(
    ("answers", "head", "found"),
    [
        (HERE, FIRST, Place("ssh", SECOND)),
        (HERE | {"snapshots": {"to": THIRD}}, FIRST, Place("ssh", THIRD)),
        (HERE | {"snapshots": {"to": None}}, FIRST, Place("ssh", SECOND)),  # as a single Pi's answers were, and may be
        (HERE | {"snapshots": {"to": "none"}}, FIRST, Place("none")),
        (HERE | {"snapshots": {"to": SECOND}}, SECOND, Place("ssh", FIRST)),
        (HERE | {"snapshots": {"to": "/mnt/usb"}}, FIRST, Place("folder", "/mnt/usb")),
        ({"machines": {"hosts": [FIRST], "control_plane": FIRST}}, FIRST, Place("none")),
    ],
)
def test_the_second_place(answers, head, found):
    assert snapshot_node.place(answers, head) == found


@pytest.mark.parametrize(
    ("to", "heads", "words"),
    [
        (SECOND, [], ""), ("/mnt/usb", [], ""), (None, [], ""), ("none", [], ""),
        (SECOND, [SECOND, THIRD], ""), (FIRST, [SECOND], ""),
        (FIRST, [], "is the control plane itself: its disk would take the copies along"),
        ("192.168.1.99", [], "is not one of machines.hosts"),
    ],
)  # fmt: skip
def test_an_address_that_is_no_other_pi_is_refused(to, heads, words):
    machines = HERE["machines"] | {"more_control_planes": heads}
    problems = Snapshots().validate({"machines": machines, "snapshots": {"to": to}})
    assert [problem.path for problem in problems] == (["snapshots.to"] if words else [])
    assert not words or (words in problems[0].what and "/mnt/usb, or none" in problems[0].fix)


def test_none_is_none_although_there_are_other_pis(cluster):
    assert QUESTIONS["to"].kind.parse("None") == "none"
    assert Prompt("snapshots", "Snapshots", QUESTIONS["to"], SECOND).parse("") == "none"  # the proposal was declined
    assert Prompt("snapshots", "Snapshots", QUESTIONS["to"]).parse("") is None
    stage = cluster(to="none")
    assert stage.run(Snapshots()) == [(FIRST, "snapshots/timer"), (None, "snapshots/take")]
    assert "snapshots.to" in notes(stage)[-1]


NOW = 1_800_000_000
LAST = {"time": str(NOW - 6 * 3600), "file": "a", "PLACE": "ssh", "TO": SECOND}
WELL = NodeLook(etcd=True, now=NOW, last=LAST)
THERE = NodeLook(store=frozenset({"a"}))


@pytest.mark.parametrize(
    ("look", "receiver", "expected"),
    [
        (WELL, THERE, False),
        (replace(WELL, last={}), THERE, True),
        (WELL, NodeLook(store=frozenset({"b"})), True),
        (replace(WELL, failed="why"), THERE, True),
        (replace(WELL, last=LAST | {"TO": THIRD}), THERE, True),
        (replace(WELL, now=NOW + 8 * 3600), THERE, True),
        (replace(WELL, now=NOW + 6 * 3600), THERE, False),
    ],
    ids=["well", "none yet", "not there", "failed", "elsewhere", "too old", "one missed"],
)
def test_a_snapshot_is_due(look, receiver, expected):
    assert due(look, Place("ssh", SECOND), receiver, 6) is expected


def test_a_snapshot_in_a_folder_is_looked_for_there():
    last = LAST | {"PLACE": "folder", "TO": "/mnt/usb"}
    look = replace(WELL, last=last, folder=frozenset({"a"}))
    assert not due(look, Place("folder", "/mnt/usb"), None, 6)
    assert due(replace(look, folder=frozenset()), Place("folder", "/mnt/usb"), None, 6)


def test_without_etcd_there_is_nothing_to_save():
    assert "no etcd on atlas" in str(refusal(NodeLook(), Place("none"), "atlas"))


@pytest.mark.parametrize("wrong", ["/", "/mnt/../etc", "mnt/usb", "/mnt/my usb", "/mnt/$(reboot)", "192.168.1", "/a/"])
def test_what_is_no_place_is_refused(wrong):
    with pytest.raises(ValueError, match="is not"):
        QUESTIONS["to"].kind.parse(wrong)


# -- the receiver's account, by its own script --------------------------------------------------------------------

NAME = "etcd-atlas-20260101T000000Z.tar.gz"


@pytest.fixture
def receive(tmp_path):
    """Runs what sshd runs, with a folder of ours: ``receive(COMMAND, DATA)`` returns exit code and output."""
    text = assets.text("node/snapshots/receive.sh").replace("/var/lib/homelab-snapshots/store", str(tmp_path / "store"))
    script = tmp_path / "receive.sh"
    script.write_text(text.replace("most=1073741824", "most=100"))
    (tmp_path / "store").mkdir()

    def run(command, data=b"snapshot"):
        done = subprocess.run(
            ["sh", str(script), "atlas", "2"], input=data, capture_output=True, check=False,
            env={"SSH_ORIGINAL_COMMAND": command, "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        return done.returncode, (done.stdout + done.stderr).decode().strip()

    return run


def digest(data=b"snapshot"):
    return hashlib.sha256(data).hexdigest()


def test_it_stores_what_arrives_whole_and_keeps_the_newest(receive, tmp_path):
    names = [f"etcd-atlas-2026010{day}T000000Z.tar.gz" for day in range(1, 5)]
    (tmp_path / "store" / "etcd-boreas-20250101T000000Z.tar.gz").touch()
    for name in names:
        assert receive(f"store {name} {digest()}") == (0, f"stored {name} {digest()}")
    left = sorted(path.name for path in (tmp_path / "store").iterdir())
    assert left == [*names[2:], "etcd-boreas-20250101T000000Z.tar.gz"]
    assert (tmp_path / "store" / names[3]).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("command", "data"),
    [
        ("", b""),
        ("sh", b""),
        (f"store {NAME}", b"snapshot"),
        (f"store ../{NAME} {digest()}", b"snapshot"),
        (f"store etcd-boreas-20260101T000000Z.tar.gz {digest()}", b"snapshot"),
        (f"store {NAME};reboot {digest()}", b"snapshot"),
        (f"store * {digest()}", b"snapshot"),
        (f"store {NAME} {digest()}", b"snapsh"),
        (f"store {NAME} {digest(b'x' * 101)}", b"x" * 101),
        (f"fetch {NAME} {digest()}", b""),
    ],
)
def test_it_does_nothing_else(receive, tmp_path, command, data):
    code, said = receive(command, data)
    assert code != 0
    assert said
    assert list((tmp_path / "store").iterdir()) == []


def test_status_tells_of_the_snapshot_and_where_it_is(cluster):
    stage = cluster()
    stage.run(Snapshots())
    line = [
        line for line in remembered.status(stage.ctx.state, (), "homelab").text().splitlines() if "snapshot" in line
    ]
    assert re.search(r"etcd snapshot seen  20\d\d-\d\d-\d\d \d\d:\d\d on atlas, also on boreas", *line)
    stage.ctx.state.remember("snapshots", FIRST, value={"time": "no number"})
    assert "snapshot" not in remembered.status(stage.ctx.state, (), "homelab").text()


def test_no_lane_asks_another_lanes_host(cluster, monkeypatch):
    """A connection is used by one lane at a time: what the receiver needs of the sender is known before."""
    from wizard.demo.pi import SimHost

    stage, asked = cluster(), []
    original = SimHost.run

    def run(self, script, **more):
        asked.append(self.address)
        return original(self, script, **more)

    monkeypatch.setattr(SimHost, "run", run)
    changes = Snapshots().plan(Snapshots().check(stage.ctx), stage.ctx.answers)
    for change in changes:
        asked.clear()
        change.do(stage.ctx)
        assert change.host is None or set(asked) == {change.host}
