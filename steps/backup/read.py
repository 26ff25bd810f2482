"""A backup opened and shown: `homelab backup show`, and what a restore begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steps.backup import contents, passphrase
from wizard import backupfile, userfile
from wizard.backupfile import Backup
from wizard.context import Context
from wizard.errors import BadInput, StateError
from wizard.question import PATH, Question

FILE = Question("file", "Which file is the backup?", PATH)


def opened(ctx: Context, step: str) -> Backup:
    """The backup that the answers of `step` name, read once in a run. Raises as `backupfile.unseal` does."""
    file = Path(str(ctx.answers[step]["file"]))
    if (found := ctx.scratch.get("backup")) and found[0] == file:
        return found[1]  # type: ignore[no-any-return]
    try:
        data = userfile.read_bytes(file, backupfile.MOST)
    except OSError as error:
        raise StateError(f"{file} can't be read.", f"{error.strerror}.", "Name another file.") from None
    except MemoryError:
        raise StateError(f"{file} is larger than this computer's memory.", "", "Name another file.") from None
    ctx.progress(None, f"opening {file.name}")
    try:
        backup = backupfile.unseal(data, ctx.secret(step, passphrase.OPENS), str(file))
    except BadInput as error:
        error.answers = (f"{step}.passphrase",)
        forget(ctx, step)
        raise
    ctx.scratch["backup"] = (file, backup)
    return backup


def forget(ctx: Context, step: str) -> None:
    """A passphrase that did not open it is not the one."""
    if passphrase.is_typed(ctx.answers, step):
        ctx.forget(step, passphrase.OPENS.key)


@dataclass(frozen=True)
class Shown:
    """What a backup says of itself. It was opened, so it is whole."""

    file: str
    backup: Backup

    good: bool = True

    def data(self) -> Mapping[str, Any]:
        return {"form": 1, "file": self.file, **self.backup.about}

    def text(self) -> str:
        about = self.backup.about
        identity, etcd, repository = about["identity"], about.get("etcd") or {}, about.get("repository") or {}
        lines = [
            f"{self.file}: backup of the cluster {about['cluster']}, made {about['made']}",
            f"by homelab {about['homelab']}.",
            "It opens, and all of it is as it was written.",
            "",
            f"cluster     UID {identity['uid'] or 'none yet'}",
            f"            CA {identity['ca_hash'] or 'none yet'}",
            *(f"node        {one['name'] or '?'} ({one['address']}, {one['role']})" for one in about["nodes"]),
        ]
        if repository:
            lines += [
                f"repository  {repository['url']}@{repository['branch']}, commit {repository['commit'] or 'none'}"
            ]
            lines += [f"host key    {key}" for key in repository["host_keys"]]
        if etcd:
            lines += [f"etcd        of {etcd['host']}: {etcd['keys']} keys, revision {etcd['revision']}"]
        else:
            lines += ["etcd        not in it: it brings back this computer, not a control plane"]
        return "\n".join([*lines, "", *_listed(about["files"])])


def _listed(files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        f"{name:18} {one['bytes']:>10} bytes  {contents.MEANING.get(name, '')}".rstrip() for name, one in files.items()
    ]


def show(ctx: Context) -> Shown:
    """Opens the file that `homelab backup show` names."""
    return Shown(str(ctx.answers["restore"]["file"]), opened(ctx, "restore"))
