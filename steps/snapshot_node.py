"""What of etcd's snapshots is on a node, what is to be there, and the scripts that bring it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from steps import nodes, ops
from wizard import assets
from wizard.context import Context
from wizard.host.base import HostKey
from wizard.host.facts import read_number, read_pairs, sections
from wizard.question import Answers

SNAPSHOT, RESTORE = "/usr/local/sbin/homelab-etcd-snapshot", "/usr/local/sbin/homelab-etcd-restore"
TOOLS = "/usr/local/lib/homelab/etcd-tools.sh"
SETTINGS = "/etc/homelab/snapshots.conf"
KEY, PUBLIC_KEY = "/etc/homelab/snapshots-key", "/etc/homelab/snapshots-key.pub"
KNOWN_HOSTS = "/etc/homelab/snapshots-known-hosts"
SERVICE, TIMER = "homelab-etcd-snapshot.service", "homelab-etcd-snapshot.timer"
UNITS = "/etc/systemd/system"
NEW_KEYS = "snapshot-keys"  # where this run keeps the public keys that it made
RECEIVE = "/usr/local/sbin/homelab-snapshot-receive"
NOWHERE = "none"  # the answer that there is to be no second place
AUTHORIZED = "/var/lib/homelab-snapshots/.ssh/authorized_keys"


@dataclass(frozen=True)
class Place:
    """Where snapshots are kept beside the node that takes them: another Pi, a folder on another disk, or nowhere."""

    kind: Literal["ssh", "folder", "none"]
    to: str = ""  # the Pi's address, or the folder


def place(answers: Answers, head: str) -> Place:
    """The second place of `head`'s snapshots: what is answered; for the Pi named there, the first other one. Pure.

    Without an answer, which a single Pi may have none of, it is the first other Pi once there is one.
    """
    wanted = str(answers.get("snapshots", {}).get("to") or "")
    if wanted == NOWHERE:
        return Place("none")
    if wanted.startswith("/"):
        return Place("folder", wanted)
    others = [address for address in nodes.addresses(answers) if address != head]
    if not others:
        return Place("none")
    return Place("ssh", wanted if wanted in others else others[0])


# -- what is there ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NodeLook:
    """What one node said."""

    etcd: bool = False  # it runs a member of etcd
    now: int = 0  # its clock, in seconds
    files: Mapping[str, str] = field(default_factory=dict)  # path -> text without newlines at its ends
    timer: Mapping[str, str] = field(default_factory=dict)  # systemd's properties
    failed: str = ""  # why the last snapshot failed; empty when it did not
    last: Mapping[str, str] = field(default_factory=dict)  # the newest snapshot that came to its place
    store: frozenset[str] = frozenset()  # what other nodes have stored here
    folder: frozenset[str] = frozenset()  # what lies in the folder that was asked about
    same_disk: bool | None = None  # whether that folder is on the node's own disk; None: there is no such folder

    @property
    def ticking(self) -> bool:
        """Whether the timer is on, now and after a reboot, and as its file says."""
        wanted = {"ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no"}
        return all(self.timer.get(key, value) == value for key, value in wanted.items()) and bool(self.timer)


def look(ctx: Context, address: str, folder: str = "") -> NodeLook:
    """Reads what is on the node at `address`; `folder` is the second place when it is a folder of that node."""
    return parse(ops.run(ctx, address, "snapshots/look", *([folder] if folder else [])).out)


def parse(output: str) -> NodeLook:
    """What the script `snapshots/look` says. Pure."""
    raw = sections(output)
    files = {name.removeprefix("file "): text for name, text in raw.items() if name.startswith("file ") and text}
    timer, service = read_pairs(raw.get("timer", "")), read_pairs(raw.get("service", ""))
    failed = service.get("ActiveState") == "failed" or service.get("Result", "success") != "success"
    device = raw.get("device", "").strip()
    return NodeLook(
        etcd=bool(raw.get("etcd", "").strip()), now=read_number(raw.get("now", "").partition(".")[0]), files=files,
        timer={} if timer.get("LoadState") == "not-found" else timer,
        failed=(raw.get("why", "").strip() or "the unit gave no reason") if failed else "",
        last=read_pairs(raw.get("last", "")), store=frozenset(raw.get("store", "").split()),
        folder=frozenset(raw.get("folder", "").split()),
        same_disk=device == raw.get("own-device", "").strip() if device else None,
    )  # fmt: skip


# -- what is to be there ---------------------------------------------------------------------------------


def sender_files(to: Place, keys: Sequence[HostKey], every_hours: int, keep: int) -> dict[str, tuple[str, str]]:
    """Files of a control plane: path -> text, mode. `keys` are the receiver's pinned host keys. Pure."""
    timer = assets.text(f"node/snapshots/{TIMER}").replace("EVERY", str(every_hours))
    found = {
        TOOLS: (assets.text("node/snapshots/tools.sh"), "0644"),
        SNAPSHOT: (assets.text("node/snapshots/snapshot.sh"), "0755"),
        RESTORE: (assets.text("node/snapshots/restore.sh"), "0755"),
        SETTINGS: (f"# Written by homelab.\nKEEP={keep}\nPLACE={to.kind}\nTO={to.to}\n", "0600"),
        f"{UNITS}/{SERVICE}": (assets.text(f"node/snapshots/{SERVICE}"), "0644"),
        f"{UNITS}/{TIMER}": (timer, "0644"),
    }
    if to.kind == "ssh":
        found[KNOWN_HOSTS] = ("".join(f"{to.to} {key.kind} {key.base64}\n" for key in keys), "0644")
    return found


