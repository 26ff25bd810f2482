"""What `homelab doctor --fix` offers: changes that lose nothing, one for each cause that they can mend."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, ClassVar

from steps import flux, ops
from steps.doctor.checks import Diagnosis, diagnose
from steps.why.finding import Finding
from wizard.context import Context
from wizard.errors import Blocked
from wizard.question import Answers
from wizard.step import Change, Step

APPS = "/apis/apps/v1/namespaces"
FLUX_KINDS = {
    "Kustomization": ("kustomize.toolkit.fluxcd.io/v1", "kustomizations"),
    "HelmRelease": ("helm.toolkit.fluxcd.io/v2", "helmreleases"),
    "GitRepository": ("source.toolkit.fluxcd.io/v1", "gitrepositories"),
    "OCIRepository": ("source.toolkit.fluxcd.io/v1", "ocirepositories"),
    "HelmRepository": ("source.toolkit.fluxcd.io/v1", "helmrepositories"),
}
WORKLOADS = {"Deployment": "deployments", "StatefulSet": "statefulsets"}
UNITS = {"node-kubelet": "kubelet", "node-containerd": "containerd", "tailnet-daemon": "tailscaled",
         "tailnet-silent": "tailscaled"}  # fmt: skip
AT_ZERO = ("dns-down", "flux-controller-down", "address-controller-down", "cert-manager-down", "solver-down",
           "gateway-down", "pihole-down", "app-switched-off")  # fmt: skip
KEYS = ("sops-key-missing", "sops-key-misnamed")


class Mend(Step[Diagnosis]):
    """Looks, offers what is safe, looks again. What only a person can mend is told and left."""

    name: ClassVar[str] = "doctor"
    title: ClassVar[str] = "Doctor"
    intro: ClassVar[str] = "Everything is looked at. What can be mended without losing anything is offered."

    def check(self, ctx: Context) -> Diagnosis:
        ctx.scratch.pop("diagnosis", None)
        found = diagnose(ctx)
        if found.unseen and not found.findings:
            raise Blocked("The cluster could not be looked at.", f"{found.unseen}.", "Run homelab first.")
        text = found.text().replace(" homelab doctor --fix offers what is safe.", "")
        if text != ctx.scratch.get("doctor shown"):
            ctx.scratch["doctor shown"] = text
            ctx.note("What was found", text)
        return found

    def plan(self, facts: Diagnosis, answers: Answers) -> list[Change]:
        addresses = {short: address for address, short in facts.looked.sight.names.items()}
        found = [change for one in facts.findings if (change := _change(one, facts, addresses))]
        return list({(change.id, change.sentence): change for change in found}.values())


def _change(one: Finding, facts: Diagnosis, addresses: dict[str, str]) -> Change | None:
    """The change that mends a cause; None where there is none that is safe. Pure."""
    kind, _, place = one.about.partition(" ")
    space, _, short = place.rpartition("/")
    if unit := UNITS.get(one.code):
        if address := addresses.get(short):
            return Change("doctor/unit", f"start {unit} on {short} anew", _unit(address, unit), address)
    elif one.code == "node-cordoned":
        return Change("doctor/uncordon", f"let {short} take pods again (it was cordoned)", _uncordon(short))
    elif one.code == "tailnet-off" and (address := addresses.get(short)):
        return Change("doctor/tailnet", f"switch Tailscale on again on {short}", _tailnet_up(address), address)
    elif one.code in AT_ZERO and kind in WORKLOADS:
        if _wanted(facts, kind, space, short) == 0:
            count = 2 if one.code == "dns-down" else 1
            sentence = f"let {place} run again: it was at zero, {count} from now on"
            return Change("doctor/scale", sentence, _scale(kind, space, short, count))
    elif one.code == "flux-suspended" and kind in FLUX_KINDS:
        sentence = f"let Flux follow the repository again for {one.about}"
        return Change("doctor/resume", sentence, _of_flux(kind, space, short, {"suspend": False}))
    elif one.code in ("flux-gave-up", "flux-behind") and kind in FLUX_KINDS:
        return Change("doctor/retry", f"let Flux try {one.about} again", _of_flux(kind, space, short, None))
    elif one.code in KEYS:
        return Change("doctor/keys", "give the cluster the age key and the deploy key again", flux.hand_over)
    return None


def _wanted(facts: Diagnosis, kind: str, space: str, short: str) -> Any:
    found = facts.looked.sight.one(WORKLOADS[kind], space, short)
    return ((found or {}).get("spec") or {}).get("replicas")


def _unit(address: str, unit: str) -> Callable[[Context], None]:
    return lambda ctx: (ops.run(ctx, address, "doctor/unit", unit, timeout=90), None)[1]


def _tailnet_up(address: str) -> Callable[[Context], None]:
    return lambda ctx: (ops.run(ctx, address, "tailnet/up", timeout=60), None)[1]


def _uncordon(short: str) -> Callable[[Context], None]:
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": short}, "spec": {"unschedulable": False}}
    return lambda ctx: flux.reach(ctx).apply(f"/api/v1/nodes/{short}", body)


def _scale(kind: str, space: str, short: str, count: int) -> Callable[[Context], None]:
    path = f"{APPS}/{space}/{WORKLOADS[kind]}/{short}/scale"
    body = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": short, "namespace": space},
            "spec": {"replicas": count}}  # fmt: skip
    return lambda ctx: flux.reach(ctx).apply(path, body)


def _of_flux(kind: str, space: str, short: str, change: dict[str, Any] | None) -> Callable[[Context], None]:
    """Changes the spec of an object of Flux, or has Flux look at it now and forget that it gave up."""
    version, plural = FLUX_KINDS[kind]
    meta: dict[str, Any] = {"name": short, "namespace": space}
    body: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": meta}

    def do(ctx: Context) -> None:
        if change is None:
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            meta["annotations"] = {f"reconcile.fluxcd.io/{word}": now for word in ("requestedAt", "resetAt", "forceAt")}
        else:
            body["spec"] = change
        flux.reach(ctx).apply(f"/apis/{version}/namespaces/{space}/{plural}/{short}", body)

    return do
