"""Why an app is not served: Gateway, class, Traefik, listener, route, Service. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from steps.why import addresses, pods, tls, workloads
from steps.why.finding import Finding, find
from steps.why.sight import Object, Sight, condition, meta, name, place, said, spec, status

LISTENER = {  # reasons of the Gateway API, and Traefik's own
    "PortUnavailable": "listener-port", "UnsupportedProtocol": "listener-protocol", "DuplicateListener":
    "listener-conflict", "HostnameConflict": "listener-conflict", "ProtocolConflict": "listener-conflict",
    "InvalidCertificateRef": "listener-certificate", "RefNotPermitted": "listener-certificate",
    "InvalidRouteKinds": "listener-routes",
}  # fmt: skip
ROUTE = {
    "NoMatchingParent": "route-section-missing", "NoMatchingListenerHostname": "route-host-unserved",
    "NotAllowedByListeners": "route-not-allowed", "BackendNotFound": "route-backend-missing",
    "RefNotPermitted": "route-backend-foreign", "InvalidKind": "route-backend-kind",
    "UnsupportedProtocol": "route-backend-kind",
}  # fmt: skip


def kinds(sight: Sight) -> Iterator[Finding]:
    """The kinds of the Gateway API are missing while something needs them."""
    spaces = {str(meta(one).get("name")) for one in sight.all("namespaces")}
    if "traefik" in spaces and "gateways" in sight.unknown:
        yield find("gateway-kinds-missing", "GatewayClass", ["the cluster does not know gateway.networking.k8s.io/v1"])


def gateway(sight: Sight, one: Object) -> Iterator[Finding]:
    """Every cause why a Gateway does not serve: its class, its Traefik, each listener, its address."""
    about, wanted = name(one), str(spec(one).get("gatewayClassName"))
    found = sight.one("gatewayclasses", "", wanted)
    if found is None:
        if "gatewayclasses" not in sight.unread:
            yield find("gateway-class-missing", about, [f"gatewayClassName {wanted}"], wanted=wanted)
        return
    deeper = list(_class(sight, found))
    yield from (each.below(about) for each in deeper)
    if deeper:
        return
    told = list(_listeners(sight, one))
    yield from told
    service = sight.one("services", "traefik", wanted)
    if service is not None:
        yield from (each.below(about) for each in addresses.service(sight, service))
    if not told:
        yield from _whole(sight, one, service)


def _class(sight: Sight, one: Object) -> Iterator[Finding]:
    accepted = condition(one, "Accepted")
    if accepted.get("status") == "True":
        return
    parts = [part for part in workloads.PARTS if part.code == "gateway-down" and place(one)[1] in part.names]
    down = [each for part in parts for each in workloads.down(sight, part)]
    if down:
        yield from (each.below(name(one)) for each in down)
    elif sight.age(str(meta(one).get("creationTimestamp"))) > 60:
        yield find("gateway-class-alone", name(one), [said(accepted)])


def _listeners(sight: Sight, one: Object) -> Iterator[Finding]:
    for each in status(one).get("listeners") or ():
        for reason, text in _wrong(each):
            code = LISTENER.get(reason, "listener-refused")
            words = {"listener": str(each.get("name")), "port": _port(one, str(each.get("name")))}
            if code == "listener-certificate" and (deeper := list(_certificate(sight, one, str(each.get("name"))))):
                yield from (found.below(name(one)) for found in deeper)
                continue
            yield find(code, name(one), [f"listener {each.get('name')}: {text}"],
                       subject=f"{name(one)} {each.get('name')}", **words)  # fmt: skip
            break


def _wrong(listener: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The reasons for which a listener is not as it should be, the most telling ones first."""
    order = ("Conflicted", "ResolvedRefs", "Accepted", "Programmed")
    found = {str(one.get("type")): one for one in listener.get("conditions") or ()}
    for kind in order:
        one, bad = found.get(kind, {}), "True" if kind == "Conflicted" else "False"
        if one.get("status") == bad:
            yield str(one.get("reason")), said(one)


def _port(one: Object, listener: str) -> str:
    wanted = [each for each in spec(one).get("listeners") or () if each.get("name") == listener]
    return str(wanted[0].get("port")) if wanted else ""


