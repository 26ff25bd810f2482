"""What is exposed, and what is looked at once a row is red: the cluster, the LAN, the tailnet's control server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steps import address_plan, nodes, public_now, tailnet_keys
from steps.gitops.render import render
from steps.reach.causes import Evidence
from steps.reach.exposed import ROUTES, Exposed, exposed
from steps.reach.judge import Cell
from steps.reach.rows import EXPECTED
from steps.reach.shown import covers
from steps.repository_content import settings
from wizard import yamlfile
from wizard.context import Context
from wizard.errors import Blocked, Interrupted, WizardError

SERVICE = "kubernetes.io/service-name"  # the label by which an EndpointSlice belongs to a Service
ADDRESS = "metallb.io/loadBalancerIPs"


def apps(ctx: Context) -> tuple[list[Exposed], str]:
    """Every exposed name: of the routes that the answers make, and of those that the cluster has besides.

    Where the cluster can't be asked, those of the proof before count, and why is told.
    """
    files = render(settings(ctx, None, None)).items()
    wanted = [one for name, text in files if name.endswith(".yaml") and "kind: HTTPRoute" in text for one in _all(text)]
    try:
        return exposed([*wanted, *_asked(ctx, ROUTES)], ctx.answers), ""
    except Interrupted:
        raise
    except WizardError as error:
        recorded = ctx.state.recall("proof", "table") or []
        before = [row["name"] for row in recorded if row["expected"] == EXPECTED["app"]]
        return exposed([*wanted, {"spec": {"hostnames": before}}], ctx.answers), f"{error.what} {error.why}".strip()


def _all(text: str) -> list[Any]:
    return [one for one in yamlfile.load_all(text) if one.get("kind") == "HTTPRoute"]


def _in_cluster(ctx: Context, path: str) -> list[Mapping[str, Any]]:
    """The objects at an API path; none when the cluster can't be asked."""
    try:
        return _asked(ctx, path)
    except Interrupted:
        raise
    except WizardError as error:
        ctx.line(None, f"the cluster could not be asked what it has: {error.what}")
        return []


def _asked(ctx: Context, path: str) -> list[Mapping[str, Any]]:
    """The objects at an API path. Raises `WizardError` when the cluster can't be asked."""
    kubeconfig = ctx.state.path.parent / "kubeconfig"
    if not kubeconfig.exists():
        raise Blocked(
            f"There is no {kubeconfig} on this computer.", "", "Run homelab: the step Control plane fetches it again."
        )
    return list((ctx.world.cluster(kubeconfig).get(path) or {}).get("items") or [])


def _idle(ctx: Context) -> frozenset[str]:
    """The addresses of Services behind which no pod is ready."""
    ready: set[tuple[str, str]] = set()
    for one in _in_cluster(ctx, "/apis/discovery.k8s.io/v1/endpointslices"):
        if any((end.get("conditions") or {}).get("ready") for end in one.get("endpoints") or ()):
            ready.add((one["metadata"]["namespace"], (one["metadata"].get("labels") or {}).get(SERVICE, "")))
    return frozenset(
        address.strip()
        for one in _in_cluster(ctx, "/api/v1/services")
        if (one["metadata"]["namespace"], one["metadata"]["name"]) not in ready
        for address in str((one["metadata"].get("annotations") or {}).get(ADDRESS, "")).split(",")
    )


def _staged(ctx: Context) -> frozenset[str]:
    """The exposed names for which the cluster asks the test service."""
    names = [
        str(name)
        for one in _in_cluster(ctx, "/apis/cert-manager.io/v1/certificates")
        if "staging" in str((one.get("spec") or {}).get("issuerRef", {}).get("name"))
        for name in one["spec"].get("dnsNames") or ()
    ]
    return frozenset(one.host for one in apps(ctx)[0] if any(covers(name, one.host) for name in names))


def evidence(ctx: Context, cells: Sequence[Cell], tailnet: Mapping[str, Any]) -> Evidence:
    """What tells causes apart. Nothing is asked as long as every row is right."""
    red = {cell.probe.vantage for cell in cells if cell.verdict == "wrong"}
    if not red:
        return Evidence()
    ctx.progress(None, "looking for the cause")
    arp, strangers = _arp(ctx) if "LAN" in red else (None, frozenset[str]())
    approved, served = _routes(ctx) if "VPN" in red else (None, None)
    return Evidence(arp, strangers, _idle(ctx), _staged(ctx), tailnet, served, approved, public_now.seen(ctx))


def _arp(ctx: Context) -> tuple[dict[str, list[str]] | None, frozenset[str]]:
    """Who answers for the three addresses, and for which of them somebody does who is no Pi."""
    given, pis = ctx.answers["addresses"], nodes.addresses(ctx.answers)
    fixed = [given[key] for key in address_plan.FIXED]
    if not given.get("arp", True):
        return None, frozenset()
    try:
        answered = ctx.world.arp([*fixed, *pis])
    except Interrupted:
        raise
    except WizardError:
        return None, frozenset()
    names = {mac: ctx.name_of(pi) for pi in pis for mac in answered.get(pi, ())}
    if not names:
        return None, frozenset()
    who = {a: [names.get(mac, f"the machine with the MAC address {mac}") for mac in answered.get(a, ())] for a in fixed}
    return who, frozenset(a for a in fixed if any(mac not in names for mac in answered.get(a, ())))


def _routes(ctx: Context) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    try:
        server = tailnet_keys.control(ctx)
        machines = server.machines() if server else None
    except Interrupted:
        raise
    except WizardError:
        machines = None
    if machines is None:
        return None, None
    approved = frozenset(route for machine in machines for route in machine.approved)
    return approved, frozenset(route for machine in machines if machine.online for route in machine.serving)
