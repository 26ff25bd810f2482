"""`homelab backup`: what the cluster can be brought back from, in one file that a passphrase opens."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from steps import nodes, ops, snapshot_node, snapshots
from steps.backup import contents, passphrase
from wizard import backupfile
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.question import TEXT, YES_NO, Answers, Kind, Question
from wizard.step import Change, Step

NAME = "backup"
PIECE = 4 << 20  # bytes of a snapshot that go over the line at once
MOST = 512 << 20  # bytes of a snapshot; a homelab's has some tens of millions


def _file(raw: object) -> str:
    return str(Path(TEXT.parse(raw)).expanduser().absolute())


FILE = Kind("file to be written", _file)


def named(cluster: str) -> str:
    return f"{cluster}-{datetime.now(UTC):%Y-%m-%d-%H%M}.age"


QUESTIONS = (
    Question(
        "to", "Where shall the backup be written?", FILE, 
        default=lambda ctx: str(ctx.world.home / named(ctx.state.cluster)),
        help="A file, or a folder that is there, such as that of a USB stick. It should outlive this computer.",
    ),
    passphrase.ASK,
    Question(
        "again", "The same passphrase once more?", passphrase.ASK.kind,
        when=lambda answers: passphrase.is_typed(answers, NAME),
    ),
    Question(
        "etcd", "Shall the cluster's data be in it?", YES_NO, default=True, advanced=True,
        help="Without them the backup holds what is on this computer, for when no control plane answers.",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class BackupFacts:
    """Where it goes, and which control plane the data come from: address and name, empty for none."""

    file: str
    address: str = ""
    host: str = ""
    written: bool = False  # in this run


class Backup(Step[BackupFacts]):
    """Takes a snapshot, packs, encrypts, writes, and reads it back."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Backup"
    intro: ClassVar[str] = (
        "What the cluster can be brought back from goes into one file: its data and authorities, and what this computer"
        " knows. Who has the file and its passphrase owns the cluster."
    )
    questions: ClassVar[tuple[Question, ...]] = QUESTIONS

    def check(self, ctx: Context) -> BackupFacts:
        return look(ctx, NAME, QUESTIONS[2])

    def plan(self, facts: BackupFacts, answers: Answers) -> list[Change]:
        return changes(facts, NAME)


def look(ctx: Context, step: str, again: Question | None) -> BackupFacts:
    """Whether and where a backup can be written; `step` holds the answers. Raises `WizardError` when it can't."""
    target = ctx.scratch.get("backup file") or str(place(ctx, str(ctx.answers[step]["to"])))
    if ctx.scratch.get("backup written"):
        return BackupFacts(target, written=True)
    ctx.scratch["backup file"] = target
    if Path(target).exists():
        raise _again(step, f"There is a file {target} already.", "Nothing is overwritten.", "Name another one")
    if not Path(target).parent.is_dir():
        raise _again(step, f"There is no folder {Path(target).parent}.", "Is it plugged in?", "Name another one")
    passphrase.fit(ctx, step, again)
    if ctx.answers[step].get("etcd") is False:
        return BackupFacts(target)
    head = nodes.control_plane(ctx)
    if snapshot_node.SNAPSHOT not in snapshot_node.look(ctx, head.address).files:
        raise Blocked(
            "No snapshots are taken on the control plane yet.", "The program that takes them is not there.",
            "Run homelab until its step Snapshots is done. Without the cluster's data: --no-etcd.",
            host=ctx.name_of(head.address),
        )  # fmt: skip
    return BackupFacts(target, head.address, ctx.name_of(head.address))


def place(ctx: Context, given: str) -> Path:
    """The file that is meant: `given`, or a file with a name of its own in the folder `given`."""
    path = Path(given)
    return path / named(ctx.state.cluster) if path.is_dir() else path


def _again(step: str, what: str, why: str, fix: str) -> WizardError:
    error = Blocked(what, why, f"{fix}.")
    error.answers = (f"{step}.to",)
    return error


