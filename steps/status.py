"""What `homelab status` asks beyond the dashboard's parts: versions, causes, what differs from the answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from steps import flux, kubeconfig, nodes, overview
from steps.gitops import components
from steps.repository_content import settings
from steps.why import walk
from steps.why.sight import Sight, meta, name, read, spec, status
from wizard import assets, validity
from wizard.context import Context
from wizard.sections import Part, Seen, seen
from wizard.status import Row
from wizard.world import Cluster

UPGRADE = "homelab upgrade brings the repository to this release's versions; homelab node upgrade, Kubernetes."
ACCESS = "Run homelab: its step Control plane fetches a new kubeconfig."
AGAIN = "Run homelab: it makes the cluster what the answers say; or change the answers."


def _cluster(ctx: Context) -> Cluster | None:
    return flux.reach(ctx) if flux.kubeconfig(ctx).exists() else None


# -- versions ----------------------------------------------------------------------------------------------------------


def look_at_versions(ctx: Context) -> Seen | None:
    """What runs, beside what this release of homelab installs."""
    cluster = _cluster(ctx)
    if cluster is None:
        return None
    sight = read(cluster, ("nodes", "daemonsets", "namespaces", "helmreleases"))
    return seen("versions", "Versions", list(versions(sight, assets.versions())), "as this release installs them")


def versions(sight: Sight, pins: Mapping[str, Any]) -> Iterator[Row]:
    """A row for each program whose version can be told. Pure."""
    for node in sight.all("nodes"):
        here = str((status(node).get("nodeInfo") or {}).get("kubeletVersion") or "")
        yield _version(f"Kubernetes on {meta(node).get('name')}", here, str(pins["kubernetes"]["version"]))
    flannel = sight.one("daemonsets", "kube-flannel", "kube-flannel-ds")
    images = ((spec(flannel or {}).get("template") or {}).get("spec") or {}).get("containers") or ()
    if images:
        yield _version("flannel", str(images[0].get("image", "")).rpartition(":")[2], str(pins["flannel"]["version"]))
    space = sight.one("namespaces", "", "flux-system")
    if here := str((meta(space or {}).get("labels") or {}).get("app.kubernetes.io/version") or ""):
        yield _version("Flux", here, str(pins["flux"]["version"]))
    charts: dict[str, str] = {}
    for release in sight.all("helmreleases"):
        history = status(release).get("history") or ()
        if history:
            charts[str(history[0].get("chartName"))] = str(history[0].get("chartVersion"))
    for chart, here in sorted(charts.items()):
        if pinned := pins["charts"].get(chart):
            yield _version(f"chart {chart}", here, str(pinned["version"]))


def _version(what: str, here: str, pinned: str) -> Row:
    mine, ours = here.removeprefix("v").partition("+")[0], pinned.removeprefix("v")
    if not mine:
        return Row("unknown", what, f"not told; this release installs {ours}")
    if mine == ours:
        return Row("good", what, mine)
    if _numbers(mine) > _numbers(ours):
        return Row("note", what, f"{mine}; newer than {ours}, which this release installs")
    return Row("warn", what, f"{mine}; this release installs {ours}", UPGRADE)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


# -- causes ------------------------------------------------------------------------------------------------------------


def look_at_causes(ctx: Context) -> Seen | None:
    """What is wrong, by name; only what the API tells. `homelab doctor` looks at the Pis and the LAN, too."""
    cluster = _cluster(ctx)
    if cluster is None:
        return None
    sight = read(cluster)
    sight.names = {address: label for address, label in nodes.hostnames(ctx).items() if label}
    found = walk.everything(sight)
    rows = [Row("bad", one.code, one.sentence, one.fix, one.code) for one in found]
    return seen("causes", "What is wrong", rows, "nothing that the cluster tells")


# -- this computer's own access ----------------------------------------------------------------------------------------


def look_at_access(ctx: Context) -> Seen | None:
    """Until when the kubeconfig here lets this computer in. Asks nobody."""
    found = kubeconfig.held(flux.kubeconfig(ctx), str(ctx.state.recall("cluster", "ca_hash") or ""))
    if found is None or not found.until:
        return None
    day = datetime.fromtimestamp(found.until, UTC).date()
    row = validity.ending("this computer", "kubeconfig", day, datetime.now(UTC).date(), ACCESS)
    return seen("access", "Access", [row], "")


# -- what differs from the answers -------------------------------------------------------------------------------------


def look_at_drift(ctx: Context) -> Seen | None:
    """Where the cluster is not what the answers say."""
    cluster = _cluster(ctx)
    if cluster is None or "flux" not in ctx.state.done:
        return None
    wanted = ("nodes", "gitrepositories", "kustomizations", "ipaddresspools", "gateways", "services")
    rows = list(drift(ctx, read(cluster, wanted)))
    return seen("drift", "As answered", rows, "the cluster is as the answers say")


def drift(ctx: Context, sight: Sight) -> Iterator[Row]:
    """A row for each answer that the cluster does not follow. Writes and asks nothing."""
    mine = {label for label in nodes.hostnames(ctx).values() if label}
    for node in sight.all("nodes"):
        if (short := str(meta(node).get("name"))) not in mine:
            yield _row("machines.hosts", f"the node {short} is in the cluster, not in the answers")
    yield from _repository(ctx, sight)
    yield from _addresses(ctx, sight)
    here = {str(meta(one).get("name")) for one in sight.all("kustomizations")}
    for part in components.chosen(settings(ctx, None, None)):
        if part.name not in here:
            yield _row("repository.apps", f"{part.name} is chosen, and not in the cluster")


def _repository(ctx: Context, sight: Sight) -> Iterator[Row]:
    source = sight.one("gitrepositories", "flux-system", "flux-system")
    branch = str((spec(source or {}).get("ref") or {}).get("branch") or "")
    wanted = str(ctx.answers.get("repository", {}).get("branch") or "")
    if source is not None and wanted and branch != wanted:
        yield _row("repository.branch", f"Flux follows {branch}, the answers say {wanted}")


def _addresses(ctx: Context, sight: Sight) -> Iterator[Row]:
    given = ctx.answers.get("addresses", {})
    for side in ("internal", "external"):
        gateway = sight.one("gateways", "gateways", f"traefik-{side}")
        shown = [str(each.get("value")) for each in status(gateway or {}).get("addresses") or ()]
        wanted = str(given.get(f"{side}_address") or "")
        if shown and wanted and wanted not in shown:
            yield _row(f"addresses.{side}_address", f"{name(gateway or {})} has {', '.join(shown)}, not {wanted}")
    pool = sight.one("ipaddresspools", "metallb-system", "homelab")
    ranges: Sequence[str] = [str(one) for one in spec(pool or {}).get("addresses") or ()]
    wanted = str(given.get("pool") or "")
    if ranges and wanted and wanted not in ranges:
        yield _row("addresses.pool", f"MetalLB gives away {', '.join(ranges)}, the answers say {wanted}")


def _row(answer: str, text: str) -> Row:
    return Row("warn", answer, text, AGAIN)


VERSIONS = Part("versions", "Versions", look=look_at_versions)
CAUSES = Part("causes", "What is wrong", look=look_at_causes)
DRIFT = Part("drift", "As answered", look=look_at_drift)
ACCESS_HERE = Part("access", "Access", look=look_at_access)
STATUS = (CAUSES, overview.NODES, VERSIONS, overview.FLUX, overview.CERTIFICATES, ACCESS_HERE, DRIFT)
