"""`homelab restore` onto a computer: what it has to know of the cluster is put back beside the state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from steps.backup import contents, passphrase, read
from wizard import state as states
from wizard import userfile, yamlfile
from wizard.backupfile import Backup
from wizard.context import Context
from wizard.errors import TrustError, WizardError
from wizard.question import TEXT, YES_NO, Answers, Question
from wizard.state import State, write_private
from wizard.step import AnyStep, Change, Step

NAME = "restore"
KEPT = ("repository", "proof")  # evidence that outlives a cluster: its repository is the next one's
OF_THE_CLUSTER = ("kubeconfig",)  # files that only the old cluster knows what to do with


@dataclass(frozen=True)
class RestoreFacts:
    """`missing` are files to write; `other` are those that are there with other contents."""

    folder: str
    made: str
    cluster: str
    missing: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    here: str = ""  # when the state that is here was written


class Restore(Step[RestoreFacts]):
    """Puts state and keys back; never over others without a yes of its own."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Restore"
    intro: ClassVar[str] = (
        "A computer that knows nothing of the cluster gets back what it needs: state, keys, kubeconfig."
    )
    questions: ClassVar[tuple[Question, ...]] = (
        read.FILE, passphrase.OPENS,
        Question("to", "Which state file shall it become?", TEXT, required=False, advanced=True),
        Question("new_cluster", "Shall another cluster be made from it?", YES_NO, default=False, advanced=True),
    )  # fmt: skip

    def check(self, ctx: Context) -> RestoreFacts:
        backup = read.opened(ctx, NAME)
        target = _target(ctx, backup)
        wanted = _files(backup, target, new=bool(ctx.answers[NAME]["new_cluster"]))
        there = {file: _read(file) for file in wanted}
        state = there.get(target)
        if state is not None and state != wanted[target]:
            refuse_another(backup, state, target)
        return RestoreFacts(
            str(target.parent), str(backup.about["made"]), backup.cluster,
            tuple(file.name for file, data in there.items() if data is None),
            tuple(file.name for file, data in there.items() if data is not None and data != wanted[file]),
            _when(target),
        )  # fmt: skip

    def plan(self, facts: RestoreFacts, answers: Answers) -> list[Change]:
        back = f"of the cluster {facts.cluster} as of {facts.made}"
        if facts.other:
            sentence = f"set aside {', '.join(facts.other)} in {facts.folder}, and put back those {back}"
            detail = f"The state that is here was last written {facts.here or 'at a time that is not known'}."
            return [Change(f"{NAME}/replace", sentence, _put_back, danger=True, detail=detail)]
        if facts.missing:
            sentence = f"put {', '.join(facts.missing)} {back} into {facts.folder}, readable by you alone"
            return [Change(f"{NAME}/files", sentence, _put_back)]
        return []


def refuse_another(backup: Backup, state: bytes, target: Path) -> None:
    """Raises `TrustError` when the state that is here is of another cluster than the backup. Pure."""
    uid, wanted = _identity(state), str(backup.about["identity"]["uid"])
    if uid and wanted and uid != wanted:
        raise TrustError(
            f"The cluster in {target} is another one than the backup's.",
            f"Here it is {uid}, in the backup {wanted}. Nothing was touched.",
            "Put the backup elsewhere with --state FILE, or move that folder away.",
        )  # fmt: skip


def _identity(state: bytes) -> str:
    """The UID of the cluster in the text of a state file; empty when it does not say."""
    try:
        return str(yamlfile.load(state.decode())["evidence"]["cluster"]["uid"])
    except (UnicodeDecodeError, ValueError, KeyError, TypeError):
        return ""


def _target(ctx: Context, backup: Backup) -> Path:
    given = ctx.answers[NAME].get("to")
    return Path(given) if given else states.path_for(backup.cluster)