def authorized(senders: Mapping[str, str], keep: int) -> str:
    """The receiver's authorized_keys: each sender's key may store its snapshots, nothing else. Pure.

    `senders` are the public keys by hostname.
    """
    lines = (f'restrict,command="{RECEIVE} {name} {keep}" {key}\n' for name, key in sorted(senders.items()))
    return "# Written by homelab.\n" + "".join(lines)


def differing(wanted: Mapping[str, tuple[str, str]], found: NodeLook) -> list[str]:
    """The paths whose text is not the wanted one. Pure."""
    return [path for path, (text, _) in wanted.items() if text.strip("\n") != found.files.get(path, "")]


# -- bringing it there -----------------------------------------------------------------------------------


def make_key(ctx: Context, address: str, name: str) -> None:
    """Puts a new SSH key pair on the node; it opens nothing but the receiver's account."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    pair = ed25519.Ed25519PrivateKey.generate()
    private = pair.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = pair.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    ops.write_file(ctx, address, KEY, private.decode(), "0600")
    line = f"{public.decode()} snapshots of {name}"
    ops.write_file(ctx, address, PUBLIC_KEY, line)
    ctx.scratch.setdefault(NEW_KEYS, {})[name] = line  # the receiver's lane may not ask this host meanwhile


def install(ctx: Context, address: str, files: Mapping[str, tuple[str, str]]) -> None:
    """Writes what a control plane needs, and switches the timer on."""
    for path, (text, mode) in files.items():
        ops.write_file(ctx, address, path, text, mode)
    ops.run(ctx, address, "snapshots/timer")


def admit(ctx: Context, address: str, senders: Mapping[str, str], keep: int) -> None:
    """Lets `senders` (public keys by hostname; empty: made in this run) store snapshots on the node at `address`."""
    keys = {name: key or ctx.scratch[NEW_KEYS][name] for name, key in senders.items()}
    ops.run(ctx, address, "snapshots/account")
    ops.write_file(ctx, address, RECEIVE, assets.text("node/snapshots/receive.sh"), "0755")
    ops.write_file(ctx, address, AUTHORIZED, authorized(keys, keep))
