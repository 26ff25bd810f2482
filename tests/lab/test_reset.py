"""`homelab reset` on real hosts: two nodes are prepared, one becomes a control plane, and both are given back.

Before and after, every file under the folders below is listed with its checksum, mode and owner, and every package with
its version, hold and mark. The nodes are pi28 and pi29.
"""

# long because: what the nodes have from before, what is compared and what may differ belong together

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steps import nodes
from steps.machines import Machines
from steps.prepare import Prepare
from steps.reset import Reset
from tests.lab.conftest import Node
from wizard import answers, events
from wizard.context import Approval, Context
from wizard.engine import Consent, Engine
from wizard.errors import WizardError
from wizard.realworld import RealWorld
from wizard.state import State
from wizard.step import Change

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

ANSWERS = Path(__file__).resolve().parent.parent / "answers" / "lab.yaml"
HEAD, OTHER = Node(28), Node(29)

# What is listed. /usr and /lib are in it because packages that are purged must leave nothing there either.
FOLDERS = "/etc /boot /home /root /opt /srv /usr /var/lib /var/spool"
# What may differ, and why.
HONEST = {
    r"/etc/(ld\.so\.cache|mtab|resolv\.conf)$": "made anew by the system whenever it likes",
    r"/etc/apt/apt\.conf\.d/|/var/lib/apt/(lists|periodic|extended_states)": "apt's memory; marks are compared below",
    r"/var/lib/dpkg/": "dpkg's memory; packages, versions, holds and marks are compared below",
    r"/var/lib/systemd/(timesync|timers|random-seed|catalog|coredump|deb-systemd)": "systemd's memories",
    r"/var/lib/(ucf|logrotate|private|dbus|pam|polkit-1|sudo)": "memories of programs that were there before",
    r"/etc/(passwd|shadow|group|gshadow)-$": "what the last change of an account has left",
    r"/usr/share/(man|info|doc)/|.*/__pycache__": "caches that are made when something runs",
    r"/root/\.(cache|bash_history)|/home/pi/\.sudo_as_admin_successful": "made by whoever comes in",
    r"/usr/lib/modules/[^/]+/modules\.": "the lab makes them anew at each boot, as a kernel's package would once",
    r"/var/lib/chrony/": "what chrony has measured",
    r"/var/lib/(containerd|kubelet|etcd)$": "mount points in the lab, which can't be removed; they have to be empty",
}
LISTING = """
import hashlib, json, os, stat, sys
found = {}
for top in sys.argv[1:]:
    for folder, folders, files in os.walk(top):
        for name in files + folders:
            path = os.path.join(folder, name)
            s = os.lstat(path)
            what = ""
            if stat.S_ISLNK(s.st_mode):
                what = os.readlink(path)
            elif stat.S_ISREG(s.st_mode):
                what = hashlib.sha256(open(path, "rb").read()).hexdigest()
                if path not in ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"):  # a package's account
                    what += " " + str(int(s.st_mtime))
            found[path] = f"{stat.filemode(s.st_mode)} {s.st_uid}:{s.st_gid} {what}"
json.dump(found, sys.stdout)
"""
PACKAGES = "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'; apt-mark showmanual; apt-mark showhold"
UNITS = "systemctl list-unit-files --no-legend --no-pager | grep -v transient | awk '{ print $1, $2 }'"
KERNEL = "cat /proc/cmdline /proc/swaps"
# What both have from before: a package on hold, one that came by itself, and files that nobody would write like this.
ODD = r"""
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends socat ethtool >/dev/null
apt-mark -qq hold socat
apt-mark -qq auto ethtool
cd /home/pi/.ssh
printf 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJRkZEWxNl0p8Rk3Ihm1TEhT0f5lH3tUqvkH8o0a0Q5M me' >>authorized_keys
printf '\n\n  /dev/sdz9\t/mnt/x   ext4\tnoauto,nofail 0   2   \n#  end, without a newline' >>/etc/fstab
mkdir -p /etc/containerd /etc/cni/net.d
printf '# mine, from before\nversion = 2' >/etc/containerd/config.toml
chmod 640 /etc/containerd/config.toml
touch -d '2021-03-04 05:06:07' /etc/containerd/config.toml /etc/fstab /boot/firmware/cmdline.txt
echo '{"name": "mine"}' >/etc/cni/net.d/87-mine.conflist
printf '#!/bin/sh\necho my own crictl\n' >/usr/bin/crictl
chmod 755 /usr/bin/crictl
mkdir -p /srv/old
"""
# The one has Debian's runc, which containerd.io takes the place of, and a time service that runs here already.
WITH_RUNC = r"""
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chrony >/dev/null
t=$(mktemp -d)
mkdir -p "$t/DEBIAN" "$t/usr/sbin" "$t/etc"
printf '#!/bin/sh\necho old\n' >"$t/usr/sbin/runc"
echo old >"$t/etc/runc.conf"
echo /etc/runc.conf >"$t/DEBIAN/conffiles"
cat >"$t/DEBIAN/control" <<'C'
Package: runc
Version: 1.1.5~old
Architecture: all
Conflicts: containerd.io
Maintainer: me <me@home.invalid>
Description: runc
C
dpkg-deb --root-owner-group -b "$t" /srv/old/runc_1.1.5~old_all.deb >/dev/null
dpkg -i /srv/old/runc_1.1.5~old_all.deb >/dev/null
echo mine >/etc/runc.conf
apt-mark -qq auto runc
"""
# The other has systemd-timesyncd, which chrony takes the place of; the lab's mirror lacks it, so it is packed again.
WITH_TIMESYNCD = r"""
p=systemd-timesyncd t=$(mktemp -d)
dpkg -L $p | while read -r f; do
  if [ -d "$f" ]; then mkdir -p "$t$f"; else mkdir -p "$t${f%/*}"; cp -a "$f" "$t$f"; fi
done
mkdir "$t/DEBIAN"
dpkg-query -s $p | awk '/^(Conffiles|Status):/ { skip = 1; next } /^[^ ]/ { skip = 0 } !skip' >"$t/DEBIAN/control"
for f in conffiles md5sums postinst prerm postrm preinst; do
  [ ! -f /var/lib/dpkg/info/$p.$f ] || cp -a /var/lib/dpkg/info/$p.$f "$t/DEBIAN/$f"
done
dpkg-deb --root-owner-group -b "$t" /srv/old/ >/dev/null
"""
# Both find it in a folder of their own, as they would at Debian's.
OLD = r"""
cd /srv/old
for deb in *.deb; do
  dpkg-deb -f "$deb"
  echo "Filename: ./$deb"
  echo "Size: $(stat -c %s "$deb")"
  echo "SHA256: $(sha256sum "$deb" | cut -d' ' -f1)"
  echo
done >Packages
echo 'deb [trusted=yes] file:/srv/old ./' >/etc/apt/sources.list.d/old.list
"""


