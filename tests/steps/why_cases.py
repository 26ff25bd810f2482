"""The cases of the diagnosers: a healthy home, one fault put on it, and what its controllers would write then."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from steps.why.sight import KINDS, NodeView, Sight, TailnetView
from wizard.world import DnsAnswer

FOLDER = Path(__file__).resolve().parent.parent / "cases" / "why"
PLURALS = {kind: plural for plural, kind in KINDS.items()}
SHORT = {  # what cases call often
    "hello": "Pod hello/hello-7d9f8c6b5-a4x9k", "pihole": "Pod pihole/pihole-7d9f8c6b5-a4x9k",
    "certificate": "Certificate gateways/websecure-internal-tls",
}  # fmt: skip
Object = dict[str, Any]


@cache
def load(name: str) -> Any:
    return yaml.load((FOLDER / f"{name}.yaml").read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def cases() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every case with the name of its file."""
    for file in sorted(FOLDER.glob("*.yaml")):
        if file.stem != "healthy":
            yield from ((file.stem, case) for case in load(file.stem)["cases"])


def sight(case: Mapping[str, Any]) -> Sight:
    """What diagnosers would see."""
    home = {label(one): one for one in copy.deepcopy(load("healthy")["objects"])}
    for one in case.get("add", ()):
        like = copy.deepcopy(home[SHORT.get(one["like"], one["like"])]) if "like" in one else {}
        made = laid({key: value for key, value in one.items() if key != "like"}, like)
        home[label(made)] = made
    for name in case.get("drop", ()):
        del home[SHORT.get(name, name)]
    for name, change in case.get("change", {}).items():
        home[SHORT.get(name, name)] = laid(change, home[SHORT.get(name, name)])
    for number, (about, reason, message, *more) in enumerate(case.get("events", ())):
        home[f"Event {number}"] = event(number, SHORT.get(about, about), reason, message, *more)
    if not case.get("as_is"):
        follow(home)
    lists: dict[str, list[Object]] = {}
    for one in home.values():
        lists.setdefault(PLURALS[one["kind"]], []).append(one)
    return Sight(lists, _time(str(case.get("now", load("healthy")["now"]))), **_beyond(case))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else text.replace(" ", "T"))


def _beyond(case: Mapping[str, Any]) -> dict[str, Any]:
    """What is known besides the API."""
    found: dict[str, Any] = {
        "views": {name: NodeView(**view) for name, view in case.get("views", {}).items()},
        "names": case.get("names", {"192.168.1.11": "pi1", "192.168.1.12": "pi2", "192.168.1.13": "pi3"}),
        "unknown": frozenset(case.get("unknown", ())), "arp": case.get("arp"),
        "macs": case.get("macs", {"d8:3a:dd:00:00:02": "pi2", "d8:3a:dd:00:00:03": "pi3"}),
        "texts": {name: {server: DnsAnswer(*answer) if isinstance(answer, list) and not answer[1:] else
                         DnsAnswer(answer[0], tuple(answer[1:])) for server, answer in by.items()}
                  for name, by in case.get("texts", {}).items()},
    }  # fmt: skip
    if "tailnet" in case:
        found["tailnet"] = {name: _member(view) for name, view in case["tailnet"].items()}
    return found


def _member(view: Mapping[str, Any]) -> TailnetView:
    routes = {"offered", "wanted", "approved", "served"}
    return TailnetView(**{key: frozenset(value) if key in routes else value for key, value in view.items()})


def label(one: Mapping[str, Any]) -> str:
    meta = one["metadata"]
    return (
        f"{one['kind']} {meta['namespace']}/{meta['name']}" if "namespace" in meta else f"{one['kind']} {meta['name']}"
    )


def laid(change: Any, on: Any) -> Any:
    """`change` laid on an object: mappings merge, None takes away; on a list, entries are known by type or name."""
    if isinstance(change, Mapping) and isinstance(on, list):
        key = "type" if any("type" in each for each in on) else "name"
        known = {each[key]: each for each in on}
        return list(
            (known | {name: laid(each, known.get(name, {key: name})) for name, each in change.items()}).values()
        )
    if isinstance(change, Mapping):
        base = dict(on) if isinstance(on, Mapping) else {}
        for key, value in change.items():
            if value is None:
                base.pop(key, None)
            else:
                base[key] = laid(value, base.get(key))
        return base
    return copy.deepcopy(change)


def event(number: int, about: str, reason: str, message: str, at: str = "2026-11-26T11:59:00Z") -> Object:
    kind, _, place = about.partition(" ")
    space, _, name = place.rpartition("/")
    return {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": f"e{number}", "namespace": space or "default"},
        "type": "Warning", "reason": reason, "message": message, "lastTimestamp": at, "count": 3,
        "involvedObject": {"kind": kind, "name": name, **({"namespace": space} if space else {})},
    }  # fmt: skip


# -- what controllers write -------------------------------------------------------------------------------------------


def follow(home: dict[str, Object]) -> None:
    """Numbers of ready pods and ready endpoints follow from the pods, as the controllers would write them."""
    pods = [one for one in home.values() if one["kind"] == "Pod"]
    for one in home.values():
        if one["kind"] == "EndpointSlice":
            service = home.get(
                f"Service {one['metadata']['namespace']}/{one['metadata']['labels']['kubernetes.io/service-name']}"
            )
            if service:
                chosen = [pod for pod in pods if _selected(service, pod)]
                one["endpoints"] = [{"conditions": {"ready": _ready(pod)}} for pod in chosen]
        elif one["kind"] in ("Deployment", "DaemonSet"):
            ready = sum(_ready(pod) for pod in pods if _belongs(home, one, pod))
            if one["kind"] == "Deployment":
                one["status"] |= {"readyReplicas": ready, "availableReplicas": ready}
            else:
                one["status"] |= {"numberReady": ready}


def _ready(pod: Object) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def _selected(service: Object, pod: Object) -> bool:
    return (
        pod["metadata"].get("namespace") == service["metadata"]["namespace"]
        and service["spec"]["selector"].items() <= pod["metadata"].get("labels", {}).items()
    )


def _belongs(home: Mapping[str, Object], one: Object, pod: Object) -> bool:
    owners = {ref["uid"] for ref in pod["metadata"].get("ownerReferences", ())}
    sets = {
        each["metadata"]["uid"] for each in home.values()
        if each["kind"] == "ReplicaSet"
        and any(ref["uid"] == one["metadata"]["uid"] for ref in each["metadata"].get("ownerReferences", ()))
    }  # fmt: skip
    return bool(owners & (sets | {one["metadata"]["uid"]}))
