"""What of one Pi is not yet as it was before homelab, and the changes that give it back.

The originals are on the Pi itself (`assets/node/keep.sh`): they are the journal of what is to be undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from steps import nodes, ops, packages, tailnet_leave
from wizard.context import Context
from wizard.host import facts as read
from wizard.step import Change

UNIT = "homelab-reset"
REBOOT_SECONDS = 300.0


@dataclass(frozen=True)
class Left:
    """What is left to be given back on one Pi. Everything empty: nothing is."""

    address: str
    name: str = ""
    user: str = ""
    key: str = ""  # the wizard's public key, without its kind; empty when this computer has none
    originals: bool = False  # they are still there
    cluster: tuple[str, ...] = ()  # what there is of one
    tailnet: bool = False  # it is a member, with a Tailscale that came with homelab
    packages: tuple[str, ...] = ()  # "purge kubelet", "back runc 1.1.5", "hold socat"
    lost: tuple[str, ...] = ()  # packages that can't be had at their old version any more: "runc 1.1.5"
    files: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    booted: bool = False  # files and units were given back, and it has been started since
    given_back: bool = False
    known: bool = False  # the wizard's key still opens it

    @property
    def nothing(self) -> bool:
        return not (self.originals or self.cluster or self.known)


def parse(address: str, output: str) -> Left:
    """What the script `reset/look` printed. Pure."""
    raw = read.sections(output)

    def lines(name: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in raw.get(name, "").splitlines() if line.strip())

    return Left(
        address, originals=bool(lines("originals")), cluster=lines("cluster"), tailnet=bool(lines("tailnet")),
        packages=lines("packages"), lost=lines("lost"), files=lines("files"), units=lines("units"),
        given_back=bool(lines("given-back")), booted=lines("given-back") == ("earlier",), known=bool(lines("key")),
    )  # fmt: skip


def look(ctx: Context, address: str, user: str, key: str) -> str:
    """The output of the script `reset/look`, for `parse`."""
    ctx.progress(address, "looking at what has to be given back")
    return ops.run(ctx, address, "reset/look", user, key).out


def changes(left: Left) -> list[Change]:
    """What is left to do on this Pi, in order. Pure."""
    if left.nothing:
        return []
    found = []
    if left.cluster:
        sentence = "end what runs of the cluster: its pods, what they and Kubernetes stored here, its network"
        found.append(_change(left, "kubernetes", sentence, _detached(left, "reset/cluster")))
    if left.tailnet:
        leave: Callable[[Context], None] = lambda ctx: tailnet_leave.leave(ctx, left.address)  # noqa: E731
        found.append(_change(left, "tailnet", "leave the tailnet", leave))
    if left.packages:
        found.append(_change(left, "packages", packages_sentence(left.packages), _packages(left)))
    if left.originals and (found or left.files or left.units or not left.given_back):
        found.append(_change(left, "files", _files_sentence(left), _detached(left, "reset/files")))
    if left.originals and (found or not left.booted):
        sentence = "reboot, so that the kernel starts as it did before"
        found.append(_change(left, "reboot", sentence, _reboot(left)))
    sentence = "see that all is as it was, then take the wizard's own key and its folder away"
    return [*found, _change(left, "forget", sentence, _forget(left))]


def packages_sentence(lines: tuple[str, ...]) -> str:
    """``remove kubelet and kubeadm, put runc back``; for holds and marks alone, those. Pure."""
    words = [line.split() for line in lines]
    gone = [word[1] for word in words if word[0] in ("purge", "remove")]
    back = [word[1] for word in words if word[0] == "back"]
    parts = [f"remove {_names(gone)}"] if gone else []
    parts += [f"put {_names(back)} back"] if back else []
    return ", ".join(parts) or "give holds and marks of packages back"


def _files_sentence(left: Left) -> str:
    files, units = len(left.files), len(left.units)
    parts = [f"{files} file{'' if files == 1 else 's'}"] if files else []
    parts += [f"{units} service{'' if units == 1 else 's'}"] if units else []
    return f"give {' and '.join(parts) or 'files and services'} back as they were"


def _names(names: list[str], most: int = 6) -> str:
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _change(left: Left, name: str, sentence: str, do: Callable[[Context], None]) -> Change:
    return Change(f"reset/{name}", sentence, do, left.address)


def _detached(left: Left, script: str) -> Callable[[Context], None]:
    def do(ctx: Context) -> None:
        ops.detached(ctx, left.address, UNIT, script)

    return do


def _packages(left: Left) -> Callable[[Context], None]:
    def do(ctx: Context) -> None:
        packages.wait_until_free(ctx, left.address)
        ops.detached(ctx, left.address, UNIT, "reset/packages")
        now = parse(left.address, look(ctx, left.address, left.user, left.key))
        if now.lost:
            ctx.note(
                f"{left.name or left.address}: not at their old versions",
                "\n".join([*now.lost, "The package repositories of this Pi no longer have them."]),
            )

    return do


def _reboot(left: Left) -> Callable[[Context], None]:
    def do(ctx: Context) -> None:
        ctx.progress(left.address, "rebooting")
        nodes.host(ctx, left.address).reboot(timeout=REBOOT_SECONDS)

    return do


def _forget(left: Left) -> Callable[[Context], None]:
    def do(ctx: Context) -> None:
        ops.run(ctx, left.address, "reset/forget", left.user, left.key)

    return do
