"""Cloned cards mended: a hostname, SSH host keys and a machine-id of its own for the Pi that shares another's.

A machine-id may change by the wizard's hand only, so the new one is written into the state before it is written to
the Pi, and the Pi is a stranger with any other. New host keys are read over the connection that is trusted already
and pinned before they are used. A run that is cut off anywhere is picked up by the next one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from steps import nodes, ops
from steps.facts import NodeFacts
from steps.health_finding import Finding
from wizard.context import Context
from wizard.errors import Unreachable, WizardError
from wizard.host import trust
from wizard.host.base import HostKey
from wizard.step import Change
from wizard.wait import until

SSH_SECONDS = 60.0
LABEL_MAX = 63
MACHINE_ID, REBOOT = "machines/mend-machine-id", "machines/mend-reboot"
Mending = Mapping[str, str]  # machine_id: the new one; boot_id: the boot in which it was written


def mending(ctx: Context, address: str) -> Mending:
    """What was begun with the machine-id of `address` and has not come to its end; empty when nothing was."""
    return ctx.state.recall("machines", address, "mending") or {}


def changes(
    machine: NodeFacts, found: Sequence[Finding], begun: Mending, names: Collection[str]
) -> tuple[list[Change], NodeFacts]:
    """The changes that mend `machine`, and the Pi as it will be, as far as that is known now. Pure.

    `MACHINE_ID` and `REBOOT` remember it by themselves. `names` are the hostnames in use.
    """
    mine = {finding.name: finding for finding in found if finding.address == machine.address}
    planned: list[Change] = []
    after = machine
    if finding := mine.get("hostname"):
        after = replace(machine, hostname=own_name(machine.hostname, machine.address, names))
        planned.append(_hostname(machine, after.hostname, finding))
    if finding := mine.get("host-key"):
        planned.append(_host_keys(machine, finding))
    if finding := mine.get("machine-id"):
        planned.append(_machine_id(machine, after.hostname, finding))
    elif begun and begun["machine_id"] == machine.machine_id and begun["boot_id"] == machine.boot_id:
        planned.append(_reboot(machine))
    return planned, after


def own_name(name: str, address: str, names: Collection[str]) -> str:
    """`name` with the end of `address`, as much of it as makes it unlike `names`: ``pi-12``, ``pi-1-12``. Pure."""
    label, dot, domain = name.partition(".")
    octets = address.split(".")
    for count in range(1, len(octets) + 1):
        end = "-".join(["", *octets[-count:]])
        new = f"{label[: LABEL_MAX - len(end) - len(dot + domain)]}{end}{dot}{domain}"
        if new not in names:
            break
    return new


def _hostname(machine: NodeFacts, new: str, finding: Finding) -> Change:
    address, old = machine.address, machine.hostname

    def do(ctx: Context) -> None:
        ops.run(ctx, address, "machines/hostname", new, old)

    return _change(
        "machines/mend-hostname", f"call it {new} instead of {old}", finding, do,
        "Kubernetes knows a node by its hostname. /etc/hostname and /etc/hosts are changed, and cloud-init is told.",
    )  # fmt: skip


def _host_keys(machine: NodeFacts, finding: Finding) -> Change:
    address = machine.address

    def do(ctx: Context) -> None:
        old = nodes.pinned_keys(ctx, address)
        new = _public_keys(ctx.name_of(address), ops.run(ctx, address, "machines/host-keys-new").out)
        nodes.pin(ctx, address, (*new, *old))  # whichever it shows when this is cut off
        ops.run(ctx, address, "machines/host-keys-use")
        nodes.drop(ctx, address)
        until(ctx, "its SSH server to show the new host key", lambda: _shows(ctx, address, new),
              deadline=SSH_SECONDS, host=address, fix="Look at its log on the Pi: journalctl -u ssh")  # fmt: skip
        nodes.pin(ctx, address, new)

    return _change(
        "machines/mend-host-key", "make SSH host keys of its own and pin those", finding, do,
        "With a shared key, one Pi can pass for the other. The new keys are read over the connection that you have "
        f"approved. Your own ssh will say that the key has changed; then: ssh-keygen -R {address}",
    )  # fmt: skip


def _public_keys(name: str, said: str) -> tuple[HostKey, ...]:
    lines = [line for line in said.splitlines() if line.partition(" ")[0] in trust.ALGORITHMS]
    found = sorted(map(trust.host_key, lines), key=lambda key: list(trust.ALGORITHMS).index(key.kind))
    if not found:
        raise WizardError(
            "No new SSH host key was made.", "sshd names none of a kind that can be trusted: ED25519, ECDSA, RSA.",
            "Make it one, on its own screen: sudo ssh-keygen -A && sudo systemctl restart ssh", host=name,
        )  # fmt: skip
    return tuple(found)


def _shows(ctx: Context, address: str, keys: tuple[HostKey, ...]) -> bool:
    """Whether the host lets us in showing one of `keys`. Any other key raises `TrustError`."""
    try:
        ctx.world.connect(nodes.login(ctx, address, keys)).close()
    except Unreachable:
        return False
    return True


def _machine_id(machine: NodeFacts, hostname: str, finding: Finding) -> Change:
    address = machine.address

    def do(ctx: Context) -> None:
        new = mending(ctx, address).get("machine_id") or uuid.uuid4().hex
        _begin(ctx, address, new, machine.boot_id)
        ops.run(ctx, address, "machines/machine-id", new)
        _reboot_it(ctx, address)
        finish(ctx, address, hostname, new)

    why = "systemd, its log and DHCP know a machine by its machine-id; it is read at start."
    if any(own.ip == address and own.dynamic for own in machine.addresses):
        why += f" DHCP may then give it another address: reserve {address} for {machine.default_mac or 'it'} first."
    return _change(MACHINE_ID, "make a machine-id of its own and reboot it", finding, do, why)


def _reboot(machine: NodeFacts) -> Change:
    """The end of a `_machine_id` that was cut off."""
    address = machine.address

    def do(ctx: Context) -> None:
        _reboot_it(ctx, address)
        finish(ctx, address, machine.hostname, machine.machine_id)

    return Change(REBOOT, "reboot it, for its new machine-id to be used", do, address)


def _begin(ctx: Context, address: str, machine_id: str, boot_id: str) -> None:
    ctx.state.remember("machines", address, "mending", value={"machine_id": machine_id, "boot_id": boot_id})


def finish(ctx: Context, address: str, hostname: str, machine_id: str) -> None:
    """Remembers who answers at `address`, and that nothing is being mended there."""
    ctx.state.remember("machines", address, "machine_id", value=machine_id)
    ctx.state.remember("machines", address, "hostname", value=hostname)
    if mending(ctx, address):
        ctx.state.remember("machines", address, "mending", value=None)


def _reboot_it(ctx: Context, address: str) -> None:
    ctx.progress(address, "rebooting")
    try:
        nodes.host(ctx, address).reboot(timeout=300)
    except Unreachable as error:
        error.fix += " With its new machine-id DHCP may have given it another address: the router's list shows it."
        raise


def _change(name: str, sentence: str, finding: Finding, do: Callable[[Context], None], why: str) -> Change:
    said = finding.sentence.removesuffix(".")
    detail = f"{why}\nIf that is meant to be so, name {finding.name} under machines.ignore_health."
    return Change(name, f"{sentence}: {said[:1].lower()}{said[1:]}", do, finding.address, danger=True, detail=detail)
