"""What apt, dpkg, kubeadm and containerd print on a Pi when something fails, and what to do. The words are theirs.

Sources: apt 2.6 to 3.0, dpkg 1.21 and 1.22, kubeadm 1.36, containerd 2.x, glibc's and Go's resolvers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wizard.errors import CommandFailed

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_REASON = re.compile(r"E: |dpkg: error|\[ERROR ")


@dataclass(frozen=True)
class Known:
    """The sentences may hold {host}, {said}, the line with the words, and {it}, what the pattern's group has found."""

    pattern: str
    what: str
    fix: str
    why: str = "It says: {said}"


_LINE = (
    "Look at the Pi's cable or Wi-Fi, and whether the internet can be reached from it: ping -c 3 1.1.1.1. Then try "
    "again; what it has already is not fetched again."
)
KNOWN = (
    Known(r"No space left on device|enough free space|[Dd]isk quota exceeded", "There is no room left on {host}.",
          "See what fills it (df -h, and sudo du -xh / | sort -h | tail), make room (sudo apt clean) or take a larger"
          " card. Then try again."),
    Known(r"Read-only file system", "Nothing can be written on {host}: its disk can only be read.",
          "A card that wears out, or too weak a power supply, does that: sudo dmesg | tail tells. Reboot the Pi, take"
          " another card when it comes again, and try again."),
    Known(r"Could not get lock|dpkg frontend lock|is another process using it",
          "Another program is installing packages on {host}.",
          "Five minutes have been waited for it. Let it come to its end (ps -e | grep -E 'apt|dpkg'), then try again."),
    Known(r"dpkg was interrupted", "An earlier installation on {host} was cut off.",
          "On the Pi: sudo dpkg --configure -a. Then try again."),
    Known(r"not yet valid|is not valid yet|has expired or is not", "The clock of {host} may be wrong.",
          "On the Pi, timedatectl shows its time; it takes some minutes after a boot to be set. Then try again."),
    Known(r"NO_PUBKEY|EXPKEYSIG|(?<!kubeadm )is not signed|couldn't be verified",
          "{host} can't trust one of its package repositories.",
          "Trying again renews the keys of those that the wizard has set up. Take another one out of"
          " /etc/apt/sources.list.d, or renew its key."),
    Known(r"Hash Sum mismatch|unexpected size", "A package repository is being updated just now.",
          "Try again in some minutes."),
    Known(r"toomanyrequests|429 Too Many Requests", "The registry gives nothing more out to your home for a while.",
          "Wait an hour, then try again; what the Pi has already is not fetched again."),
    Known(r"validate the identity of the API Server|dial tcp \S+:6443", "{host} does not reach the control plane.",
          "Are both switched on and in the same network, without a firewall before port 6443? Then try again."),
    Known(r"\[ERROR Port-\d+\]: Port (\d+) is in use", "Port {it} of {host} is taken, and Kubernetes needs it.",
          "See who has it (sudo ss -ltnp 'sport = :{it}') and stop that program; what an earlier Kubernetes left goes"
          " with sudo kubeadm reset. Then try again."),
    Known(r"\[ERROR CRI\]", "containerd does not answer on {host}.",
          "On the Pi, sudo systemctl status containerd tells more. Then try again."),
    Known(r"(?:localhost|127\.0\.0\.1):10248", "kubelet does not come up on {host}.",
          "On the Pi, sudo journalctl -u kubelet -n 50 tells why. Then try again."),
    Known(r"wait-control-plane", "The control plane on {host} did not come up in time.",
          "On the Pi, sudo crictl ps -a and sudo journalctl -u kubelet -n 50 tell why. Then try again: it goes on from"
          " there."),
    Known(r"unmet dependencies|held broken packages", "The packages on {host} do not go together.",
          "On the Pi, sudo apt --fix-broken install tells more. Then try again."),
    Known(r"Temporary failure (?:resolving|in name resolution)|Could not resolve|no such host|server misbehaving",
          "{host} can't look up a name on the internet.",
          "Can the Pi reach its DNS server? cat /etc/resolv.conf names it: usually your router or a Pi-hole. Look at"
          " that and at the line to the internet, then try again."),
    Known(r"Could not connect to|Unable to connect to|[Cc]onnection timed out|[Cc]onnection refused|i/o timeout"
          r"|Network is unreachable|network is unreachable|[Nn]o route to host|TLS handshake timeout"
          r"|context deadline exceeded|Connection failed", "{host} could not fetch what it needs from the internet.",
          _LINE),
    Known(r"404 +Not Found|does not have a Release file", "A package repository of {host} lacks what it is to have.",
          "Its address in /etc/apt/sources.list.d may be wrong, or a mirror is not complete. Then try again."),
    Known(r"Failed to fetch|failed to pull", "{host} could not fetch what it needs from the internet.", _LINE),
    Known(r"\[ERROR ([^\]]+)\]", "kubeadm does not take {host} as it is.",
          "Put it right on the Pi and try again. What you know better, name in the answer"
          " control-plane.ignore_preflight: {it}."),
)  # fmt: skip
LAST = (
    Known(r"Version '.*' for '.*' was not found|Unable to locate package|no installation candidate",
          "{host} does not find a package that it needs.",
          "Its lists of packages may be old or not complete: sudo apt update shows whether all can be fetched. Then try"
          " again."),
)  # fmt: skip
"""What is only said when nothing else is: a list that could not be fetched lacks the package, too."""


def reasons(output: str) -> list[str]:
    """The lines in which apt, dpkg and kubeadm say what went wrong; empty when there are none. Pure."""
    said = _lines(output)
    found = [line for line in said if _REASON.match(line)] or [line for line in said if line.startswith("error:")]
    return list(dict.fromkeys(found))


def explain(error: CommandFailed, host: str) -> None:
    """Says in `error` what happened on `host`, why, and what to do, where its words are known."""
    said = reasons(error.output)
    error.host, error.why = host, " | ".join(said[:4]) or error.why
    for known, lines in ((KNOWN, said), (KNOWN, _lines(error.output)), (LAST, said)):
        if matched := _first(known, lines):
            one, line, it = matched
            words = {"host": host, "said": " | ".join(said[:4]) if line in said else line, "it": it}
            error.what, error.why, error.fix = (text.format(**words) for text in (one.what, one.why, one.fix))
            error.host = None  # the sentence names it
            return


def _first(known: Sequence[Known], lines: Sequence[str]) -> tuple[Known, str, str] | None:
    """The first of `known` that is in one of `lines`, that line, and what the pattern's group has found there."""
    for one in known:
        for line in lines:
            if found := re.search(one.pattern, line):
                return one, line, found[1] if found.re.groups else ""
    return None


def _lines(output: str) -> list[str]:
    return [_COLOUR.sub("", line).strip() for line in output.splitlines()]
