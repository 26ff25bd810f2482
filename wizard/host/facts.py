"""What a host's raw outputs mean: one pure function for each, from text to a plain value.

The script `facts` prints sections, each begun by a line ``@@ NAME``; `sections` takes them apart. A reader gets
a section's text, which may be empty, cut short or from a program nobody has seen; it then returns its "nothing
known" value (empty, 0 or None) instead of raising.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def sections(output: str) -> dict[str, str]:
    """The sections of `output` by name, without newlines at their ends. What stands before the first is left out."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in output.splitlines():
        if line.startswith("@@ "):
            lines = found.setdefault(line[3:].strip(), [])
        else:
            lines.append(line)
    return {name: "\n".join(lines).strip("\n") for name, lines in found.items()}


def read_word(text: str) -> str:
    """The first word: a hostname, an id, an architecture."""
    return (text.split() or [""])[0]


def read_host_keys(text: str) -> tuple[str, ...]:
    """Public keys of an SSH server, one a line as in ``ssh_host_*_key.pub``, without the comments at their ends."""
    words = (line.split() for line in text.splitlines())
    return tuple(f"{word[0]} {word[1]}" for word in words if len(word) >= 2 and word[0].startswith(("ssh-", "ecdsa-")))


def read_number(text: str) -> int:
    word = read_word(text)
    return int(word) if word.isascii() and word.isdigit() else 0


def read_pairs(text: str) -> dict[str, str]:
    """Lines ``KEY=value`` (os-release, systemctl show, timedatectl show), quotes taken off."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def read_model(text: str) -> str:
    """The device tree's model, such as ``Raspberry Pi 5 Model B Rev 1.0``; empty on other machines."""
    return text.replace("\0", "").strip()


def read_memory(text: str, key: str = "MemTotal") -> int:
    """Bytes, from /proc/meminfo's kB."""
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.M)
    return int(found[1]) * 1024 if found else 0


def read_disk_free(text: str) -> int:
    """Available bytes, from ``df -P -B1``."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= 6 and words[-3].isdigit():
            return int(words[-3])
    return 0


def read_default_interface(text: str) -> str:
    """The interface of the default route with the lowest metric, from ``ip -4 route show default``."""
    routes: list[tuple[int, str]] = []
    for line in text.splitlines():
        if device := re.search(r"\bdev (\S+)", line):
            metric = re.search(r"\bmetric (\d+)", line)
            routes.append((int(metric[1]) if metric else 0, device[1]))
    return min(routes, key=lambda route: route[0])[1] if routes else ""


def read_mac(text: str, interface: str) -> str:
    """The MAC address of `interface`, from ``ip -o link show``."""
    found = re.search(rf"^\d+: {re.escape(interface)}(?:@\S+)?: .*?link/ether ([0-9a-f:]{{17}})", text, re.M)
    return found[1] if interface and found else ""


@dataclass(frozen=True)
class Address:
    """An IPv4 address of a host. `dynamic` when it is a DHCP lease."""

    interface: str
    ip: str
    prefix: int
    dynamic: bool


def read_addresses(text: str) -> tuple[Address, ...]:
    """The global IPv4 addresses, from ``ip -o -4 addr show``."""
    found = re.finditer(r"^\d+: (\S+)\s+inet ([\d.]+)/(\d+) (.*)$", text, re.M)
    return tuple(
        Address(m[1], m[2], int(m[3]), " dynamic" in m[4]) for m in found if " host " not in m[4] and m[1] != "lo"
    )


def read_clock(text: str) -> float:
    """Seconds since 1970, from ``date +%s.%N``."""
    found = re.match(r"\d+(\.\d+)?", text.strip())
    return float(found[0]) if found else 0.0


def read_synchronised(timedatectl: str, chrony: str) -> bool:
    """Whether the clock is in step with a time server: systemd's word, or chrony's own."""
    if read_pairs(timedatectl).get("NTPSynchronized") == "yes":
        return True
    tracking = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in chrony.splitlines())}
    return tracking.get("Leap status") == "Normal" and not tracking.get("Reference ID", "00000000").startswith(
        "00000000"
    )


def read_throttled(text: str) -> int | None:
    """The bits of ``vcgencmd get_throttled``; None when there is no such program."""
    found = re.search(r"throttled=(0x[0-9a-fA-F]+)", text)
    return int(found[1], 16) if found else None


CMDLINE_AB = "/boot/firmware/current/cmdline.txt"  # Ubuntu since 25.10: what it has booted from
_CMDLINES = (CMDLINE_AB, "/boot/firmware/cmdline.txt", "/boot/cmdline.txt")


def read_cmdline_file(files: Mapping[str, str]) -> str:
    """The file that holds the kernel's command line, by its content: Raspberry Pi OS 12 leaves a note that nobody reads
    at the old place. Where none looks like one, the first that is there; empty when there is none at all."""
    there = [path for path in _CMDLINES if path in files]
    return next((path for path in there if is_cmdline(files[path])), there[0] if there else "")


def is_cmdline(text: str) -> bool:
    """Whether `text` is a kernel's command line: only its first line counts, and that names a root file system."""
    return any(word.startswith("root=") for word in (text.splitlines() or [""])[0].split())


def read_memory_cgroup(controllers: str, cgroups: str) -> bool:
    """Whether the memory cgroup is on. Version 2's list decides where there is one: 6.12 and newer kernels no longer
    name memory in /proc/cgroups. Elsewhere it is the last column of version 1's table."""
    if controllers.strip():
        return "memory" in controllers.split()
    return any(line.split()[0] == "memory" and line.split()[-1] == "1" for line in cgroups.splitlines() if line.split())


def read_swaps(text: str) -> tuple[str, ...]:
    """What is swapped to, from /proc/swaps."""
    return tuple(line.split()[0] for line in text.splitlines()[1:] if line.split())


def read_packages(text: str) -> dict[str, tuple[str, bool]]:
    """Installed packages: name -> version and whether it is held. From dpkg-query: ``name version status``."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[2][1:2] == "i":
            found[words[0]] = (words[1], words[2][0] == "h")
    return found


def read_table(text: str, divider: str = "=") -> dict[str, str]:
    """Lines ``key = value``, as sysctl prints them."""
    pairs = (line.partition(divider) for line in text.splitlines() if divider in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def read_ca_hash(pem: str) -> str:
    """kubeadm's name for a cluster's CA: ``sha256:`` of the certificate's public key. Empty when there is none."""
    if "BEGIN CERTIFICATE" not in pem:
        return ""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return ""
    return "sha256:" + hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_json(text: str) -> dict[str, Any] | None:
    """An object, or None for anything else."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
