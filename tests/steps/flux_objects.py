"""Objects as Flux and Kubernetes have them, for tests of what is read from them."""

from __future__ import annotations

from typing import Any

from steps.flux_status import Expected

REVISION, OLD = "main@sha1:" + "a" * 40, "main@sha1:" + "b" * 40


EXPECTED = Expected(REVISION, ("flux-system", "hello"), (("traefik-internal", "10.0.0.60"),))


def thing(name: str, space: str = "flux-system", generation: int = 1, **rest: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": space, "generation": generation}, **rest}


def says(status: str, reason: str = "", message: str = "", seen: int = 1, kind: str = "Ready") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": seen}


READY = says("True", "Succeeded")


def kustomization(name: str, condition: dict[str, Any] = READY, at: str = REVISION, **status: Any) -> dict[str, Any]:
    spec = {"sourceRef": {"kind": "GitRepository", "name": "flux-system"}}
    return thing(name, spec=spec, status={"conditions": [condition], "lastAppliedRevision": at, **status})


def gateway(address: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    status = {"conditions": [condition or says("True", kind="Programmed")], "addresses": [{"value": address}]}
    return thing("traefik-internal", "gateways", status=status)


def release(condition: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
    return thing("traefik-internal", "traefik", status={"conditions": [condition, *more], "observedGeneration": 1})


def needing(name: str, *others: str, reason: str = "DependencyNotReady", message: str = "") -> dict[str, Any]:
    one = kustomization(name, says("False", reason, message or f"dependency 'flux-system/{others[-1]}' is not ready"))
    return {**one, "spec": {**one["spec"], "dependsOn": [{"name": other} for other in others]}}


class Objects:
    """A cluster that knows what it is given, and no other kind."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists = lists

    def get(self, path: str) -> dict[str, Any] | None:
        name = path.removeprefix("/api/v1/namespaces/").replace("/", "_")
        return {"items": self.lists[name]} if name in self.lists else None

    def apply(self, path: str, body: Any) -> None:
        raise AssertionError

    def delete(self, path: str) -> None:
        raise AssertionError