def changes(facts: BackupFacts, step: str) -> list[Change]:
    """What is left to do. Pure."""
    if facts.written:
        return []
    found = []
    if facts.address:
        sentence = "save etcd now, and bring the snapshot to this computer"
        found.append(Change(f"{step}/etcd", sentence, lambda ctx: _fetch(ctx, facts.address), facts.address))
    what = (
        "all that the cluster can be brought back from" if facts.address else "what this computer knows of the cluster"
    )
    sentence = f"write {what} into {facts.file}, encrypted, and read it back"
    return [*found, Change(f"{step}/write", sentence, lambda ctx: _write(ctx, step, facts))]


# -- the snapshot ------------------------------------------------------------------------------------------------


def _fetch(ctx: Context, address: str) -> None:
    snapshots.take(ctx, address, snapshot_node.place(ctx.answers, address))
    last = ctx.state.recall("snapshots", address)
    data = b""
    while len(data) <= MOST:
        number = len(data) // PIECE
        ctx.progress(address, f"fetching the snapshot, {len(data) >> 20} MB so far")
        done = ops.run(ctx, address, "backup/read", str(last["file"]), str(number), timeout=300, check=False)
        piece = base64.b64decode(done.out) if done.code == 0 else b""
        data += piece
        if len(piece) < PIECE:
            break
    if backupfile.digest(data) != last["sha256"]:
        raise WizardError(
            "The snapshot did not come here as it is on the control plane.", f"{len(data)} bytes came.",
            "Run the same command again.", host=ctx.name_of(address),
        )  # fmt: skip
    contents.check_snapshot(data)
    ctx.scratch["backup snapshot"] = (data, last, address)


def _about_etcd(ctx: Context) -> tuple[bytes, Mapping[str, Any]] | None:
    if "backup snapshot" not in ctx.scratch:
        return None
    data, last, address = ctx.scratch["backup snapshot"]
    said = {key: str(last.get(key, "")) for key in ("time", "revision", "keys", "sha256")}
    return data, {"host": ctx.name_of(address), "address": address, **said}


# -- the file ----------------------------------------------------------------------------------------------------


def _write(ctx: Context, step: str, facts: BackupFacts) -> None:
    snapshot = _about_etcd(ctx)
    held = contents.files(ctx, step)
    if snapshot:
        held[contents.SNAPSHOT] = snapshot[0]
    secret, target = ctx.secret(step, passphrase.ASK), Path(facts.file)
    about = contents.about(ctx, snapshot[1] if snapshot else None)
    ctx.progress(None, "encrypting")
    sealed = backupfile.seal(about, held, secret)
    try:
        _new(target, sealed)
        ctx.progress(None, "reading it back")
        back = backupfile.unseal(target.read_bytes(), secret, str(target))
    except OSError as error:
        raise _again(step, f"{target} could not be written.", f"{error.strerror}.", "Name another place") from None
    if back.files != held:
        raise WizardError(f"{target} is not what was written.", "The disk may be failing.", "Name another place.")
    ctx.scratch["backup written"] = True
    ctx.state.remember("backup", value={"at": about["made"], "file": str(target), "etcd": bool(snapshot)})
    ctx.note("Backup", _told(target, len(sealed), held))


def _new(target: Path, data: bytes) -> None:
    """Writes a file that must not be there yet, readable by its owner alone, and only as a whole."""
    new = target.with_name(f".{target.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if target.exists():
        raise FileExistsError(0, "somebody has written it meanwhile")
    new.replace(target)


def _told(target: Path, size: int, held: Mapping[str, bytes]) -> str:
    lines = [f"{target}, {max(1, size >> 10)} kB, was read back and is good. In it:"]
    lines += [f"  {name}: {contents.MEANING[name]}" for name in held]
    return "\n".join([*lines, "Keep it, and its passphrase, away from this computer and from the Pis."])
