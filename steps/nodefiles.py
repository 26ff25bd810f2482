"""The texts of a node's system files, before and after. Pure: from a text to a text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

API_NAME = "homelab-api"  # the cluster's API on every node, whichever control planes there are
# Containers' file systems, bridged packets to iptables, the pod network, and what kube-proxy counts connections with:
# it sets limits of nf_conntrack when it starts, before any rule has made the kernel load it.
MODULES = ("overlay", "br_netfilter", "vxlan", "nf_conntrack")
SYSCTL = {
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
    "net.bridge.bridge-nf-call-ip6tables": "1",
}
_BEGIN, _END = "# begin homelab", "# end homelab"
_OFF = "# off for Kubernetes (homelab): "


def cmdline(text: str, setting: str = "cgroup_enable=memory") -> str:
    """The kernel's command line with `setting` at its end, where it wins over what others say before it.

    Only the first line is touched: the kernel never sees another.
    """
    first, *others = text.splitlines() or [""]
    words = [word for word in first.split() if word != setting]
    return "\n".join([" ".join([*words, setting]), *others])


def has_setting(text: str) -> bool:
    """Whether a kernel with this command line switches its memory cgroup on.

    It sees the first line only, and the last word there counts.
    """
    words = [word.partition("=") for word in (text.splitlines() or [""])[0].split()]
    said = [name for name, _, of in words if name in ("cgroup_enable", "cgroup_disable") and "memory" in of.split(",")]
    return said[-1:] == ["cgroup_enable"]


def fstab(text: str) -> str:
    """fstab with its swap lines switched off."""
    return "\n".join(_OFF + line if _is_swap(line) else line for line in text.splitlines())


def _is_swap(line: str) -> bool:
    words = line.split()
    return len(words) >= 3 and not words[0].startswith("#") and words[2] == "swap"


def rpi_swap(text: str) -> str:
    """Raspberry Pi OS' /etc/rpi/swap.conf with ``Mechanism=none``; every other setting stays."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*Mechanism\s*=", line)]
    mains = [number for number, line in enumerate(lines) if line.strip() == "[Main]"]
    if not mains:
        return "\n".join([*lines, "[Main]", "Mechanism=none"])
    return "\n".join([*lines[: mains[0] + 1], "Mechanism=none", *lines[mains[0] + 1 :]])


def rpi_swap_addition(text: str) -> str:
    """A file of /etc/rpi/swap.conf.d, which has the last word, without another mechanism than none."""
    return re.sub(r"^\s*Mechanism\s*=.*$", "Mechanism=none", text, flags=re.M)


def zram_generator(text: str) -> str:
    """zram-generator.conf without compressed swap; a device that carries a file system stays.

    A file without any device has a purpose: it takes the place of the one in /usr, which has a device for swap.
    """
    sections = re.split(r"^(?=\[)", text, flags=re.M)
    kept = [section for section in sections if not section.startswith("[zram") or _has_file_system(section)]
    return "".join(kept).rstrip("\n") or "# Written by homelab: no compressed swap, Kubernetes does not want any."


def _has_file_system(section: str) -> bool:
    return bool(re.search(r"^\s*(mount-point\s*=|fs-type\s*=\s*(?!swap))", section, re.M))


def hosts(text: str, api_addresses: Sequence[str], hostname: str) -> str:
    """/etc/hosts with the API's name for each control plane, and the host's own where nothing says it. The rest stays.

    The first address that answers is taken, in the order given.
    """
    before, _, rest = text.partition(_BEGIN + "\n")
    after = (rest.partition(_END)[2] if _END in rest else rest).lstrip("\n")
    others = before.rstrip("\n") + ("\n" + after if after else "")
    others = "\n".join(line for line in others.split("\n") if line.split()[1:] != [API_NAME])  # or that one would count
    own = [f"{address} {API_NAME}" for address in api_addresses]
    if hostname and hostname not in _names(others):
        own.append(f"127.0.1.1 {hostname}")
    return "\n".join([others.rstrip("\n"), _BEGIN, *own, _END]).lstrip("\n")


def _names(text: str) -> set[str]:
    return {name for line in text.splitlines() for name in line.partition("#")[0].split()[1:]}


def modules_file() -> str:
    return "\n".join(["# Written by homelab: what Kubernetes needs of the kernel.", *MODULES])


def sysctl_file() -> str:
    return "\n".join(
        ["# Written by homelab: what Kubernetes needs of the network.", *(f"{k} = {v}" for k, v in SYSCTL.items())]
    )


def containerd_config(template: str, pause: str) -> str:
    """containerd's configuration: the asset, with the pause image that this Kubernetes version wants."""
    return re.sub(r"^  sandbox = .*$", f"  sandbox = '{pause}'", template, flags=re.M).rstrip("\n")


def containerd_extra(settings: Mapping[str, Any]) -> str:
    """The person's own containerd settings as a file that containerd's configuration includes."""
    return "\n".join(["# Written by homelab from the answer containerd_extra.", *toml({"version": 3, **settings})])


def registry_mirror(url: str) -> str:
    """``hosts.toml`` for every registry: ask the mirror first."""
    host = {"host": {url: {"capabilities": ["pull", "resolve"]}}}
    return "\n".join(["# Written by homelab: every image is asked for here first.", *toml(host)])


def toml(table: Mapping[str, Any], path: Sequence[str] = ()) -> list[str]:
    """`table` as lines of TOML; plain values first, then the tables in it. Empty tables and None are left out."""
    values = {k: v for k, v in table.items() if not isinstance(v, Mapping) and v is not None}
    lines = [f"{_toml_key(key)} = {_toml_value(value)}" for key, value in values.items()]
    if path and lines:
        lines = ["", "[" + ".".join(map(_toml_key, path)) + "]", *lines]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += toml(value, [*path, key])
    return lines


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml_key(k)} = {_toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return json.dumps(value)
