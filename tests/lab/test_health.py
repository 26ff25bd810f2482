"""Every finding about a Pi on real hosts: red on a node that was made so, green after its fix. Cloned cards mended.

What a container can't have is stood in for as late as possible, in the node, where the script of the facts looks:

- memory and cores: a file of the node's own over /proc/meminfo and over the kernel's list of processors.
- 32 bits, another processor, large pages, a wrong clock: programs of that name, first in the PATH, that answer for
  these and hand everything else on. A node may not set the clock, and has the machine's processor.
- throttling and under-voltage: a program vcgencmd, which the lab's hosts do not have.
- disk: df is shown a tmpfs that is as small as said; the free bytes are the kernel's.
- fsync: the node's own block I/O controller (cgroup v1) lets it make only twenty writes a second: its disk is slow.

All else is real: routes, addresses and their lifetimes, MAC addresses, hostnames, machine-ids, host keys, apt's lock,
and modules that modprobe does not find.
"""
# long because: one pair of nodes, which are slow to make, serves every finding and the mending

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from steps import facts as node_facts
from steps import gate, health, machines, nodes
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, Declined
from wizard.events import Bus
from wizard.realworld import RealWorld
from wizard.state import State

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
HOME = Path(os.environ.get("HOMELAB_LAB", "/var/lib/homelab-lab"))


# -- making a node ill and well again: shell scripts that run as root inside it


def program(name: str, body: str) -> str:
    """Puts a program before the system's own."""
    return f"cat >/usr/local/bin/{name} <<'END'\n#!/bin/sh\n{body}\nEND\nchmod 755 /usr/local/bin/{name}\n"


def without(*names: str) -> str:
    return "rm " + " ".join(f"/usr/local/bin/{name}" for name in names)


def over(file: str, text: str) -> str:
    return f"printf '{text}\\n' >/run/ill && mount --bind /run/ill {file}"


def link(name: str, mac: str = "") -> str:
    """A network card with a default route whose other end is in the node too, so that nothing leaves by it."""
    address = f"address {mac}" if mac else ""
    return (
        f"ip link add {name} {address} type veth peer name air && ip link set {name} up && ip link set air up && "
        f"ip route add default via 198.18.0.1 dev {name} onlink"
    )


GETCONF = '[ "$1" != {key} ] || {{ echo {value}; exit; }}\nexec /usr/bin/getconf "$@"'
DPKG = '[ "$1" != --print-architecture ] || {{ echo {arch}; exit; }}\nexec /usr/bin/dpkg "$@"'
DATE = "exec /usr/bin/date -d '{skew}' \"$@\""
MODULES = "/lib/modules/$(uname -r)/modules.builtin"
LOCKER = (
    "import fcntl, time; lock = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(lock, fcntl.LOCK_EX); "
    "time.sleep(600)"
)
PROCESSORS = "/sys/devices/system/cpu/online"
SLOW = "/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device"


@dataclass(frozen=True)
class Case:
    """`red` makes the node ill, `green` is the fix; the finding's sentence then holds `said`."""

    name: str
    red: str
    green: str
    said: str
    severity: str = "warn"


CASES = [
    Case("userland", program("getconf", GETCONF.format(key="LONG_BIT", value=32)) + program(
        "dpkg", DPKG.format(arch="armhf")), without("getconf", "dpkg"), "32-bit", "block"),
    Case("arch", program("dpkg", DPKG.format(arch="riscv64")), without("dpkg"), "riscv64", "block"),
    Case("memory", over("/proc/meminfo", "MemTotal:         948304 kB"), "umount /proc/meminfo", "926 MB", "block"),
    Case("cores", over(PROCESSORS, "0"), f"umount {PROCESSORS}", "one processor core", "block"),
    Case("disk", program("df", "exec /usr/bin/df -P -B1 /mnt") + "mount -t tmpfs -o size=3g none /mnt",
         "mount -o remount,size=20g /mnt", "3.2 GB", "block"),
    Case("disk", "mount -o remount,size=7g /mnt", "umount /mnt; " + without("df"), "7.5 GB"),
    Case("fsync", f'echo "$(stat -c %Hd:%Ld /var/lib/containerd) 20" >{SLOW}',
         f'echo "$(stat -c %Hd:%Ld /var/lib/containerd) 0" >{SLOW}', "etcd wants 10"),
    Case("under-voltage", program("vcgencmd", "echo throttled=0x10001"),
         program("vcgencmd", "echo throttled=0x0"), "too weak (now)"),
    Case("throttling", program("vcgencmd", "echo throttled=0x40000"),
         without("vcgencmd"), "slowed down by heat or weak power (since it was started)"),
    Case("page-size", program("getconf", GETCONF.format(key="PAGESIZE", value=16384)), without("getconf"), "16 KB"),
    Case("name", "hostname Pi25", "hostname pi25", "'Pi25'", "block"),
    Case("clock", program("date", DATE.format(skew="1 hour ago")), without("date"), "seconds behind"),
    Case("clock", program("date", DATE.format(skew="3 days")) + program("timedatectl", "echo NTPSynchronized=yes"),
         without("date", "timedatectl"), "3 days ahead of this computer's, and it says", "block"),
    Case("kernel-modules", f"cp {MODULES} /root/; sed -i /vxlan/d {MODULES}; depmod",
         f"cp /root/modules.builtin {MODULES}; depmod", "can't load the kernel module vxlan.", "block"),
    Case("wifi", link("wlan0"), "ip link del wlan0", "wlan0"),
    Case("dhcp", "ip addr change 198.18.0.35/24 dev host0 valid_lft 3600 preferred_lft 3600",
         "ip addr change 198.18.0.35/24 dev host0 valid_lft forever preferred_lft forever", "DHCP"),
    Case("apt-lock", f'systemd-run -q --unit=locker python3 -c "{LOCKER}"; sleep 1', "systemctl stop locker",
         "python3"),
]  # fmt: skip