def _certificate(sight: Sight, one: Object, listener: str) -> Iterator[Finding]:
    """Why the certificate of a listener is not there."""
    for each in spec(one).get("listeners") or ():
        if each.get("name") != listener:
            continue
        for reference in (each.get("tls") or {}).get("certificateRefs") or ():
            space = str(reference.get("namespace") or place(one)[0])
            for found in sight.all("certificates"):
                if place(found)[0] == space and spec(found).get("secretName") == reference.get("name"):
                    yield from tls.certificate(sight, found)


def _whole(sight: Sight, one: Object, service: Object | None) -> Iterator[Finding]:
    """What the Gateway says of itself once nothing else is at fault."""
    for kind in ("Accepted", "Programmed"):
        found = condition(one, kind)
        if found.get("status") == "False" and not re.search("ListenersNotValid|AddressNot", str(found.get("reason"))):
            yield find("gateway-refused", name(one), [said(found)])
            return
    annotated = str((meta(service or {}).get("annotations") or {}).get(addresses.WANTED, ""))
    shown = [str(each.get("value")) for each in status(one).get("addresses") or ()]
    if annotated and shown and annotated not in shown:
        seen = [f"the Gateway shows {', '.join(shown)}, its Traefik's Service has {annotated}"]
        yield find("gateway-address", name(one), seen, wanted=annotated)


# -- routes ------------------------------------------------------------------------------------------------------------


def route(sight: Sight, one: Object) -> Iterator[Finding]:
    """Why a route is not served: the Gateway that it names, its listener, its Services."""
    about, old = name(one), sight.age(str(meta(one).get("creationTimestamp"))) > 60
    for parent in spec(one).get("parentRefs") or ():
        space = str(parent.get("namespace") or place(one)[0])
        if parent.get("kind", "Gateway") == "Gateway" and sight.one("gateways", space, str(parent.get("name"))) is None:
            yield find("route-gateway-missing", about, [f"it names the Gateway {space}/{parent.get('name')}"])
    refused = False
    for parent in status(one).get("parents") or ():
        for each in parent.get("conditions") or ():
            if each.get("status") == "False" and str(each.get("reason")) in ROUTE:
                refused = True
                yield find(ROUTE[str(each["reason"])], about, [said(each)], hosts=_hosts(one))
                break
    if old and not refused:
        yield from _backends(sight, one)


def _hosts(one: Object) -> str:
    return ", ".join(str(host) for host in spec(one).get("hostnames") or ()) or "every name"


def _backends(sight: Sight, one: Object) -> Iterator[Finding]:
    for rule in spec(one).get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            space = str(backend.get("namespace") or place(one)[0])
            service = sight.one("services", space, str(backend.get("name")))
            if service is None:
                if backend.get("kind", "Service") == "Service" and "services" not in sight.unread:
                    yield find("route-backend-missing", name(one), [f"Service {space}/{backend.get('name')}"])
            else:
                yield from (each.below(name(one)) for each in behind(sight, service))


def behind(sight: Sight, service: Object) -> Iterator[Finding]:
    """Why no pod is ready behind a Service; nothing where one is."""
    selector = spec(service).get("selector") or {}
    if not selector or addresses.is_ready(sight, service):
        return
    space = place(service)[0]
    mine = [
        pod for pod in sight.all("pods")
        if place(pod)[0] == space and selector.items() <= dict(meta(pod).get("labels") or {}).items()
    ]  # fmt: skip
    found = [each for pod in mine for each in pods.why(sight, pod)]
    yield from (each.below(name(service)) for each in found)
    if not found and not mine:
        yield from _nobody(sight, service, selector)


def _nobody(sight: Sight, service: Object, selector: Mapping[str, Any]) -> Iterator[Finding]:
    """No pod at all: the workload that would make them is at zero, refused, or not there."""
    space = place(service)[0]
    makers = [
        one for plural in ("deployments", "statefulsets", "daemonsets") for one in sight.all(plural)
        if place(one)[0] == space and selector.items() <= _made(one).items()
    ]  # fmt: skip
    for one in makers:
        part = workloads.part_of(one)
        deeper = list(workloads.down(sight, part) if part else workloads.why(sight, one))
        if deeper:
            yield from deeper
        elif spec(one).get("replicas") == 0:
            yield find("app-switched-off", name(one), ["spec.replicas is 0"])
    if not makers:
        yield find("service-empty", name(service), [f"selector {dict(selector)}"])


def _made(one: Object) -> dict[str, Any]:
    """The labels of the pods that a workload makes."""
    return dict(meta(spec(one).get("template") or {}).get("labels") or {})
