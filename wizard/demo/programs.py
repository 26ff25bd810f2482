"""Programs of this computer as the demo runs them: git and sops for real in the demo's folder, the others pretended."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.demo import flux, lan, probe
from wizard.errors import WizardError
from wizard.host.base import Result

if TYPE_CHECKING:
    from wizard.demo.world import SimWorld

REAL = ("git", "sops")  # they open no socket here: every git address leads to a folder
GIT_WRITES = ("push", "commit", "init", "clone")


def run(
    world: SimWorld, argv: Sequence[str], stdin: bytes, env: Mapping[str, str], cwd: Path | None, timeout: float
) -> Result:
    """What `World.run` does in the demo. Raises `WizardError` for a program that the demo does not know."""
    name = Path(argv[0]).name
    if name in REAL:
        return _real(world, argv, stdin, env, cwd, timeout)
    if name in _PRETENDED:
        return _PRETENDED[name](world, argv, stdin)
    raise WizardError(f"The demo does not know the program {name!r}.", "", "Describe it in wizard/demo/programs.py.")


def git_environment(world: SimWorld) -> dict[str, str]:
    """Settings that send every ``ssh://`` and ``https://`` address to a bare repository in the demo's folder."""
    target = f"file://{world.folder}/git/"
    pairs = [
        ("protocol.allow", "never"), ("protocol.file.allow", "always"), ("init.defaultBranch", "main"),
        ("safe.directory", "*"), *((f"url.{target}.insteadOf", prefix) for prefix in ("ssh://", "https://", "git@")),
    ]  # fmt: skip
    made = {"GIT_CONFIG_COUNT": str(len(pairs)), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for number, (key, value) in enumerate(pairs):
        made |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return made


def _real(
    world: SimWorld, argv: Sequence[str], stdin: bytes, env: Mapping[str, str], cwd: Path | None, timeout: float
) -> Result:
    if Path(argv[0]).name == "git" and any(word in GIT_WRITES for word in argv[1:4]):
        world.wrote(" ".join(["git", *argv[1:3]]))
    if Path(argv[0]).name == "git" and (refused := world.faults.git(argv) or world.forges.git(argv, env)):
        return refused
    try:
        done = subprocess.run(
            list(argv), input=stdin, capture_output=True, cwd=cwd, timeout=timeout, check=False,
            env={**os.environ, **env, **git_environment(world)},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WizardError(f"{argv[0]} could not be run.", f"{error}.", "Install it and run again.") from None
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


_PRETENDED: dict[str, Callable[[SimWorld, Sequence[str], bytes], Result]] = {
    "flux": flux.program, "ssh-agent": flux.program, "sh": lan.shell, "ssh": probe.ssh,
}  # fmt: skip