def copies(first, second) -> dict[str, tuple[str, str, str]]:
    """What makes the second node like the first one in one respect, what takes it back, and what is then said."""
    keys = first.shell("cd /etc/ssh && tar c ssh_host_*_key ssh_host_*_key.pub | base64 -w0").strip()
    mine = first("cat", "/etc/machine-id").strip()
    mac = first("cat", "/sys/class/net/host0/address").strip()
    own, other = second("cat", "/etc/machine-id").strip(), "/run/own-keys.tar"
    return {
        "hostname": ("hostname pi25", "hostname pi26", "(pi25)"),
        "machine-id": (f"echo {mine} >/etc/machine-id", f"echo {own} >/etc/machine-id", mine),
        "mac": (link("eth9", mac), "ip link del eth9", mac),
        "host-key": (
            f"cd /etc/ssh && tar cf {other} ssh_host_*_key ssh_host_*_key.pub && echo {keys} | base64 -d | tar x && "
            "systemctl restart ssh", f"cd /etc/ssh && tar xf {other} && systemctl restart ssh", "SSH host key",
        ),
    }  # fmt: skip


# -- looking at the two as the step Machines does


class Front:
    """Says `word` to everything, and notes what is asked about by itself."""

    def __init__(self, word: bool = True):
        self.word = word
        self.dangers: list[str] = []

    def ask(self, prompt):
        return prompt.default

    def confirm(self, approval):
        self.dangers += [change.id for change in approval.changes]
        return self.word or approval.changes[0].id == "machines/trust-host-key"

    def failed(self, step, error):
        return "stop"


def context(folder, pair, front, **answers) -> tuple[Context, list[list[str]]]:
    bus, plans = Bus(), []
    bus.listen(lambda event: plans.append([s for _, s in event.changes]) if type(event).__name__ == "Planned" else None)
    ctx = Context(RealWorld(), State.open(folder / "state.yaml", "lab"), front, bus)
    usual = {"hosts": [node.address for node in pair], "control_plane": pair[0].address, "user": "pi", "password": None,
             "key_file": str(HOME / "id_ed25519"), "sudo_password": None, "ignore_health": ["fsync"]}  # fmt: skip
    for key, value in (usual | answers).items():
        ctx.keep("machines", key, value)
    return ctx, plans


class Look:
    """What is found about the two nodes now, by address and name. One connection to each stays open."""

    def __init__(self, folder, pair):
        self.ctx, _ = context(folder, pair, Front())
        for node in pair:
            nodes.pin(self.ctx, node.address, (node.key(),))

    def __call__(self, name=""):
        """The disk is measured only for its own case: other work on this machine may slow it down at any time."""
        self.ctx.scratch.pop("fsync", None)
        self.ctx.keep("machines", "ignore_health", [] if name == "fsync" else ["fsync"])
        found = gate.look(self.ctx, node_facts.gather(self.ctx), time.time())
        return {(finding.address, finding.name): finding for finding in found}


@pytest.fixture(scope="module")
def look(pair, tmp_path_factory):
    looking = Look(tmp_path_factory.mktemp("look"), pair)
    yield looking
    nodes.close_all(looking.ctx)
    looking.ctx.state.close()


def red_then_green(look, node, name, red, green):
    """Asserts that `red` brings this finding and no other, and that `green` takes it away; returns the finding."""
    at, before = (node.address, name), look(name)
    assert at not in before
    node.shell(red)
    try:
        found = look(name)
        assert set(found) - set(before) == {at}
    finally:
        node.shell(green)
    assert set(look(name)) == set(before)
    return found[at]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.name}-{case.severity}" for case in CASES])
def test_red_on_a_node_made_so_and_green_after_its_fix(pair, look, case, ran):
    finding = red_then_green(look, pair[0], case.name, case.red, case.green)
    assert case.said in finding.sentence
    assert finding.severity == case.severity
    ran(f"finding {case.name}", finding.sentence)


@pytest.mark.parametrize("name", ["hostname", "machine-id", "mac", "host-key"])
def test_what_two_nodes_share_is_found_at_the_second(pair, look, name, ran):
    red, green, said = copies(*pair)[name]
    finding = red_then_green(look, pair[1], name, red, green)
    assert said in finding.sentence
    assert pair[0].address in finding.sentence
    ran(f"finding {name}", finding.sentence)


