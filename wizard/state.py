"""The state file: what was answered, what was seen, what was done. The file remembers; the world decides.

``$XDG_STATE_HOME/homelab-wizard/<cluster>/state.yaml``, 0600 in a 0700 folder, versioned, written atomically
with fsync after every change, locked while a run lasts. Secrets are in it only as references.
"""

from __future__ import annotations

import datetime
import fcntl
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard import userfile, yamlfile
from wizard.errors import StateError
from wizard.question import Answers
from wizard.secret import SecretRef

VERSION = 1
KIND = "homelab-wizard state"


def home() -> Path:
    """The folder that holds one folder for each cluster."""
    import platformdirs

    return Path(platformdirs.user_state_dir("homelab-wizard", appauthor=False))


def path_for(cluster: str) -> Path:
    return home() / cluster / "state.yaml"


class State:
    """One cluster's memory. Every method that changes it also saves it; safe from several threads."""

    def __init__(self, path: Path, cluster: str) -> None:
        self.path, self.cluster = path, cluster
        self.answers: Answers = {}
        self.evidence: dict[str, Any] = {}
        self.done: dict[str, str] = {}  # step -> when it was last verified (ISO 8601, UTC)
        self.skipped: dict[str, str] = {}  # step -> when the person went on without it
        self.journal: list[dict[str, Any]] = []  # changes begun and finished, oldest first
        self._mutex = threading.RLock()
        self._lock_fd: int | None = None

    # -- opening -------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path, cluster: str, *, lock: bool = True) -> State:
        """Reads the state at `path`, or begins a new one there. Raises `StateError` and leaves a strange file alone."""
        state = cls(path, cluster)
        try:
            userfile.refuse_other(path)  # before a lock is put beside a device
        except OSError as error:
            raise state._refused(f"It can't be read: {error.strerror}.", "Name another with --state FILE.") from None
        if lock:
            state.lock()
        try:
            if _there(path):
                state._read()
        except StateError:
            state.close()
            raise
        return state

    def lock(self) -> None:
        """Takes the lock, until `close`. Raises `StateError` when another homelab holds it."""
        self._make_folder()
        try:
            fd = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise StateError(
                f"Another homelab is working on the cluster {self.cluster!r}.",
                f"It holds the lock of {self.path} (process {pid}).",
                "Wait until it has finished, or stop it with Ctrl-C in its own terminal.",
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = fd

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.path.parent.parent == home():  # a folder of our own, not one that --state points into
                self.path.parent.chmod(0o700)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> StateError:
        return StateError(
            f"The folder {self.path.parent} can't be used.", f"{error.strerror}.",
            "Choose another place with --state FILE.",
        )  # fmt: skip

    def close(self) -> None:
        """Gives the lock back."""
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _read(self) -> None:
        try:
            data = yamlfile.load(userfile.read_text(self.path))
        except OSError as error:
            raise self._refused(f"It can't be read: {error.strerror}.") from None
        except (UnicodeDecodeError, ValueError) as error:
            raise self._refused(f"It can't be read: {error}.") from None
        if not isinstance(data, dict) or data.get("kind") != KIND:
            raise self._refused("It is not a state file of this program.")
        version = data.get("version")
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise self._refused(f"Its version is {version!r}, which no release of this program has written.")
        if version > VERSION:
            raise self._refused(
                f"It was written by a newer release (version {version}, this one knows {VERSION}).",
                "Upgrade homelab and try again.",
            )
        if data.get("cluster") != self.cluster:
            raise self._refused(f"It belongs to the cluster {data.get('cluster')!r}, not {self.cluster!r}.")
        try:
            answers, self.evidence, self.done, self.skipped, self.journal = _shaped(data)
            self.answers = {step: {k: _load(v) for k, v in part.items()} for step, part in answers.items()}
        except ValueError:
            raise self._refused("Its contents have another shape than this program writes.") from None

    def _refused(self, why: str, fix: str = "") -> StateError:
        return StateError(
            f"The state file {self.path} is refused and was left as it is.",
            why,
            fix or "Move it away to begin anew, or name another one with --state FILE.",
        )

    # -- changing ------------------------------------------------------------------------------------

    def answer(self, step: str, key: str, value: Any) -> None:
        with self._mutex:
            self.answers.setdefault(step, {})[key] = value
            self.save()

    def take(self, step: str, values: Mapping[str, Any]) -> None:
        """Adds answers without saving them."""
        with self._mutex:
            self.answers.setdefault(step, {}).update(values)

    def forget(self, step: str, key: str) -> Any:
        """Takes an answer back and returns it; None when there was none."""
        with self._mutex:
            value = self.answers.get(step, {}).pop(key, None)
            self.save()
            return value

    def remember(self, *path: str, value: Any) -> None:
        """Stores a piece of evidence: ``remember("machines", address, "machine_id", value=...)``."""
        with self._mutex:
            place = self.evidence
            for key in path[:-1]:
                place = place.setdefault(key, {})
            place[path[-1]] = value
            self.save()

    def recall(self, *path: str) -> Any:
        """A piece of evidence, or None."""
        with self._mutex:
            place: Any = self.evidence
            for key in path:
                if not isinstance(place, dict) or key not in place:
                    return None
                place = place[key]
            return place

    def begin(self, step: str, change: str, host: str | None, sentence: str) -> None:
        with self._mutex:
            entry = {"step": step, "change": change, "host": host, "sentence": sentence, "begun": _now()}
            self.journal.append({key: value for key, value in entry.items() if value is not None})
            self.save()

    def finish(self, step: str, change: str, host: str | None) -> None:
        with self._mutex:
            for entry in reversed(self.journal):
                if (entry["step"], entry["change"], entry.get("host")) == (step, change, host):
                    entry["finished"] = _now()
                    break
            self.save()

    def verified(self, step: str) -> None:
        with self._mutex:
            self.done[step] = _now()
            self.skipped.pop(step, None)
            self.save()

    def skip(self, step: str) -> None:
        """The person goes on without `step`, until it is done some time."""
        with self._mutex:
            self.done.pop(step, None)
            self.skipped[step] = _now()
            self.save()

    def reopened(self, step: str) -> None:
        """`step` has work left: it no longer counts as done."""
        with self._mutex:
            if self.done.pop(step, None):
                self.save()

    def set_aside(self, name: str) -> Path:
        """Moves the state to the file `name` beside it, where it is kept from now on. Returns its new place."""
        with self._mutex:
            place = self.path.with_name(name)
            self.path.replace(place)
            self.path = place
            return place

    def text(self) -> str:
        """What the file holds, as `save` writes it."""
        body = {
            "kind": KIND, "version": VERSION, "cluster": self.cluster, "done": self.done,
                **({"skipped": self.skipped} if self.skipped else {}),
            "answers": {s: {k: _dump(v) for k, v in part.items()} for s, part in self.answers.items()},
            "evidence": self.evidence, "journal": self.journal,
        }  # fmt: skip
        head = "# Written by homelab; read it, but let homelab change it. Secrets are never in here.\n"
        return head + yamlfile.dump_plain(body)

    def save(self) -> None:
        """Writes the file atomically: a new one beside it, synced, renamed over, folder synced."""
        with self._mutex:
            self._make_folder()
            text = self.text()
            try:
                write_private(self.path, text.encode())
            except OSError as error:
                raise StateError(
                    f"The state file {self.path} could not be written.",
                    f"{error.strerror}.",
                    "Free some space or choose --state FILE.",
                ) from None


def write_private(path: Path, data: bytes) -> None:
    """Writes `path` as a whole, 0600, atomically and synced. Also used for kubeconfig and keys. Raises OSError."""
    userfile.refuse_other(path)
    new = path.with_name(f".{path.name}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _there(path: Path) -> bool:
    """Whether anything is at `path`. What can't be looked at counts: reading it will say why."""
    try:
        return os.path.lexists(path)
    except OSError:
        return True


def _shaped(
    data: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str], dict[str, str], list[dict[str, Any]]]:
    """The parts of a state file. Raises ValueError when one is not what `save` writes."""
    answers, evidence, done, skipped = (data.get(key) or {} for key in ("answers", "evidence", "done", "skipped"))
    journal = data.get("journal") or []
    mappings = [answers, evidence, done, skipped, *(answers.values() if isinstance(answers, dict) else [])]
    entries = journal if isinstance(journal, list) else [None]
    if not all(isinstance(part, dict) for part in (*mappings, *entries)):
        raise ValueError
    if not all(isinstance(entry.get(key), str) for entry in journal for key in ("step", "change")):
        raise ValueError
    return answers, evidence, done, skipped, journal


def _dump(value: Any) -> Any:
    return {"secret": value.dump()} if isinstance(value, SecretRef) else value


def _load(value: Any) -> Any:
    return SecretRef.parse(value["secret"]) if isinstance(value, dict) and set(value) == {"secret"} else value


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
