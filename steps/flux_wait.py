"""Waiting for Flux: told to look now, watched, and given up on as soon as waiting is in vain."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import replace

from steps import flux_causes, flux_status, flux_why
from steps.flux_causes import Cause
from steps.flux_status import Expected, Item, Seen
from steps.flux_why import Told
from steps.why import walk
from steps.why.finding import SYMPTOMS, Finding
from steps.why.sight import read
from wizard.context import Context
from wizard.errors import WizardError
from wizard.wait import until
from wizard.world import Cluster

DEADLINE = 1800.0  # seconds until everything must run; a Pi with a slow card and a slow line takes its time
DEEPER = 30.0  # seconds between two looks at everything below what waits, while its own words say little
ASK_AGAIN = 10.0  # seconds until Flux, which has not begun with a commit that it has, is told to


class Watch:
    """One wait: what was seen last, what was asked of Flux, and since when one cause has stood in the way."""

    def __init__(self, ctx: Context, cluster: Cluster, wanted: Expected) -> None:
        self.ctx, self.cluster, self.wanted = ctx, cluster, wanted
        self.told: Told | None = None
        self._asked: set[str] = set()
        self._next_ask = ctx.world.now() + ASK_AGAIN
        self._since: tuple[str, str, float] = ("", "", 0.0)
        self._deep: tuple[str, float, Finding | None] = ("", 0.0, None)  # of what, when it is due again, what was found

    def look(self) -> bool:
        """Whether everything is ready. Raises `WizardError` when a cause is there that no waiting mends."""
        seen = flux_status.look(self.cluster)
        waiting = flux_status.waiting(seen, self.wanted)
        done = len(flux_status.items(seen, self.wanted)) - len(waiting)
        self._go_on(seen, waiting)
        self.ctx.progress(None, f"{done} parts ready, {len(waiting)} to go")
        self.told = flux_why.told(self.cluster, seen, waiting) if waiting else None
        self._in_vain(seen, waiting)
        if self.told and self.told.is_vague:
            self.told = replace(self.told, found=self._deeper(self.told.item))
        return not waiting

    def _deeper(self, item: Item) -> Finding | None:
        """What a look at everything below `item` finds, every now and then; None when nothing is found."""
        about, due, found = self._deep
        if about != str(item) or self.ctx.world.now() >= due:
            body = {"kind": item.kind, **(item.body or {})}
            found = next((one for one in walk.why(read(self.cluster), body) if one.code not in SYMPTOMS), None)
            self._deep = (str(item), self.ctx.world.now() + DEEPER, found)
        return found

    def why(self) -> str:
        return str(self.told or "")

    def _go_on(self, seen: Seen, waiting: Sequence[Item]) -> None:
        """Tells each Kustomization, once, when what it waits for is ready: Flux looks only every half minute."""
        for item in flux_status.could_go_on(waiting):
            if item.name not in self._asked:
                self._asked.add(item.name)
                _ask(self.cluster, _path(item), "Kustomization", "requestedAt")
        # While some wait for each other, Flux tells no Kustomization of a new commit: not even of the one that ends it
        if self.ctx.world.now() >= self._next_ask:
            self._next_ask = self.ctx.world.now() + ASK_AGAIN
            for item in flux_status.untold(seen, self.wanted):
                _ask(self.cluster, _path(item), "Kustomization", "requestedAt")

    def _in_vain(self, seen: Seen, waiting: Sequence[Item]) -> None:
        told, now = self.told, self.ctx.world.now()
        if self._since[0] not in map(str, waiting):
            self._since = ("", "", now)
        if not told or not told.cause or not self._said_of_this_commit(seen, told.item):
            return  # nothing new is known: Flux may just be trying again
        if self._since[:2] != (str(told.item), told.cause.pattern):
            self._since = (str(told.item), told.cause.pattern, now)
        worth = patience(told.cause, told.item)
        if worth is not None and now - self._since[2] >= worth:
            error = WizardError(f"{told.item} can't become ready: {told.cause.meaning}.", told.text, told.cause.fix)
            error.cause = told.cause.code
            raise error

    def _said_of_this_commit(self, seen: Seen, item: Item) -> bool:
        return item.kind == "GitRepository" or flux_status.attempted(seen, self.wanted)


def patience(cause: Cause, item: Item) -> float | None:
    """For how many seconds `cause` is worth waiting at `item`; None: to the end. Pure."""
    if cause.patience != flux_causes.RETRY:
        return cause.patience
    retry = str(((item.body or {}).get("spec") or {}).get("retryInterval") or "1m")
    units = {"h": 3600, "m": 60, "s": 1}
    return flux_causes.SURE + sum(float(n) * units[unit] for n, unit in re.findall(r"([\d.]+)([hms])(?!s)", retry))


def settle(ctx: Context, cluster: Cluster, wanted: Expected) -> None:
    """Waits until everything is ready. Raises `WizardError` naming the first part that is not, and why."""
    nudge(cluster)
    watch = Watch(ctx, cluster, wanted)
    until(
        ctx, "the cluster to run what the repository says", watch.look, deadline=DEADLINE, every=3, why=watch.why,
        fix=flux_causes.AGAIN,
    )  # fmt: skip


def nudge(cluster: Cluster) -> None:
    """Tells Flux to look at the repository now rather than in a minute, and to try again what it gave up on."""
    if cluster.get(flux_status.SYNC_SOURCE):
        _ask(cluster, flux_status.SYNC_SOURCE, "GitRepository", "requestedAt")
    seen = flux_status.look(cluster)
    for item in flux_status.stalled(seen):
        _ask(cluster, _path(item), "HelmRelease", "requestedAt", "resetAt", "forceAt")
    for item in flux_status.failed(seen):
        _ask(cluster, _path(item), "Kustomization", "requestedAt")


def _path(item: Item) -> str:
    base, plural = {
        "HelmRelease": (flux_status.HELM, "helmreleases"), "Kustomization": (flux_status.KUSTOMIZE, "kustomizations"),
    }[item.kind]  # fmt: skip
    return f"{base}/namespaces/{item.namespace}/{plural}/{item.name}"


def _ask(cluster: Cluster, path: str, kind: str, *what: str) -> None:
    """Annotates the object at `path` as `flux reconcile` does."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    _, _, group, version, _, namespace, _, name = path.split("/")
    notes = {f"reconcile.fluxcd.io/{word}": now for word in what}
    meta = {"name": name, "namespace": namespace, "annotations": notes}
    cluster.apply(path, {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": meta})