def look(node: Node) -> dict[str, Any]:
    """Everything that has to be as it was."""
    files = json.loads(node("python3", "-c", LISTING, *FOLDERS.split()))
    honest = re.compile("|".join(HONEST))
    return {
        "files": {path: what for path, what in files.items() if not honest.match(path)},
        "packages": sorted(node.shell(PACKAGES).splitlines()),
        "units": sorted(node.shell(f"{UNITS}; {KERNEL}").splitlines()),
    }


def differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    paths = sorted({*before["files"], *after["files"]})
    found = [
        f"{path}: {before['files'].get(path)} -> {after['files'].get(path)}"
        for path in paths
        if before["files"].get(path) != after["files"].get(path)
    ]
    for kind in ("packages", "units"):
        found += [f"{kind}: gone {line}" for line in before[kind] if line not in after[kind]]
        found += [f"{kind}: new {line}" for line in after[kind] if line not in before[kind]]
    return found


class Yes:
    """A front end that approves everything."""

    def ask(self, prompt: Any) -> object:
        raise AssertionError(f"asked {prompt.question.key}")

    def confirm(self, approval: Approval) -> bool:
        return True

    def failed(self, step: str, error: WizardError) -> str:
        return "stop"


class Killed(BaseException):
    """What kill -9 does, as far as it can be done inside the process: nobody catches it, nothing is noted."""


class Mortal(Context):
    """Dies once the first host has made the change `dies_after`; then nothing is begun any more."""

    dies_after = ""
    dead = False

    def do(self, change: Change) -> None:
        if self.dead:
            raise Killed
        if change.id != self.dies_after:
            return super().do(change)

        def and_die(ctx: Context) -> None:
            change.do(ctx)
            self.dead = True
            raise Killed

        return super().do(replace(change, do=and_die))