def test_every_name_is_shown_here():
    assert {case.name for case in CASES} | {"hostname", "machine-id", "mac", "host-key"} == set(health.NAMES)


# -- the step itself


def step(folder, pair, front, **answers):
    """One run of the step Machines; returns its plans."""
    ctx, plans = context(folder, pair, front, **answers)
    try:
        Engine([machines.Machines()], ctx, Consent(yes=True)).run()
    finally:
        nodes.close_all(ctx)
        ctx.state.close()
    return plans


def test_the_step_stops_names_it_and_goes_on_when_it_is_accepted(pair, tmp_path):
    pair[0].shell(over(PROCESSORS, "0"))
    try:
        with pytest.raises(Blocked) as blocked:
            step(tmp_path, pair, Front())
        assert "kubeadm wants two" in blocked.value.why
        assert "ignore_health: cores" in blocked.value.fix
        assert step(tmp_path, pair, Front(), ignore_health=["fsync", "cores"])
    finally:
        pair[0].shell(f"umount {PROCESSORS}")


def clone(first, second):
    """The second node with a copy of the first one's card, as far as it is the card that says who a host is."""
    text = first.shell(
        "cd / && tar c etc/hostname etc/hosts etc/machine-id var/lib/dbus/machine-id etc/ssh/ssh_host_* | base64 -w0"
    ).strip()
    second.shell(f"echo {text} | base64 -d | tar x -C /")
    second.power("stop")
    second.power("start")


def identity(node) -> tuple[str, str, str, str]:
    said = node.shell("hostname; cat /etc/machine-id /proc/sys/kernel/random/boot_id").split()
    return said[0], said[1], node.key().fingerprint, said[2]


MENDS = ["machines/mend-hostname", "machines/mend-host-key", "machines/mend-machine-id"]


def test_a_no_leaves_a_cloned_card_as_it_is(pair, tmp_path):
    first, second = pair
    clone(first, second)
    before = identity(second)
    no = Front(word=False)
    with pytest.raises(Declined, match="--allow machines/mend-hostname"):
        step(tmp_path, pair, no)
    assert no.dangers == ["machines/trust-host-key"] * 2 + MENDS[:1]
    assert identity(second) == before


def test_a_cloned_card_is_mended_rebooted_and_then_there_is_nothing_to_do(pair, tmp_path, ran):
    # long because: one story of one card
    first, second = pair
    clone(first, second)
    imager = "/boot/firmware/user-data"  # as on a Raspberry Pi OS that comes with cloud-init
    second.shell(f"mkdir -p /etc/cloud/cloud.cfg.d; printf '#cloud-config\\nhostname: pi25\\nuser: pi\\n' >{imager}")
    before = identity(second)
    assert before[:3] == identity(first)[:3]
    assert before[0] == "pi25"

    yes = Front()
    began = time.monotonic()
    plans = step(tmp_path, pair, yes)
    taken = time.monotonic() - began
    assert yes.dangers == ["machines/trust-host-key"] * 2 + MENDS
    after = identity(second)
    assert after[0] == "pi25-36"
    assert not set(after) & set(before), "hostname, machine-id, host key and boot are others now"
    assert identity(first)[:3] == before[:3]
    assert second("cat", "/etc/hostname").strip() == "pi25-36"
    assert "127.0.1.1 pi25-36" in " ".join(second("cat", "/etc/hosts").split())
    assert second("cat", imager) == "#cloud-config\nhostname: pi25-36\nuser: pi\n"
    assert "\npreserve_hostname: true\n" in second.shell("cat /etc/cloud/cloud.cfg.d/*homelab*")
    assert second("cat", "/var/lib/dbus/machine-id").strip() == after[1]
    assert after[1] in second.shell("ls /run/log/journal /var/log/journal 2>/dev/null || true"), "systemd's log uses it"
    assert second.shell("find /etc/ssh -name '*new*'") == ""
    assert [len(plan) for plan in plans if plan] == [2, 7]  # keys; own key, let in twice, one remembered, three mended

    assert step(tmp_path, pair, Front()) == [[]]
    state = State.open(tmp_path / "state.yaml", "lab")
    assert {key["fingerprint"] for key in state.recall("machines", second.address, "host_keys")} == {
        second.key(kind).fingerprint for kind in ("ed25519", "ecdsa", "rsa")
    }
    assert state.recall("machines", second.address, "machine_id") == after[1]
    state.close()
    ran("cloned card mended", f"{before[0]} is {after[0]}, machine-id {after[1][:8]}…, new host keys, in {taken:.1f} s")


def test_what_is_accepted_stays_shared(pair, tmp_path):
    first, second = pair
    clone(first, second)
    shared = identity(second)
    plans = step(tmp_path, pair, Front(), ignore_health=["fsync", "hostname", "machine-id", "host-key"])
    assert not [sentence for plan in plans for sentence in plan if "of its own" in sentence or "instead" in sentence]
    assert identity(second) == shared
