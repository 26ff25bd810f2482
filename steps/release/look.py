"""How the repository's pins stand against this release's, and what the cluster runs. Only reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from steps import cluster_look, flux, flux_cli, flux_status, kubernetes
from steps import repository_access as access
from steps.flux_status import Expected
from steps.kubernetes import Version
from steps.release import history, pins
from steps.release.history import Upgrade
from steps.release.pins import Note, Seen
from steps.repository_content import AUTHOR, Content, settings
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.repo import Repo
from wizard.report import columns, wrapped
from wizard.world import Cluster

STANDS = {
    "current": "as this release has it", "newer": "", "older": "older than in the repository: this homelab is older",
    "yours": "kept: it was changed by hand",
}  # fmt: skip


@dataclass(frozen=True)
class Anew(Content):
    """The contents, with what an upgrade brought and was taken back again counted as never written."""

    upgrade: Upgrade | None = None

    @cached_property
    def last(self) -> dict[str, str]:
        assert self.upgrade and self.base  # noqa: S101  # it is made of both
        touched = set(changed(self.repo, self.upgrade))
        found = self.repo.last_written(AUTHOR, self.base)
        then = self.repo.last_written(AUTHOR, self.upgrade.before)
        kept = {path: blob for path, blob in found.items() if path not in touched}
        return kept | {path: blob for path, blob in then.items() if path in touched}


def changed(repo: Repo, upgrade: Upgrade) -> list[str]:
    """The files that an upgrade wrote or took away."""
    before, after = repo.files(upgrade.before), repo.files(upgrade.after)
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def content(ctx: Context) -> Content:
    """The repository at its newest commit. Raises `Blocked` when it was not written yet."""
    head, repo = flux.pushed(ctx), access.repo(ctx)
    if not repo.has(head):
        repo.fetch()
    wanted = settings(ctx, repo, head)
    found = Content(ctx, repo, head, wanted)
    upgrade = history.newest(repo, head)
    return Anew(ctx, repo, head, wanted, upgrade=upgrade) if upgrade and upgrade.went_back else found


def seen(found: Content) -> list[Seen]:
    """Every pin whose file is in the repository."""
    stands = []
    for pin in pins.pins(found.settings):
        now = pins.read(found.text(pin.file, found.now), pin)
        if now:
            stands.append(Seen(pin, pins.read(found.text(pin.file, found.last), pin), now))
    return stands


def flux_version(cluster: Cluster) -> str:
    """The version of Flux on the cluster; empty when there is none."""
    labels = ((cluster.get(flux.SPACE) or {}).get("metadata") or {}).get("labels") or {}
    return str(labels.get("app.kubernetes.io/version", "")).removeprefix("v")


def is_behind(version: str) -> bool:
    """Whether this Flux is older than that of this release."""
    return bool(version) and pins.order(version) < pins.order(str(flux_cli.pin()["version"]))


def refuse_unready(cluster: Cluster, head: str, branch: str) -> None:
    """Raises `Blocked` while something in the cluster is not ready: an upgrade would hide why."""
    wrong = []
    for node in (cluster.get("/api/v1/nodes") or {}).get("items") or []:
        if not cluster_look.node_ready(node):
            wrong.append(f"the node {node['metadata']['name']} is not Ready")
    objects = flux_status.look(cluster)
    if not objects["GitRepository"]:
        raise Blocked("Flux is not on the cluster yet.", "It carries out what an upgrade writes.", "Run homelab first.")
    wrong += [f"{one}: {one.why}" for one in flux_status.suspended(objects)]
    wrong += [f"{one}: {one.why}" for one in flux_status.waiting(objects, Expected(f"{branch}@sha1:{head}"))]
    if wrong:
        more = f"\nand {len(wrong) - 4} more" if len(wrong) > 4 else ""
        raise Blocked(
            "Nothing is upgraded while the cluster is not ready.", "\n".join(wrong[:4]) + more,
            "Wait until it is, or mend it: homelab status. To upgrade all the same: --anyway.",
        )  # fmt: skip


# -- the list ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pins:
    """`homelab upgrade list`. Versions of what runs are empty when the cluster can't be asked."""

    seen: list[Seen] = field(default_factory=list)
    flux: str = ""
    kubernetes: str = ""
    upgrade: Upgrade | None = None

    @property
    def good(self) -> bool:
        """Whether nothing of this release is newer than what is there."""
        behind = any(one.standing == "newer" for one in self.seen)
        return not (behind or self.flux_is_behind or self.kubernetes_is_behind)

    @property
    def flux_is_behind(self) -> bool:
        return is_behind(self.flux)

    @property
    def kubernetes_is_behind(self) -> bool:
        return bool(self.kubernetes) and Version.parse(self.kubernetes) < Version.parse(kubernetes.pinned())

    def data(self) -> Mapping[str, Any]:
        return {
            "form": 1, "pins": [
                {"name": one.pin.name, "file": one.pin.file, "now": one.now, "release": one.pin.version,
                 "standing": one.standing, "notes": [vars(note) for note in told(one)]}
                for one in self.seen
            ],
            "flux": {"now": self.flux, "release": str(flux_cli.pin()["version"])},
            "kubernetes": {"now": self.kubernetes, "release": kubernetes.pinned()},
            "last_upgrade": vars(self.upgrade) if self.upgrade else None,
        }  # fmt: skip

    def text(self) -> str:
        rows = [("", "in the repository", "this release", "")]
        rows += [(one.pin.name, one.now, one.pin.version, STANDS[one.standing]) for one in self.seen]
        rows += [
            ("Flux", self.flux or "not asked", str(flux_cli.pin()["version"]), "" if self.flux_is_behind else "-"),
            ("Kubernetes", self.kubernetes or "not asked", kubernetes.pinned(),
             "homelab node upgrade" if self.kubernetes_is_behind else "-"),
        ]  # fmt: skip
        lines = [*columns(rows), *texts(self.seen)]
        if self.good:
            return "\n".join([*lines, "", "Nothing of this release is newer than what is there."])
        return "\n".join([*lines, "", "Bring it there: homelab upgrade"])


def told(one: Seen) -> tuple[Note, ...]:
    """The notes on the way that a pin has before it."""
    return pins.notes(one.pin.name, one.now, one.pin.version) if one.standing == "newer" else ()


def texts(found: list[Seen]) -> list[str]:
    """The notes that matter, as lines, each with its source."""
    lines = []
    for one in found:
        for note in told(one):
            lines += ["", wrapped(f"{one.pin.name} {note.at}: {note.text}"), f"  {note.source}"]
    return lines


def listed(ctx: Context) -> Pins:
    """The whole list. The repository must answer, the cluster need not."""
    access.refuse_without(ctx)
    found = content(ctx)
    version, kubelet = "", ""
    try:
        cluster = flux.reach(ctx)
        version = flux_version(cluster)
        kubelets = [cluster_look.kubelet(one) for one in (cluster.get("/api/v1/nodes") or {}).get("items") or []]
        kubelet = str(min((Version.parse(one) for one in kubelets if one), default=""))
    except WizardError as error:
        ctx.line(None, f"the cluster can't be asked: {error.what}")
    return Pins(seen(found), version, kubelet, history.newest(found.repo, str(found.base)))