def _files(backup: Backup, target: Path, *, new: bool) -> dict[Path, bytes]:
    """Everything that is to be there, the state last: where it is, the rest is."""
    names = [name for name in contents.BESIDE if name in backup.files and not (new and name in OF_THE_CLUSTER)]
    state = backup.files[contents.STATE]
    return {target.with_name(name): backup.files[name] for name in names} | {target: forgetful(state) if new else state}


def forgetful(state: bytes) -> bytes:
    """A state with the same answers and repository, and nothing of the cluster and of its Pis. Pure."""
    data = yamlfile.load(state.decode())
    evidence = {key: data["evidence"][key] for key in KEPT if key in data["evidence"]}
    if "proof" in evidence:
        evidence["proof"] = {"nonce": evidence["proof"].get("nonce")}
    return yamlfile.dump_plain({**data, "evidence": evidence, "done": {}, "journal": []}).encode()


def _read(file: Path) -> bytes | None:
    try:
        return userfile.read_bytes(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WizardError(f"{file} can't be read.", f"{error.strerror}.", "Name another place with --state.") from None


def _when(file: Path) -> str:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except OSError:
        return ""


# -- putting back ------------------------------------------------------------------------------------------------


def _put_back(ctx: Context) -> None:
    backup = read.opened(ctx, NAME)
    target, new = _target(ctx, backup), bool(ctx.answers[NAME]["new_cluster"])
    aside = f".before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    with _locked(target, backup.cluster):
        for file, data in _files(backup, target, new=new).items():
            there = _read(file)
            if there == data:
                continue
            if there is not None:
                file.rename(file.with_name(file.name + aside))
            write_private(file, data)
    ctx.note("What comes next", advice(ctx, backup, target, new=new))


@contextlib.contextmanager
def _locked(target: Path, cluster: str) -> Iterator[None]:
    """No other homelab works on that state meanwhile. Raises `StateError` when one does."""
    holder = State(target, cluster)
    holder.lock()
    try:
        yield
    finally:
        holder.close()


def advice(ctx: Context, backup: Backup, target: Path, *, new: bool) -> str:
    """Whether the cluster still answers, what to run, and what no backup holds."""
    command = f"homelab --state {target}" if ctx.answers[NAME].get("to") else f"homelab --cluster {backup.cluster}"
    lines = [_next(ctx, backup, target, command, new=new)]
    answers = yamlfile.load(backup.files[contents.STATE].decode())["answers"]
    for step, key in contents.FILES_NAMED:
        given = (answers.get(step) or {}).get(key)
        if given and not Path(str(given)).exists():
            lines.append(f"{step}.{key} names {given}, which is not here: put it back, or give another answer.")
    return "\n".join(lines)


def _next(ctx: Context, backup: Backup, target: Path, command: str, *, new: bool) -> str:
    wanted, file = str(backup.about["identity"]["uid"]), ctx.answers[NAME]["file"]
    if new or not wanted:
        return f"{command} makes the cluster anew, with the same answers and from the same repository."
    try:
        space = ctx.world.cluster(target.with_name("kubeconfig")).get("/api/v1/namespaces/kube-system") or {}
    except (WizardError, OSError):
        word = command.replace("homelab", "homelab restore", 1)
        return (
            "The cluster does not answer. If its control plane is lost and a fresh Pi has its name and address:"
            f" {word} {file} --control-plane. Otherwise: {command}"
        )
    if space.get("metadata", {}).get("uid") != wanted:
        return "Another cluster answers at this address: docs/restore.md tells what to do."
    return f"The cluster answers, and is the one of the backup. Go on with: {command}"


STEPS: Sequence[AnyStep] = (Restore(),)


def begin(state: State, given: Mapping[str, Any], target: Path | None) -> Sequence[AnyStep]:
    """Takes the words of the command line over into the answers; returns the steps to run."""
    state.answers[NAME] = {
        **({"file": str(Path(given["file"]).expanduser().absolute())} if given.get("file") else {}),
        **passphrase.given(given),
        "to": str(target.absolute()) if target else None, "new_cluster": "new_cluster" in given,
    }  # fmt: skip
    return STEPS
