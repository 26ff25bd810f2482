"""Why a node is not Ready: its own conditions, then what its units and journals say over SSH. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from steps.why.finding import Finding, find
from steps.why.sight import NodeView, Object, Sight, condition, meta, name, said, spec, status

PRESSURES = {"DiskPressure": "node-disk-pressure", "MemoryPressure": "node-memory-pressure", "PIDPressure":
             "node-pid-pressure"}  # fmt: skip
JOURNAL = (  # what kubelet writes before it gives up; the first that fits
    ("node-swap", r"running with swap on is not supported"),
    ("node-cgroup", r"missing cgroups?:? .*memory|failed to find cgroups|cgroup v1 .* (not supported|deprecated)"),
    ("node-cgroup-driver", r"cgroup driver.*(different|misconfiguration)|misconfiguration: kubelet cgroup driver"),
    ("node-certificate", r"certificate has expired or is not yet valid|part of the existing bootstrap client"
                         r"|unable to load bootstrap kubeconfig|kubelet-client-current\.pem"
                         r"|client certificate.* expired|Unauthorized|tls: (expired|bad) certificate"),
    ("node-config", r"failed to load kubelet config file|failed to (parse|decode|validate) kubelet|unknown flag"),
    ("node-containerd", r"container runtime is down|containerd\.sock: connect|failed to get (runtime|container runtime)"
                     r"|rpc error.*containerd"),
    ("node-no-api", r"dial tcp [\d.]+:6443: (connect|i/o)|lookup homelab-api|no route to host"),
    ("node-network-plugin", r"cni plugin not initialized|NetworkPluginNotReady"),
)  # fmt: skip


def is_down(node: Object) -> bool:
    return condition(node, "Ready").get("status") != "True"


def pressure(node: Object) -> list[str]:
    """The codes of what the node runs short of."""
    return [code for kind, code in PRESSURES.items() if condition(node, kind).get("status") == "True"]


def why(sight: Sight, node: Object) -> Iterator[Finding]:
    """The cause at the node itself: what runs short, what does not run, what its journal tells."""
    short, view = str(meta(node).get("name")), sight.views.get(str(meta(node).get("name")))
    for kind, code in PRESSURES.items():
        if condition(node, kind).get("status") == "True":
            yield find(code, name(node), [said(condition(node, kind)), *_disk(view)])
    if not is_down(node):
        return
    text = said(condition(node, "Ready"))
    if pressure(node) and "stopped posting" not in text:
        return
    yield _down(name(node), text, short, view)


def _down(about: str, text: str, short: str, view: NodeView | None) -> Finding:
    gone = "stopped posting" in text or "never posted" in text
    if "container runtime is down" in text and not (view and view.units.get("kubelet") == "inactive"):
        return find("node-containerd", about, [text, *_unit(view, "containerd")], node=short)
    if view and (found := by_view(short, view)):
        return replace(found, evidence=(text, *found.evidence))
    if not gone and re.search(r"cni plugin not initialized|NetworkPluginNotReady", text):
        return find("node-network-plugin", about, [text], node=short)
    if view and (code := _by_journal(view.journal.get("kubelet", ()))):
        return find(code, about, [text, *_unit(view, "kubelet")], node=short)
    if gone and view is None:
        return find("node-silent", about, [text], node=short)
    return find("unknown", about, [text, *(_unit(view, "kubelet") if view else [])], node=short)


def by_view(short: str, view: NodeView) -> Finding | None:
    """What a look at the node itself finds: it is away, or a unit that it needs does not run."""
    about = f"Node {short}"
    if not view.reached:
        return find("node-away", about, [view.why], node=short)
    if not _runs(view, "containerd"):
        return find("node-containerd", about, _unit(view, "containerd"), node=short)
    if not _runs(view, "kubelet"):
        stopped = view.units.get("kubelet") == "inactive"  # by somebody; what its journal says is of earlier
        code = "" if stopped else _by_journal(view.journal.get("kubelet", ()))
        return find(code or "node-kubelet", about, _unit(view, "kubelet"), node=short)
    return None


def _runs(view: NodeView, unit: str) -> bool:
    return view.units.get(unit, "active") in ("active", "reloading")


def _unit(view: NodeView | None, unit: str) -> list[str]:
    """The state of a unit and its last words."""
    if view is None or not view.reached:
        return []
    return [f"{unit} is {view.units.get(unit, 'unknown')}", *list(view.journal.get(unit, ()))[-2:]]


def _by_journal(lines: Sequence[str]) -> str:
    text = " ".join(lines)
    return next((code for code, pattern in JOURNAL if re.search(pattern, text)), "")


def _disk(view: NodeView | None) -> list[str]:
    return [f"/ is {view.disk} % full"] if view and view.disk is not None else []


def others(sight: Sight) -> Iterator[Finding]:
    """What is wrong with nodes that are Ready: missing, cordoned, at another address, at another version."""
    nodes = {str(meta(one).get("name")): one for one in sight.all("nodes")}
    for address, short in sight.names.items():
        if short and nodes and short not in nodes:
            view = sight.views.get(short)
            code = "node-away" if view and not view.reached else "node-missing"
            yield find(code, f"Node {short}", [f"{address} is in the answers, no node of that name in the cluster"])
    for short, node in nodes.items():
        if is_down(node):
            continue
        yield from _address(sight, short, node)
        view = sight.views.get(short)
        if view and (found := by_view(short, view)):  # the API has not noticed it yet
            yield found
        elif spec(node).get("unschedulable"):
            yield find("node-cordoned", name(node), ["spec.unschedulable is true"], node=short)


def _address(sight: Sight, short: str, node: Object) -> Iterator[Finding]:
    listed = [str(a.get("address")) for a in status(node).get("addresses") or () if a.get("type") == "InternalIP"]
    wanted = [address for address, known in sight.names.items() if known == short]
    if wanted and listed and not set(wanted) & set(listed):
        yield find(
            "node-address", name(node), [f"InternalIP {', '.join(listed)}"], wanted=wanted[0], seen=", ".join(listed)
        )