class Run:
    """One start of the wizard; `planned` holds what each plan of a step said."""

    def __init__(self, folder: Path, *, state: Path | None = None, dies_after: str = "") -> None:
        whole = ANSWERS.read_text().replace("198.18.0.11, 198.18.0.12, 198.18.0.13", "198.18.0.38, 198.18.0.39")
        whole = whole.replace("control_plane: 198.18.0.11", "control_plane: 198.18.0.38")
        sections = re.split(r"^(?=\S)", whole, flags=re.MULTILINE)
        file = folder / "answers.yaml"
        file.write_text("".join(s for s in sections if s.startswith(("cluster:", "machines:", "prepare:"))))
        self.state = State.open(state or folder / "state" / "state.yaml", "lab")
        self.state.answers = answers.read(file, [Machines(), Prepare()]).answers | self.state.answers
        self.planned: list[tuple[str, ...]] = []
        bus = events.Bus()
        bus.listen(self._listen)
        self.ctx = Mortal(RealWorld(), self.state, Yes(), bus)
        self.ctx.dies_after = dies_after

    def _listen(self, event: events.Event) -> None:
        if isinstance(event, events.Planned):
            self.planned.append(tuple(sentence for _, sentence in event.changes))

    def step(self, step: Any, **consent: Any) -> list[tuple[str, ...]]:
        """Runs `step` and returns its plans."""
        self.planned.clear()
        Engine([step], self.ctx, Consent(yes=True, **consent)).run_step(step)
        return list(self.planned)

    def close(self) -> None:
        nodes.close_all(self.ctx)
        self.state.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reset")


@pytest.fixture(scope="module")
def before(_on_the_workstation: None) -> Iterator[dict[str, Any]]:
    """Two new cards with a history of their own, and what they looked like."""
    with ThreadPoolExecutor() as pool:
        for word in ("wipe", "start"):
            list(pool.map(Node.power, (HEAD, OTHER), [word] * 2))
        for node, more in ((HEAD, WITH_RUNC), (OTHER, WITH_TIMESYNCD)):
            node.shell(ODD + more + OLD)
        yield {node.address: look(node) for node in (HEAD, OTHER)}
        list(pool.map(Node.power, (HEAD, OTHER), ["wipe"] * 2))


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A new process' worth of wizard: what the last one knew comes from its state file."""
    monkeypatch.setenv("HOMELAB_SUDO_PASSWORD", "raspberry")
    monkeypatch.setenv("HOME", str(folder))
    made = Run(folder)
    yield made
    made.close()


def test_preparing_keeps_what_it_touches(before: dict[str, Any], run: Run) -> None:
    """The listing sees what preparing does, or it would prove nothing."""
    run.step(Machines())
    run.step(Prepare())
    changed = "\n".join(differing(before[HEAD.address], look(HEAD)))
    touched = (
        "/etc/fstab", "/etc/hosts", "/boot/firmware/cmdline.txt", "/etc/containerd/config.toml", "/usr/bin/crictl",
        "/home/pi/.ssh/authorized_keys", "new kubelet", "cgroup_enable=memory",
    )  # fmt: skip
    assert [what for what in touched if what not in changed] == []


def test_a_reset_that_is_killed_twice_gives_everything_back(
    before: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch, ran: Any
) -> None:
    """Killed once the packages of one Pi are gone, and once more after a reboot; the third run comes to the end."""
    monkeypatch.setenv("HOMELAB_SUDO_PASSWORD", "raspberry")
    monkeypatch.setenv("HOME", str(folder))
    for fatal in ("reset/packages", "reset/reboot"):
        run = Run(folder, dies_after=fatal)
        with pytest.raises(Killed):
            run.step(Reset(), allow=frozenset({"reset/cluster"}), confirm="lab")
        run.close()
    run = Run(folder)
    plan, *_ = run.step(Reset(), allow=frozenset({"reset/cluster"}), confirm="lab")
    run.close()
    assert plan[-1].startswith("remove the cluster's kubeconfig")
    for node in (HEAD, OTHER):
        found = differing(before[node.address], look(node))
        assert not found, "\n".join(found)
    assert "memory" not in [line.split()[0] for line in HEAD("cat", "/proc/cgroups").splitlines() if line.endswith("1")]
    ran("reset", f"{len(before[HEAD.address]['files'])} files and links compared on each of two nodes")


def test_the_second_reset_has_nothing_to_do(
    before: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMELAB_SUDO_PASSWORD", "raspberry")
    (aside,) = (folder / "state").glob("state.reset-*.yaml")
    assert not (folder / "state/state.yaml").exists() and not (folder / "state/id_ed25519").exists()
    run = Run(folder, state=aside)
    assert run.step(Reset()) == [()]
    run.close()
