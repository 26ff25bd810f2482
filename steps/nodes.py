"""The Pis of this cluster, as the answers and the pinned evidence know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from wizard.context import Context
from wizard.errors import LoginRefused, TrustError, WizardError
from wizard.host.base import Host, HostKey, Login
from wizard.question import Answers
from wizard.secret import Secret

Role = Literal["control-plane", "worker"]
LOGIN = ("user", "key_file", "key_passphrase", "password", "sudo_password")  # the questions about logging in


@dataclass(frozen=True)
class Node:
    """One Pi. `name` is its hostname, which is also its name in Kubernetes; empty until it was seen."""

    address: str
    role: Role
    name: str = ""


def control_planes(answers: Answers) -> list[str]:
    """The addresses of the Pis that run the control plane, the first one first."""
    machines = answers.get("machines", {})
    first = machines.get("control_plane")
    return [*([first] if first else []), *(machines.get("more_control_planes") or [])]


def addresses(answers: Answers) -> list[str]:
    """The chosen Pis: the first control plane, the other ones, the workers."""
    heads = control_planes(answers)
    return sorted(
        answers.get("machines", {}).get("hosts", []), key=lambda a: heads.index(a) if a in heads else len(heads)
    )


def nodes(ctx: Context) -> list[Node]:
    """The chosen Pis with what is known about them, in the order of `addresses`."""
    return known(ctx.answers, hostnames(ctx))


def known(answers: Answers, names: Mapping[str, str]) -> list[Node]:
    """The chosen Pis in the order of `addresses`; `names` are their hostnames, as far as they were seen. Pure."""
    heads = control_planes(answers)
    return [Node(a, "control-plane" if a in heads else "worker", names.get(a, "")) for a in addresses(answers)]


def hostnames(ctx: Context) -> dict[str, str]:
    """The hostnames of the chosen Pis by address, empty until they were seen."""
    return {a: str(ctx.state.recall("machines", a, "hostname") or "") for a in addresses(ctx.answers)}


def control_plane(ctx: Context) -> Node:
    """The first control plane: where the cluster was made, and where this computer asks its API."""
    return nodes(ctx)[0]


def workers(ctx: Context) -> list[Node]:
    return [node for node in nodes(ctx) if node.role == "worker"]


def pinned_keys(ctx: Context, address: str) -> tuple[HostKey, ...]:
    """The host keys that were approved for `address`; empty when none was."""
    keys = ctx.state.recall("machines", address, "host_keys") or []
    return tuple(HostKey(key["kind"], key["base64"], key["fingerprint"]) for key in keys)


def pin(ctx: Context, address: str, keys: Sequence[HostKey]) -> None:
    """Remembers `keys` as the host keys that are approved for `address`, and no others."""
    plain = [{"kind": key.kind, "base64": key.base64, "fingerprint": key.fingerprint} for key in keys]
    ctx.state.remember("machines", address, "host_keys", value=plain)


def host(ctx: Context, address: str) -> Host:
    """The one connection to `address`, opened when it is first needed and kept for this run.

    Raises `WizardError` when no host key is pinned yet, and what `World.connect` raises.
    """
    connections: dict[str, Host] = ctx.scratch.setdefault("hosts", {})
    if address not in connections:
        keys = pinned_keys(ctx, address)
        if not keys:
            raise WizardError(
                "This host's key has not been approved yet.", "Nothing is sent to a host that is not known.",
                "Run the step Machines first.", host=ctx.name_of(address),
            )  # fmt: skip
        try:
            connections[address] = ctx.world.connect(login(ctx, address, keys))
        except LoginRefused as refused:
            refused.answers = tuple(f"machines.{key}" for key in LOGIN)
            raise
        except TrustError as changed:
            changed.answers = ("machines.replaced",)
            raise
    return connections[address]


def login(ctx: Context, address: str, keys: tuple[HostKey, ...]) -> Login:
    """How to log in at `address`, from the answers of the step Machines."""
    from steps.machines import QUESTIONS  # the step defines the questions, this module reads their answers

    given = ctx.answers["machines"]

    def secret(key: str) -> Secret | None:
        return ctx.secret("machines", QUESTIONS[key]) if given.get(key) else None

    own = ctx.state.path.parent / "id_ed25519"
    files = [str(own)] if own.exists() else []
    let_in = own.exists() and ctx.state.recall("machines", address, "hostname")  # then no other key is needed
    files += [given["key_file"]] if given.get("key_file") else []
    return Login(
        address, given["user"], keys, ctx.name_of(address), tuple(files),
        key_passphrase=None if let_in else secret("key_passphrase"), password=secret("password"),
        sudo_password=secret("sudo_password"),
    )  # fmt: skip


def drop(ctx: Context, address: str) -> None:
    """Closes the connection to `address`; the next one is opened with what is pinned then."""
    if connection := ctx.scratch.get("hosts", {}).pop(address, None):
        connection.close()


def close_all(ctx: Context) -> None:
    """Closes every connection of this run."""
    for connection in ctx.scratch.pop("hosts", {}).values():
        connection.close()
