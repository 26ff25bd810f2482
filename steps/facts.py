"""What the Pis look like now: one script a host and round, side by side, read by pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steps import nodes
from wizard import assets
from wizard.context import Context
from wizard.host import facts as read
from wizard.host.base import Script
from wizard.host.certificates import Certificate, read_certificates


@dataclass(frozen=True)
class NodeFacts:
    """One Pi as it is now. Empty, 0 or None where it did not say."""

    address: str
    hostname: str = ""
    machine_id: str = ""
    host_keys: tuple[str, ...] = ()  # its SSH server's public keys: "ssh-ed25519 AAAA…"
    boot_id: str = ""
    model: str = ""
    is_pi: bool = False
    arch: str = ""  # dpkg's: arm64, amd64, armhf
    long_bits: int = 0
    page_size: int = 0
    kernel: str = ""
    os_id: str = ""  # debian, ubuntu, raspbian
    os_version: str = ""  # 12, 24.04
    os_codename: str = ""  # bookworm, trixie, noble
    memory_bytes: int = 0
    cores: int = 0
    disk_free_bytes: int = 0
    root_source: str = ""  # /dev/mmcblk0p2
    default_interface: str = ""  # of the default route; without one, the interface that holds `address`
    default_mac: str = ""
    ips: tuple[str, ...] = ()
    addresses: tuple[read.Address, ...] = ()
    clock_unix: float = 0.0
    ntp_synchronised: bool = False
    throttled: int | None = None
    swaps: tuple[str, ...] = ()
    cmdline: str = ""  # what the kernel was started with
    cmdline_file: str = ""  # where it can be changed; empty when there is no such file
    memory_cgroup: bool = False
    modules: frozenset[str] = frozenset()
    modules_missing: tuple[str, ...] = ()  # those that can't be loaded, and the folder of modules when that is missing
    sysctl: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, tuple[str, bool]] = field(default_factory=dict)  # name -> version, held
    apt_sources: tuple[str, ...] = ()  # "/etc/apt/sources.list:deb http://…", one for each entry
    dpkg_unfinished: str = ""
    apt_lock_holder: str = ""  # "812 /usr/bin/apt-get upgrade"
    units: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # existing systemd units -> properties
    containerd_stale: bool = False  # its configuration is newer than the process
    files: Mapping[str, str] = field(default_factory=dict)  # path -> text without newlines at its end
    keyrings: Mapping[str, str] = field(default_factory=dict)  # path -> base64
    etcd_data: bool = False
    kubelet_config: bool = False  # kubeadm has begun to configure kubelet
    api_server: bool = False  # a control plane's static pod is there
    kubelet_conf: bool = False  # this node has joined, or has begun to
    bootstrap_conf: bool = False  # joining has begun and not ended
    admin_conf: bool = False
    listens_6443: bool = False  # something serves the port of a Kubernetes API
    api_answers: bool = False  # the API on this Pi answers its administrator
    addons: tuple[str, ...] = ()  # what is there of kubeadm's last phases: daemonset.apps/kube-proxy, node/NAME
    ca_hash: str = ""
    certificates: tuple[Certificate, ...] = ()  # of a control plane
    tailscale: Mapping[str, Any] | None = None

    def active(self, unit: str) -> bool:
        """Whether the systemd service `unit` runs."""
        return self.units.get(f"{unit}.service", {}).get("ActiveState") == "active"

    @property
    def in_a_cluster(self) -> bool:
        """Whether anything of a cluster is on this Pi, finished or not."""
        configured = self.kubelet_conf or self.kubelet_config or self.admin_conf
        return configured or self.etcd_data or self.api_server or self.listens_6443

    def installed(self, package: str) -> str:
        """The installed version of `package`, or an empty text."""
        return self.packages.get(package, ("", False))[0]


def parse(address: str, output: str) -> NodeFacts:
    """The facts in the output of the script `facts`. Pure; never raises."""
    # long because: one entry a fact, and nothing else
    raw = read.sections(output)

    def text(name: str) -> str:
        return raw.get(name, "")

    system = read.read_pairs(text("os-release"))
    model = read.read_model(text("model"))
    addresses = read.read_addresses(text("address"))
    reached = next((a.interface for a in addresses if a.ip == address), "")
    interface = read.read_default_interface(text("route")) or reached
    present = text("kubernetes").split()
    files = _named(raw, "file")
    return NodeFacts(
        address=address, hostname=read.read_word(text("hostname")), machine_id=read.read_word(text("machine-id")),
        host_keys=read.read_host_keys(text("host-keys")), boot_id=read.read_word(text("boot-id")),
        model=model, is_pi=model.startswith("Raspberry Pi"),
        arch=read.read_word(text("arch")), long_bits=read.read_number(text("long-bits")),
        page_size=read.read_number(text("page-size")), kernel=read.read_word(text("kernel")),
        os_id=system.get("ID", ""), os_version=system.get("VERSION_ID", ""),
        os_codename=system.get("VERSION_CODENAME", ""), memory_bytes=read.read_memory(text("memory")),
        cores=read.read_number(text("cores")), disk_free_bytes=read.read_disk_free(text("disk")),
        root_source=read.read_word(text("root")), default_interface=interface,
        default_mac=read.read_mac(text("link"), interface), ips=tuple(a.ip for a in addresses), addresses=addresses,
        clock_unix=read.read_clock(text("clock")),
        ntp_synchronised=read.read_synchronised(text("timedatectl"), text("chrony")),
        throttled=read.read_throttled(text("throttled")), swaps=read.read_swaps(text("swaps")),
        cmdline=text("cmdline").strip(), cmdline_file=read.read_cmdline_file(files),
        memory_cgroup=read.read_memory_cgroup(text("cgroup-controllers"), text("proc-cgroups")),
        modules=frozenset(text("modules").split()), modules_missing=tuple(text("modules-missing").split()),
        sysctl=read.read_table(text("sysctl")),
        packages=read.read_packages(text("packages")), apt_sources=tuple(text("apt-sources").splitlines()),
        dpkg_unfinished=text("dpkg-unfinished"),
        apt_lock_holder=text("apt-lock").partition("\n")[0].strip(),
        units={name: read.read_pairs(value) for name, value in _named(raw, "unit").items()},
        containerd_stale=bool(text("containerd-stale").strip()), files=files,
        keyrings={path: value.strip() for path, value in _named(raw, "keyring").items()},
        etcd_data="etcd-data" in present, kubelet_config="kubelet-config" in present,
        api_server="manifests/kube-apiserver.yaml" in present,
        kubelet_conf="kubelet.conf" in present or "bootstrap-kubelet.conf" in present,
        bootstrap_conf="bootstrap-kubelet.conf" in present, admin_conf="admin.conf" in present,
        listens_6443="listens-6443" in present,
        api_answers="api" in text("addons").split(), addons=tuple(w for w in text("addons").split() if "/" in w),
        ca_hash=read.read_ca_hash(text("ca-crt")), certificates=read_certificates(text("certificates")),
        tailscale=read.read_json(text("tailscale")),
    )  # fmt: skip


def _named(raw: Mapping[str, str], kind: str) -> dict[str, str]:
    """Sections that exist once for each file or unit: ``file /etc/hosts``."""
    return {name.partition(" ")[2]: value for name, value in raw.items() if name.startswith(f"{kind} ")}


def gather_one(ctx: Context, address: str) -> NodeFacts:
    """The facts of one host."""
    ctx.progress(address, "reading facts")

    def on_line(line: str) -> None:
        if line.startswith("waiting for "):  # for what an earlier run left at work
            ctx.progress(address, line)

    script = Script("facts", assets.text("node/facts.sh"), timeout=60)
    return parse(address, nodes.host(ctx, address).run(script, on_line=on_line).out)


def gather(ctx: Context, addresses: Sequence[str] | None = None) -> dict[str, NodeFacts]:
    """The facts of `addresses` (all chosen Pis when left out), side by side, control plane first."""
    chosen = nodes.addresses(ctx.answers) if addresses is None else addresses
    found = ctx.each(chosen, lambda address: gather_one(ctx, address))
    ctx.scratch.setdefault("memory", {}).update({address: facts.memory_bytes for address, facts in found.items()})
    return found


def memory(ctx: Context) -> Mapping[str, int]:
    """The memory in bytes of the Pis whose facts were gathered in this run, by address."""
    return dict(ctx.scratch.get("memory", {}))
