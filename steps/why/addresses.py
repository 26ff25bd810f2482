"""Why an address of the load balancer is not answered for: pool, advertisement, speaker, ARP. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from steps.why import workloads
from steps.why.finding import Finding, find
from steps.why.sight import Object, Sight, meta, name, place, said, spec, status

WANTED = "metallb.io/loadBalancerIPs"
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
SERVICE = "kubernetes.io/service-name"  # the label by which an EndpointSlice belongs to a Service
ALLOCATING = (
    ("address-not-in-pool", r"is not allowed in config|not in pool|does not contain"),
    ("address-shared", r"can't change sharing key|address also in use by"),
    ("address-pool-exhausted", r"no available IPs|no suitable pool"),
    ("address-pool-missing", r"unknown pool|no pools? "),
    ("address-refused", r""),
)


def service(sight: Sight, one: Object) -> Iterator[Finding]:
    """Why a Service of type LoadBalancer has no address, or nobody answers for the one that it has."""
    if spec(one).get("type") != "LoadBalancer":
        return
    given = [str(each["ip"]) for each in (status(one).get("loadBalancer") or {}).get("ingress") or () if each.get("ip")]
    if given:
        yield from _announced(sight, one, given)
    else:
        yield from _allocated(sight, one)


def _part(sight: Sight, code: str) -> list[Finding]:
    return [each for part in workloads.PARTS if part.code == code for each in workloads.down(sight, part)]


def _allocated(sight: Sight, one: Object) -> Iterator[Finding]:
    if down := _part(sight, "address-controller-down"):
        yield from down
        return
    if not sight.all("ipaddresspools") and "ipaddresspools" not in sight.unread:
        yield find("address-pool-missing", name(one), ["there is no IPAddressPool"])
        return
    failed = [said(each) for each in sight.warnings("Service", *place(one)) if "Failed" in str(each.get("reason"))]
    if failed:
        code = next(code for code, pattern in ALLOCATING if re.search(pattern, failed[0]))
        wanted = str((meta(one).get("annotations") or {}).get(WANTED, "an address"))
        yield find(code, name(one), failed[:1], wanted=wanted)
    elif sight.age(str(meta(one).get("creationTimestamp"))) > 60:
        yield find("unknown", name(one), ["it has no address, and MetalLB says nothing"])


def is_ready(sight: Sight, one: Object) -> bool:
    """Whether a pod is ready behind the Service. Where that is not known, yes."""
    space, short = place(one)
    mine = [each for each in sight.all("endpointslices") if place(each)[0] == space
            and (meta(each).get("labels") or {}).get(SERVICE) == short]  # fmt: skip
    if not sight.all("endpointslices"):
        return True
    return any((end.get("conditions") or {}).get("ready") for each in mine for end in each.get("endpoints") or ())


def _announced(sight: Sight, one: Object, given: list[str]) -> Iterator[Finding]:
    if not sight.all("ipaddresspools"):
        return  # another load balancer's
    if not is_ready(sight, one):
        return  # not announced then, and rightly so: what is behind it is at fault
    if down := _part(sight, "speaker-down"):
        yield from down
        return
    words = {"address": given[0]}
    if not sight.all("l2advertisements") and "l2advertisements" not in sight.unread:
        yield find("address-not-advertised", name(one), ["there is no L2Advertisement"], **words)
        return
    announced = any(_is_of(each, one) for each in sight.all("servicel2statuses"))
    if not announced and "servicel2statuses" not in sight.unknown:
        left_out = [node for node in sight.all("nodes") if EXCLUDED in (meta(node).get("labels") or {})]
        excluded = [str(meta(node).get("name")) for node in left_out]
        code = "nodes-excluded" if len(excluded) == len(sight.all("nodes")) else "address-not-announced"
        seen = [f"no ServiceL2Status names it; nodes that are left out: {', '.join(excluded) or 'none'}"]
        yield find(code, name(one), seen, **words)
        return
    yield from _on_the_wire(sight, one, given[0])


def _is_of(status_of: Object, one: Object) -> bool:
    told = status(status_of)
    return (told.get("serviceNamespace"), told.get("serviceName")) == place(one)


def _on_the_wire(sight: Sight, one: Object, address: str) -> Iterator[Finding]:
    """Who answers for the address on the LAN, where that was asked."""
    if sight.arp is None:
        return
    answering = list(sight.arp.get(address, ()))
    strangers = [mac for mac in answering if sight.macs and mac not in sight.macs]
    seen = [f"{address} is at {', '.join(sight.macs.get(mac, mac) for mac in answering) or 'nobody'}"]
    words = {"address": address, "who": ", ".join(strangers)}
    if strangers:
        yield find("address-taken", name(one), seen, **words)
    elif not answering:
        yield find("address-silent", name(one), seen, **words)
