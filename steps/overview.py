"""The parts of a cluster, for the opening screen and the dashboard: what is remembered, and a cheap look at each.

A look asks the cluster's API, or a Pi for its host key; it logs in nowhere and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from steps import cluster_look, flux, flux_status, nodes
from steps.tls import look as tls
from wizard import lanes, validity
from wizard.context import Context
from wizard.errors import WizardError
from wizard.report import counted, moment
from wizard.sections import Part, Seen, seen
from wizard.state import State
from wizard.status import Level, Row
from wizard.world import Cluster

VANTAGES = ("LAN", "VPN", "outside")
SAID: Mapping[str, str] = {"ok": "ok", "wrong": "WRONG", "not measured": "-"}
LATE = 14  # days before its end by which cert-manager has renewed a certificate of Let's Encrypt, if it can


# -- the Pis -----------------------------------------------------------------------------------------------------


def look_at_pis(ctx: Context) -> Seen | None:
    """Whether each Pi shows a host key that was approved. No log-in."""
    approved = {address: nodes.pinned_keys(ctx, address) for address in nodes.addresses(ctx.answers)}
    known = [address for address, keys in approved.items() if keys]
    if not known:
        return None

    def pi(address: str) -> Row:
        name = ctx.name_of(address)
        try:
            shown = ctx.world.host_keys(address)
        except WizardError as error:
            return Row("bad", name, f"{error.what.rstrip('.')} ({address})")
        if {key.fingerprint for key in shown} & {key.fingerprint for key in approved[address]}:
            return Row("good", name, f"answers at {address}")
        return Row("bad", name, f"shows another host key than the approved one ({address})")

    rows = list(lanes.run_all(known, pi, ctx.world.stop).values())
    answer = "answers" if len(rows) == 1 else "answer"
    return seen("pis", "Pis", rows, f"{counted(len(rows), 'Pi')} {answer} with the approved host key")


# -- the nodes ---------------------------------------------------------------------------------------------------


def remembered_nodes(state: State) -> Seen | None:
    if "control-plane" not in state.done:
        return None
    names = {a: str((state.recall("machines", a) or {}).get("hostname") or a) for a in nodes.addresses(state.answers)}
    rows = [Row("note", one.name, f"{one.role}, {one.address}") for one in nodes.known(state.answers, names)]
    at = state.done.get("workers", state.done["control-plane"])
    return seen("nodes", "Nodes", rows, f"{counted(len(rows), 'Pi')} in the cluster", at)


def look_at_nodes(ctx: Context) -> Seen | None:
    """Every node as the API has it, and the Pis that it does not have."""
    cluster = _cluster(ctx)
    if cluster is None:
        return None
    found = cluster_look.Look.at(cluster)
    if (ctx.state.recall("cluster", "uid") or found.uid) != found.uid:
        return seen("nodes", "Nodes", [Row("bad", "", "another cluster answers than the one that was made here")], "")
    mine = [ctx.name_of(address) for address in nodes.addresses(ctx.answers)]
    rows = [_node(name, found.nodes.get(name)) for name in dict.fromkeys([*mine, *sorted(found.nodes)])]
    ready = sum(cluster_look.node_ready(node) for node in found.nodes.values())
    return seen("nodes", "Nodes", rows, f"{ready} of {len(rows)} ready, Kubernetes {cluster_look.version(found)}")


def _node(name: str, node: Mapping[str, Any] | None) -> Row:
    if node is None:
        return Row("bad", name, "is not in the cluster")
    role = "control plane" if cluster_look.is_control_plane(node) else "worker"
    about = f"{role}, {cluster_look.internal_ip(node)}, {cluster_look.kubelet(node)}"
    if not cluster_look.node_ready(node):
        return Row("bad", name, f"not ready: {cluster_look.why_node(node, name).removeprefix(f'{name} says: ')}")
    if (node.get("spec") or {}).get("unschedulable"):
        return Row("warn", name, f"takes no new pods (cordoned): {about}")
    return Row("good", name, f"ready: {about}")


def _cluster(ctx: Context) -> Cluster | None:
    """The cluster; None where none has been made yet."""
    return flux.reach(ctx) if flux.kubeconfig(ctx).exists() else None


# -- Flux --------------------------------------------------------------------------------------------------------


def remembered_flux(state: State) -> Seen | None:
    if "flux" not in state.done:
        return None
    commit = str(state.recall("repository", "commit") or "")[:8]
    return seen("flux", "Flux", [], f"everything ran at commit {commit}", state.done["flux"])


def look_at_flux(ctx: Context) -> Seen | None:
    """Whether everything that Flux keeps is ready, at the newest commit that it has fetched."""
    if "repository" not in ctx.state.done or (cluster := _cluster(ctx)) is None:
        return None
    found = flux_status.look(cluster)
    source = next((one for one in found["GitRepository"] if one["metadata"]["name"] == "flux-system"), None)
    if source is None:
        rows = [Row("bad", "", "Flux does not run in the cluster")]
        return seen("flux", "Flux", rows, "") if "flux" in ctx.state.done else None
    revision = str(((source.get("status") or {}).get("artifact") or {}).get("revision") or "")
    items = flux_status.items(found, flux_status.Expected(revision))
    rows = [Row("bad", f"{item.kind} {item.name}", item.why) for item in items if item.why]
    rows += [Row("note", f"{one.kind} {one.name}", "suspended by a person") for one in flux_status.suspended(found)]
    return seen("flux", "Flux", rows, f"all {len(items)} parts ready at {flux_status.short(revision)}")


# -- certificates and keys ---------------------------------------------------------------------------------------


def _ends(state: State) -> list[Row]:
    return [*validity.certificates(state, _today(), moment), *validity.tailnet_keys(state, _today())]


def _today() -> date:
    return datetime.now(UTC).date()


def remembered_certificates(state: State) -> Seen | None:
    rows = _ends(state)
    at = state.done.get("control-plane", "")
    return seen("certificates", "Certificates and keys", rows, _soon(rows), at) if rows else None


def look_at_certificates(ctx: Context) -> Seen | None:
    """The gateways' certificates as they are now, and what is remembered of the control planes' and of keys."""
    rows = _ends(ctx.state)
    wanted = ctx.answers.get("domains", {}).get("provider", "none") != "none" and "flux" in ctx.state.done
    if wanted and (cluster := _cluster(ctx)) is not None:
        rows = [*map(_certificate, tls.certificates(cluster)), *rows]
    return seen("certificates", "Certificates and keys", rows, _soon(rows)) if rows else None


def _certificate(one: tls.Certificate) -> Row:
    names = ", ".join(one.names)
    if not one.good:
        return Row("bad", names, f"not ready: {one.why}" if one.why else f"is to come from {one.wanted}")
    staging = "; staging: browsers warn" if one.issuer == tls.STAGING else ""
    day = datetime.fromisoformat(one.until).date() if one.until else _today()
    left = (day - _today()).days
    level: Level = "good" if left > LATE else "warn"
    return Row(level, names, f"valid until {day} ({counted(left, 'day')}){staging}", ends=day.isoformat())


def _soon(rows: Sequence[Row]) -> str:
    return "valid, does not end soon" if len(rows) == 1 else f"all {len(rows)} valid, none ends soon"


# -- the proof ---------------------------------------------------------------------------------------------------


def remembered_proof(state: State) -> Seen | None:
    """The matrix that was measured last: a line for each thing, a column for each place."""
    table = state.recall("proof", "table")
    if not isinstance(table, list) or not table:
        return None
    cells = {(str(row.get("what")), str(row.get("from"))): str(row.get("verdict")) for row in table}
    rows = [Row("note", "from", _cells(VANTAGES))]
    for what in dict.fromkeys(what for what, _ in cells):
        verdicts = [cells.get((what, place), "") for place in VANTAGES]
        known: Level = "good" if "ok" in verdicts else "unknown"
        rows.append(Row("bad" if "wrong" in verdicts else known, what, _cells([SAID.get(one, "") for one in verdicts])))
    counts = {word: sum(one == word for one in cells.values()) for word in SAID}
    told = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    at = str(state.recall("proof", "measured") or state.done.get("proof", ""))
    return seen("proof", "Proof: who reaches what", rows, told, at)


def _cells(texts: Sequence[str]) -> str:
    return "  ".join(text.ljust(7) for text in texts).rstrip()


PIS = Part("pis", "Pis", look=look_at_pis)
NODES = Part("nodes", "Nodes", remembered_nodes, look_at_nodes)
FLUX = Part("flux", "Flux", remembered_flux, look_at_flux)
CERTIFICATES = Part("certificates", "Certificates and keys", remembered_certificates, look_at_certificates)
PROOF = Part("proof", "Proof", remembered_proof)

OPENING = (PIS, NODES, FLUX)  # what can be otherwise than remembered, before the journey goes on
DASHBOARD = (NODES, FLUX, CERTIFICATES, PROOF)
