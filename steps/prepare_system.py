"""What the system of one Pi lacks before kubeadm can start. Pure: facts in, changes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from steps import facts as node_facts
from steps import nodefiles, ops, packages
from steps.facts import NodeFacts
from wizard.context import Context
from wizard.errors import Blocked
from wizard.host import facts as read
from wizard.step import Change
from wizard.wait import until

TIME_SERVICES = ("systemd-timesyncd", "chrony", "ntpsec", "ntp")
MODULES = "/etc/modules-load.d/homelab.conf"
SYSCTL = "/etc/sysctl.d/90-homelab.conf"
CMDLINE_NEXT = "/boot/firmware/new/cmdline.txt"  # of a new kernel: Ubuntu since 25.10 tries it at the next boot
RPI_SWAP = "/etc/rpi/swap.conf"
ZRAM_GENERATOR = "/etc/systemd/zram-generator.conf"
SWAP_UNITS = ("dphys-swapfile.service", "zramswap.service")
CLOUD_HOSTS = "/etc/cloud/templates/hosts.debian.tmpl"  # cloud-init may make /etc/hosts anew at each boot, out of this
TIME_SECONDS = 180.0


def changes(facts: NodeFacts, control_planes: Sequence[str]) -> Iterator[Change]:
    """What is left to do, in order. `control_planes` are the addresses at which the cluster's API will be."""
    if facts.dpkg_unfinished:
        yield Change(
            "prepare/dpkg", "finish the package installation that was interrupted",
            lambda ctx: packages.mend(ctx, facts.address), facts.address,
        )  # fmt: skip
    yield from _time(facts)
    yield from _memory_cgroup(facts)
    yield from _swap(facts)
    yield from _modules(facts)
    yield from _sysctl(facts)
    yield from _hosts(facts, control_planes)


def _time(facts: NodeFacts) -> Iterator[Change]:
    running = [name for name in TIME_SERVICES if facts.active(name)]
    if running and facts.ntp_synchronised:
        return
    timesyncd = facts.units.get("systemd-timesyncd.service", {})
    if running:
        sentence, service = f"wait until {running[0]} has set the clock", ""
    elif timesyncd and timesyncd.get("ConditionTimestampMonotonic", "0") == "0":
        sentence, service = "start systemd-timesyncd and wait until it has set the clock", "systemd-timesyncd"
    else:  # there is none, or it may not run in this kind of machine
        sentence, service = "install chrony and wait until it has set the clock", "chrony"

    def do(ctx: Context) -> None:
        if service == "chrony" and not facts.installed("chrony"):
            packages.install(ctx, facts.address, ["chrony"])
        if service:
            ops.run(ctx, facts.address, "prepare/time-service", service)
        wait_for_time(ctx, facts.address)

    yield Change("prepare/time", sentence, do, facts.address)


def wait_for_time(ctx: Context, address: str) -> None:
    """Waits until the clock is in step; certificates made with a wrong one would not be valid."""
    until(
        ctx, "the clock to be set by a time server", lambda: node_facts.gather_one(ctx, address).ntp_synchronised,
        deadline=TIME_SECONDS, host=address,
        why=lambda: ops.run(ctx, address, "prepare/time-status").out.strip() or "No time server has answered.",
        fix="Let this Pi reach a time server (UDP port 123), or name one of your own in "
        "/etc/systemd/timesyncd.conf, and run the same command again.",
    )  # fmt: skip


def cmdlines(facts: NodeFacts) -> dict[str, str]:
    """The files that name the kernel's command line and lack the memory cgroup, with their new texts."""
    file = facts.cmdline_file
    told = file and (nodefiles.has_setting(facts.files[file]) or nodefiles.has_setting(facts.cmdline))
    if not file or (facts.memory_cgroup and not told):
        return {}  # this kernel has it without being told
    places = [file]
    if file == read.CMDLINE_AB and read.is_cmdline(facts.files.get(CMDLINE_NEXT, "")):
        places.append(CMDLINE_NEXT)
    lacking = [path for path in places if not nodefiles.has_setting(facts.files[path])]
    return {path: nodefiles.cmdline(facts.files[path]) for path in lacking}


def _memory_cgroup(facts: NodeFacts) -> Iterator[Change]:
    edited = cmdlines(facts)
    if not edited:
        return

    def do(ctx: Context) -> None:
        for path, text in edited.items():
            ops.keep_original(ctx, facts.address, f"{path}.before-homelab", facts.files[path])
            ops.write_file(ctx, facts.address, path, text)

    def undo(ctx: Context) -> None:
        for path in edited:
            restore(facts, path)(ctx)

    yield Change("prepare/memory-cgroup", f"switch the memory cgroup on in {' and '.join(edited)}", do,
                 facts.address, undo)  # fmt: skip


