"""Kubernetes must reach every Pi by its own address on the LAN: a VPN's address may never take its place.

kubelet is told which address to give before the Pi joins, what Kubernetes then says is looked at, and a node that has
moved is put back: Tailscale off, kubelet told again, and on again only when that holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from steps import address_plan, nodes, ops
from steps.tailnet_facts import Member
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.step import Change
from wizard.wait import until

SYNC = 12.0  # seconds in which kubelet has told the API of an address that has changed: it looks every 10
BACK = 60.0  # seconds in which a node is back at its own address
FLANNEL = "flannel.alpha.coreos.com/public-ip"  # where the pods' network looks for a node's pods


@dataclass(frozen=True)
class Astray:
    """A node that others reach by an address of the tailnet."""

    name: str
    pi: str  # its own address
    found: str
    by: str  # who reaches it so: "Kubernetes", or "the pods' network"


def kubeconfig(ctx: Context) -> Path:
    """Where this computer keeps the key to the cluster; the file is not there as long as there is none."""
    return ctx.state.path.parent / "kubeconfig"


def look(ctx: Context) -> list[Astray]:
    """Which nodes have gone astray. Raises `Blocked` for one that has moved to an address that nobody chose."""
    if not kubeconfig(ctx).exists():
        return []
    known = {ctx.name_of(address): address for address in nodes.addresses(ctx.answers)}
    listed: Sequence[Mapping[str, Any]] = (ctx.world.cluster(kubeconfig(ctx)).get("/api/v1/nodes") or {}).get(
        "items", []
    )
    return list(astray(listed, known))


def astray(listed: Iterable[Mapping[str, Any]], known: Mapping[str, str]) -> Iterator[Astray]:
    """The same for `listed` nodes; `known` are the Pis' addresses by name. Pure."""
    for node in listed:
        name = str(node["metadata"]["name"])
        for ip in _internal(node):
            if ip in known.values():
                continue
            if not of_a_tailnet(ip) or name not in known:
                raise moved(name, ip)
            yield Astray(name, known[name], ip, "Kubernetes")
        tunnel = str((node["metadata"].get("annotations") or {}).get(FLANNEL, ""))
        if tunnel and of_a_tailnet(tunnel) and name in known:
            yield Astray(name, known[name], tunnel, "the pods' network")


def _internal(node: Mapping[str, Any]) -> list[str]:
    """The IPv4 addresses by which Kubernetes reaches the node."""
    listed = node.get("status", {}).get("addresses") or []
    return [each["address"] for each in listed if each["type"] == "InternalIP" and ":" not in each["address"]]


def of_a_tailnet(address: str) -> bool:
    """Whether `address` is one of those that tailnets give to their machines. Pure."""
    return "." in address and IPv4Address(address) in address_plan.TAILNET


def moved(name: str, address: str) -> Blocked:
    """The error for a node that Kubernetes reaches by an address that nobody chose."""
    by = "Tailscale's" if of_a_tailnet(address) else "another network's"
    return Blocked(
        f"Kubernetes reaches the node {name} by {address}, which is {by} address and not the chosen one.",
        "Its kubelet does not have --node-ip set, or the Pi's address has changed.",
        "Set --node-ip to the Pi's address on the LAN in /etc/default/kubelet, and restart kubelet there.",
    )


def pinned(member: Member) -> Iterator[Change]:
    """The change that tells kubelet its address, where it was not told one. Pure."""
    if member.node_ip != "none":
        return
    sentence = f"tell kubelet to stay at {member.address}, whatever addresses the VPN brings"
    yield Change("tailnet/node-ip", sentence, lambda ctx: _pin(ctx, member.address), member.address)


def _pin(ctx: Context, address: str) -> None:
    ops.run(ctx, address, "tailnet/node-ip", address)


def put_back(found: Sequence[Astray]) -> list[Change]:
    """A change for the nodes that have gone astray already. Pure."""
    if not found:
        return []
    named = " and ".join(dict.fromkeys(f"{each.name} (now {each.found})" for each in found))
    sentence = f"put the way to {named} back to the home network"
    return [Change("tailnet/put-back", sentence, lambda ctx: _put_back(ctx, found))]


def watched(names: Sequence[str]) -> Change:
    """After Pis have joined: sees that nothing moved, and puts back what did. Pure."""

    def do(ctx: Context) -> None:
        ctx.world.sleep(SYNC)
        if found := look(ctx):
            _put_back(ctx, found)

    return Change("tailnet/kubelets", f"see that Kubernetes still reaches {' and '.join(names)} over the LAN", do)


def _put_back(ctx: Context, found: Sequence[Astray]) -> None:
    pis = list(dict.fromkeys(each.pi for each in found))
    for pi in pis:
        ops.run(ctx, pi, "tailnet/down")
        _pin(ctx, pi)
    _restart_network(ctx, found)

    def back() -> bool:
        return not [each for each in look(ctx) if each.pi in pis]

    until(
        ctx, f"{' and '.join(dict.fromkeys(each.name for each in found))} to be reached over the LAN again", back,
        deadline=BACK,
        fix="Tailscale stays off there until then. Look at `journalctl -u kubelet` on the Pi.",
    )  # fmt: skip
    for pi in pis:
        ops.run(ctx, pi, "tailnet/up", timeout=90)
    ctx.world.sleep(SYNC)
    if again := look(ctx):
        for each in again:
            ops.run(ctx, each.pi, "tailnet/down")
        raise WizardError(
            f"{again[0].by.capitalize()} reaches {again[0].name} by {again[0].found} as soon as Tailscale is on.",
            "Something besides --node-ip leads there, perhaps the name of the Pi in /etc/hosts, or --iface of flannel.",
            "Tailscale was turned off on it. Mend that and run the same command again.", host=again[0].name,
        )  # fmt: skip
    first = found[0]
    ctx.note(
        "A node was put back",
        f"{first.by} reached {first.name} by {first.found}, an address of the VPN. It is reached by {first.pi} again.",
    )


def _restart_network(ctx: Context, found: Sequence[Astray]) -> None:
    """flannel chooses its address when it starts."""
    astray_nodes = {each.name for each in found if each.by != "Kubernetes"}
    if not astray_nodes:
        return
    api = ctx.world.cluster(kubeconfig(ctx))
    pods = "/api/v1/namespaces/kube-flannel/pods"
    for pod in (api.get(pods) or {}).get("items", []):
        if pod.get("spec", {}).get("nodeName") in astray_nodes:
            api.delete(f"{pods}/{pod['metadata']['name']}")
