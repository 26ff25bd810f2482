"""Which host keys to trust: what a host shows, held against what was approved, here or in a known_hosts file."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from steps import nodes
from wizard.context import Context
from wizard.errors import TrustError, Unreachable
from wizard.host import picture, trust
from wizard.host.base import HostKey
from wizard.step import Change

# Below a host key that is asked about: where the same picture can be seen without the network.
COMPARE = "On its own screen: ssh-keygen -lvf /etc/ssh/ssh_host_ed25519_key.pub"
_settling = threading.Lock()  # hosts take themselves out of one list, one after the other


@dataclass(frozen=True)
class Pin:
    """Host keys that would be pinned. `source` is the file that holds them already; empty on first sight."""

    address: str
    keys: tuple[HostKey, ...]
    source: str = ""
    was: tuple[HostKey, ...] = ()  # pinned until now: the host was re-flashed, the person says


def needed(ctx: Context, address: str) -> Pin | None:
    """What is to be pinned for `address`; None when that is done. Raises `Unreachable` or `TrustError`."""
    pinned = nodes.pinned_keys(ctx, address)
    if pinned and not is_replaced(ctx, address):
        return None
    ctx.progress(address, "asking for its host key")
    try:
        shown = ctx.world.host_keys(address)
    except Unreachable as nobody:
        nobody.fix = f"{nobody.fix} Or choose other hosts: {address} may be the address of no Pi.".lstrip()
        nobody.answers = ("machines.hosts",)
        raise
    if any(trust.same(one, other) for one in pinned for other in shown):
        return None
    return choose(ctx.name_of(address), address, shown, _known(ctx, address), pinned)


def is_replaced(ctx: Context, address: str) -> bool:
    return address in (ctx.answers.get("machines", {}).get("replaced") or [])


def settle(ctx: Context, address: str) -> None:
    """What is at `address` now was approved: the next time that something else is there, it is a surprise again."""
    with _settling:
        if is_replaced(ctx, address):
            left = [other for other in ctx.answers["machines"]["replaced"] if other != address]
            ctx.keep("machines", "replaced", left or None)


def choose(
    name: str, address: str, shown: tuple[HostKey, ...], known: list[trust.Known], was: tuple[HostKey, ...] = ()
) -> Pin:
    """The keys to pin out of those shown. Pure. The first file that knows the host decides.

    Raises `TrustError` for a revoked key and for a host that does not show what the file holds.
    """
    for file in known:
        for key in shown:
            if any(trust.same(key, bad) for bad in file.revoked):
                raise TrustError(
                    "This host shows a host key that was revoked.",
                    f"{trust.describe([key])} is revoked in {file.file}.",
                    "Do not use this host before it has a new key; find out why the old one was revoked.", host=name,
                )  # fmt: skip
    for file in known:
        if not file.keys:
            continue
        approved = tuple(key for key in shown if any(trust.same(key, good) for good in file.keys))
        others = {key.kind for key in shown if key not in approved}
        if not approved or others & {good.kind for good in file.keys} - {key.kind for key in approved}:
            then = f"remove the old key from that file with:\nssh-keygen -f {file.file} -R {address}"
            raise trust.changed(name, file.keys, shown, f"in {file.file}", then=f"{then}\n")
        return Pin(address, approved, file.file, was)
    best = [key for kind in trust.ALGORITHMS for key in shown if key.kind == kind]
    if not best:
        raise TrustError(
            "This host shows no host key of a kind that can be trusted.", "ED25519, ECDSA and RSA are.",
            "Make it new ones, on its own screen: sudo ssh-keygen -A && sudo systemctl restart ssh", host=name,
        )  # fmt: skip
    return Pin(address, (best[0],), "", was)  # the one that is shown to the person, and no other


def _known(ctx: Context, address: str) -> list[trust.Known]:
    """The file from the answers first, then the person's own and this computer's."""
    named = ctx.answers.get("machines", {}).get("known_hosts")
    files = [Path(named)] if named else []
    files += [ctx.world.home / ".ssh" / "known_hosts"]
    return [trust.known_hosts(file, address) for file in files]


def change(pin: Pin) -> Change:
    """Pins the keys. Dangerous unless a file holds them already: then somebody approved them before."""
    what = f"trust the SSH host key {trust.describe(pin.keys[:1])} of {pin.address}"
    if pin.was:
        what = f"forget the old host key {pin.was[0].fingerprint} of {pin.address} and {what}"
    where = f", which is in {pin.source}" if pin.source else ", seen now for the first time"

    def do(ctx: Context) -> None:
        if pin.was:  # another system: what was known of the old one no longer holds
            for key in ("hostname", "machine_id", "mending"):
                ctx.state.remember("machines", pin.address, key, value=None)
        nodes.pin(ctx, pin.address, pin.keys)
        settle(ctx, pin.address)

    danger = not pin.source or bool(pin.was)
    because = "It shows another key than before" if pin.was else "Only you can tell whether this is your Pi"
    detail = f"{COMPARE}\n{picture.draw(pin.keys[0])}" if danger else ""
    return Change(
        "machines/trust-host-key", what + where, do, pin.address, danger=danger, because=because, detail=detail
    )