def check_memory_cgroup(facts: NodeFacts) -> None:
    """Raises `Blocked` when the memory cgroup is off after a reboot that was to switch it on."""
    if not facts.memory_cgroup and not nodefiles.has_setting(facts.cmdline):
        raise Blocked(
            f"The memory cgroup is still off: this system was not started with what {facts.cmdline_file} says.",
            f"The kernel was given: {facts.cmdline[:300]}",
            "Find the file that its boot loader reads (sudo grep -rl root= /boot), add cgroup_enable=memory to that "
            "line, reboot, and run the same command again.", host=facts.hostname or facts.address,
        )  # fmt: skip


def swap_files(facts: NodeFacts) -> dict[str, str]:
    """The files that bring swap back at the next boot, with their new texts."""
    edits = {"/etc/fstab": nodefiles.fstab, RPI_SWAP: nodefiles.rpi_swap}
    edits |= {path: nodefiles.rpi_swap_addition for path in facts.files if path.startswith(f"{RPI_SWAP}.d/")}
    there = {path for path in edits if path in facts.files}
    if facts.installed("rpi-swap"):
        there.add(RPI_SWAP)
    elif facts.installed("systemd-zram-generator"):  # rpi-swap tells it what to do; alone it makes swap by itself
        edits[ZRAM_GENERATOR] = nodefiles.zram_generator
        there.add(ZRAM_GENERATOR)
    after = {path: edit(facts.files.get(path, "")) for path, edit in edits.items() if path in there}
    return {path: text for path, text in after.items() if text != facts.files.get(path)}


def _swap(facts: NodeFacts) -> Iterator[Change]:
    edited = swap_files(facts)
    enabled = any(facts.units.get(unit, {}).get("UnitFileState") == "enabled" for unit in SWAP_UNITS)
    if not (facts.swaps or edited or enabled):
        return

    def do(ctx: Context) -> None:
        for path, text in edited.items():
            ops.write_file(ctx, facts.address, path, text)
        ops.run(ctx, facts.address, "prepare/swap", timeout=300)  # what is swapped out has to be read back

    def undo(ctx: Context) -> None:
        for path in edited:
            restore(facts, path)(ctx)
        ops.run(ctx, facts.address, "prepare/swap-undo")

    yield Change("prepare/swap", "turn swap off and keep it off", do, facts.address, undo)


def _modules(facts: NodeFacts) -> Iterator[Change]:
    text = nodefiles.modules_file()
    if facts.files.get(MODULES) == text and set(nodefiles.MODULES) <= facts.modules:
        return

    def do(ctx: Context) -> None:
        ops.run(ctx, facts.address, "prepare/modules", *nodefiles.MODULES)
        ops.write_file(ctx, facts.address, MODULES, text)

    names = ", ".join(nodefiles.MODULES)
    yield Change("prepare/modules", f"load the kernel modules {names}, at every boot", do, facts.address,
                 restore(facts, MODULES))  # fmt: skip


def _sysctl(facts: NodeFacts) -> Iterator[Change]:
    text = nodefiles.sysctl_file()
    if facts.files.get(SYSCTL) == text and all(facts.sysctl.get(k) == v for k, v in nodefiles.SYSCTL.items()):
        return

    def do(ctx: Context) -> None:
        ops.write_file(ctx, facts.address, SYSCTL, text)
        ops.run(ctx, facts.address, "prepare/sysctl", SYSCTL)

    yield Change("prepare/sysctl", "let the kernel forward packets and show bridged ones to iptables", do,
                 facts.address, restore(facts, SYSCTL))  # fmt: skip


def api_name(facts: NodeFacts, control_planes: Sequence[str]) -> Iterator[Change]:
    """What is left to do so that the Pi finds the cluster's API, whichever control plane answers."""
    return _hosts(facts, control_planes)


def _hosts(facts: NodeFacts, control_planes: Sequence[str]) -> Iterator[Change]:
    api = sorted(control_planes, key=lambda address: address != facts.address)  # a control plane asks itself first
    paths = ["/etc/hosts", *(path for path in (CLOUD_HOSTS,) if path in facts.files)]
    own = {"/etc/hosts": facts.hostname}  # the template has a placeholder for it
    wanted = {p: nodefiles.hosts(facts.files.get(p, ""), api, own.get(p, "")) for p in paths}
    edited = {path: text for path, text in wanted.items() if text != facts.files.get(path)}

    def do(ctx: Context) -> None:
        for path, text in edited.items():
            ops.write_file(ctx, facts.address, path, text)

    def undo(ctx: Context) -> None:
        for path in edited:
            restore(facts, path)(ctx)

    if edited:
        sentence = f"write {nodefiles.API_NAME} ({', '.join(api)}) into /etc/hosts"
        yield Change("prepare/hosts", sentence, do, facts.address, undo)


def restore(facts: NodeFacts, path: str) -> Callable[[Context], None]:
    """Puts a file back as it was found."""

    def undo(ctx: Context) -> None:
        if path in facts.files:
            ops.write_file(ctx, facts.address, path, facts.files[path])
        else:
            ops.remove(ctx, facts.address, path)

    return undo
