"""Flux in the demo: what was pushed appears in the simulated cluster, one part after the other."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import assets, sops, yamlfile
from wizard.errors import WizardError
from wizard.host.base import Result
from wizard.secret import Secret
from wizard.state import write_private

if TYPE_CHECKING:
    from wizard.demo.world import SimWorld

Object = dict[str, Any]
SPACE = "/api/v1/namespaces/flux-system"
SOURCE = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system"
KUSTOMIZATIONS = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations"
APART = 7.0  # seconds between a part and those that wait for it


def program(world: SimWorld, argv: Sequence[str], stdin: bytes) -> Result:
    """``flux``, alone or below ssh-agent: its version, and ``flux bootstrap git``."""
    words = list(argv)
    if "bootstrap" not in words:
        return Result(0, f"flux: v{_version()}\n")
    option = {word.partition("=")[0]: word.partition("=")[2] for word in words if word.startswith("--")}
    world.clock.sleep(20)
    _bootstrap(world, option["--url"], option["--branch"], option["--path"])
    return Result(0, "✔ all components are healthy\n")


def _version() -> str:
    return str(assets.versions()["flux"]["version"])


def _bootstrap(world: SimWorld, url: str, branch: str, path: str) -> None:
    """Commits Flux's own files, as the real one does, and begins to follow; nothing when that was done before."""
    git = Git(world, url, branch)
    sync = f"{path}/flux-system/gotk-sync.yaml"
    if sync not in git.files():
        git.commit(
            sync, f"# Simulated: the real flux bootstrap writes its source and its Kustomization here ({url}).\n"
        )
        world.wrote("flux bootstrap")
    if world.api.get(SOURCE) is None:
        meta = {"name": "flux-system", "namespace": "flux-system"}
        labels = {"app.kubernetes.io/version": f"v{_version()}"}
        world.api.put(SPACE, {"kind": "Namespace", "metadata": {"name": "flux-system", "labels": labels}})
        spec: Object = {"url": url, "ref": {"branch": branch}}
        world.api.put(SOURCE, {"kind": "GitRepository", "metadata": meta, "spec": spec})
        spec = {"path": f"./{path}", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}}
        world.api.put(f"{KUSTOMIZATIONS}/flux-system", {"kind": "Kustomization", "metadata": meta, "spec": spec})
    follow(world)


def follow(world: SimWorld) -> None:
    """Brings the cluster to the newest commit, if it follows a repository and is not there yet."""
    source = world.api.get(SOURCE)
    if source is None:
        return
    git = Git(world, source["spec"]["url"], source["spec"]["ref"]["branch"])
    revision = f"{git.branch}@sha1:{git.head()}"
    if source.get("status", {}).get("artifact", {}).get("revision") == revision:
        return
    artifact = {"revision": revision, "lastUpdateTime": datetime.now(UTC).isoformat(timespec="seconds")}
    world.api.put(SOURCE, {"status": {"artifact": artifact, "observedGeneration": 0}})
    objects = list(git.objects())
    parts = [one for _, one in objects if one["kind"] == "Kustomization"]
    _prune(world, {api_path(one) for _, one in objects})
    for part in [world.api.objects[f"{KUSTOMIZATIONS}/flux-system"], *parts]:
        depth = _depth(part, parts)
        name, folder = part["metadata"]["name"], str(part["spec"]["path"]).removeprefix("./")
        world.api.event({"path": f"{KUSTOMIZATIONS}/{name}", "body": {**part, "status": {"observedGeneration": 0}}})
        own = [(file, one) for file, one in objects if file.startswith(f"{folder}/") and one["kind"] != "Kustomization"]
        for file, one in own:
            if where := api_path(one):
                body = _opened(world, git, file) if "sops" in one and "decryption" in part["spec"] else one
                world.api.event({"path": where, "body": body, "after": depth * APART})


def _prune(world: SimWorld, wanted: set[str]) -> None:
    """Takes away what an earlier commit had and this one has not, but for what is to be kept."""
    for path in world.applied - wanted:
        notes = world.api.objects.get(path, {}).get("metadata", {}).get("annotations") or {}
        if notes.get("kustomize.toolkit.fluxcd.io/prune") != "disabled":
            world.api.objects.pop(path, None)
    world.applied = wanted


def _opened(world: SimWorld, git: Git, file: str) -> Object:
    """The Secret as the real sops opens it with the age key in the cluster. Raises `WizardError` when it does not."""
    age = world.api.objects.get(f"{SPACE}/secrets/sops-age", {}).get("data", {}).get("age.agekey", "")
    with tempfile.TemporaryDirectory(prefix="homelab-demo-") as folder:
        key = Path(folder) / "age.key"
        write_private(key, base64.b64decode(age))
        plain = sops.decrypt(world, file, git.text(file), key)
    if plain is None:
        raise WizardError(f"The demo's cluster can't open {file}.", "The Secret sops-age does not hold its key.")
    secret = yamlfile.load(plain)
    values = {name: Secret(str(value)) for name, value in secret["stringData"].items()}
    data = {name: base64.b64encode(value.reveal().encode()).decode() for name, value in values.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": secret["metadata"], "data": data}


def _depth(part: Object, parts: Sequence[Object]) -> int:
    """How many parts stand between this one and those that wait for none."""
    names = [wanted["name"] for wanted in part["spec"].get("dependsOn", [])]
    return max((1 + _depth(other, parts) for other in parts if other["metadata"]["name"] in names), default=0)


class Git:
    """A bare repository in the demo's folder, read and written with the real git."""

    def __init__(self, world: SimWorld, url: str, branch: str) -> None:
        self.folder, self.branch = world.repository(url), branch

    def files(self) -> list[str]:
        return self._run("ls-tree", "-r", "--name-only", self.branch).splitlines()

    def head(self) -> str:
        return self._run("rev-parse", self.branch).strip()

    def text(self, file: str) -> str:
        return self._run("show", f"{self.branch}:{file}")

    def objects(self) -> Iterator[tuple[str, Object]]:
        """Every Kubernetes object, with the file that it is in."""
        for file in self.files():
            if file.endswith((".yaml", ".yml")) and "/" in file:
                for one in yamlfile.load_all(self.text(file)):
                    if isinstance(one, dict) and one.get("kind"):
                        yield file, one

    def commit(self, file: str, text: str) -> None:
        """Adds a file on top of the branch."""
        ref = f"refs/heads/{self.branch}"
        self._run(
            "fast-import", "--quiet", "--date-format=now",
            stdin=f"commit {ref}\ncommitter Flux <flux@demo> now\ndata 20\nAdd Flux sync (demo)\nfrom {ref}^0\n"
            f"M 100644 inline {file}\ndata {len(text.encode())}\n{text}\n",
        )  # fmt: skip

    def _run(self, *words: str, stdin: str = "") -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words], input=stdin, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise WizardError("The demo's git repository can't be used.", done.stderr.strip())
        return done.stdout


def api_path(document: Mapping[str, Any]) -> str:
    """The API path of an object as a repository holds it; empty for what is not one (a Kustomize file)."""
    version, kind = str(document.get("apiVersion", "")), str(document["kind"])
    name = document.get("metadata", {}).get("name")
    if version.startswith("kustomize.config") or not name:
        return ""
    plural = kind.lower() + ("es" if kind.endswith(("s", "x")) else "s")
    if plural.endswith("ys") and not plural.endswith(("ays", "eys")):
        plural = plural[:-2] + "ies"
    group = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    space = document.get("metadata", {}).get("namespace")
    return f"{group}/namespaces/{space}/{plural}/{name}" if space else f"{group}/{plural}/{name}"
