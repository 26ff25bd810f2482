"""Programs of this computer as the demo runs them: git and sops for real in the demo's folder, the others pretended."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import assets, yamlfile
from wizard.demo import probe
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
    try:
        done = subprocess.run(
            list(argv), input=stdin, capture_output=True, cwd=cwd, timeout=timeout, check=False,
            env={**os.environ, **env, **git_environment(world)},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WizardError(f"{argv[0]} could not be run.", f"{error}.", "Install it and run again.") from None
    return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def _flux(world: SimWorld, argv: Sequence[str], stdin: bytes) -> Result:
    """``flux bootstrap``: what was pushed below --path appears in the cluster, and becomes ready in its time."""
    if "bootstrap" not in argv:
        return Result(0, f"flux: v{assets.versions()['flux']['version']} (simulated)\n")
    option = {word.partition("=")[0]: word.partition("=")[2] for word in argv if word.startswith("--")}
    world.wrote("flux bootstrap")
    world.clock.sleep(20)
    for document in _pushed(world, option.get("--url", ""), option.get("--branch", "main")):
        if where := api_path(document):
            world.api.put(where, document)
    return Result(0, "all components are healthy\n")


def _pushed(world: SimWorld, url: str, branch: str) -> list[dict[str, Any]]:
    """Every Kubernetes object in what was pushed to `url`."""
    found: list[dict[str, Any]] = []
    folder = world.repository(url)
    names = _git(folder, "ls-tree", "-r", "--name-only", branch).splitlines()
    for name in names:
        if name.endswith((".yaml", ".yml")) and not Path(name).name.startswith("."):
            documents = yamlfile.load_all(_git(folder, "show", f"{branch}:{name}"))
            found += [one for one in documents if isinstance(one, dict) and one.get("kind")]
    return found


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    return done.stdout


def api_path(document: Mapping[str, Any]) -> str:
    """The API path of an object as a repository holds it; empty for what is not one (a Kustomize file)."""
    version, kind = str(document.get("apiVersion", "")), str(document["kind"])
    name = document.get("metadata", {}).get("name")
    if version.startswith("kustomize.config") or not name:
        return ""
    plural = kind.lower() + ("es" if kind.endswith(("s", "ss", "x")) else "s")
    if plural.endswith("ys") and not plural.endswith(("ays", "eys")):
        plural = plural[:-2] + "ies"
    group = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    space = document.get("metadata", {}).get("namespace")
    return f"{group}/namespaces/{space}/{plural}/{name}" if space else f"{group}/{plural}/{name}"


_PRETENDED: dict[str, Callable[[SimWorld, Sequence[str], bytes], Result]] = {"flux": _flux, "sh": probe.shell}
