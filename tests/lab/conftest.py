"""Fixtures for tests on lab hosts. They run as root on the workstation's network: `tests/lab/lab ws pytest -m lab …`.

The hosts of these tests are nodes of their own, pi16 and pi17, so that nothing else in the lab is disturbed.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

RAN = pytest.StashKey[list[tuple[str, str]]]()
LAB = str(Path(__file__).with_name("lab"))
HOME = Path(os.environ.get("HOMELAB_LAB", "/var/lib/homelab-lab"))


@pytest.fixture(scope="session")
def ran(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Notes what a test really ran, for the table at the end: ``ran("kubelet", "v1.36.4, as seen in the API")``."""
    rows = pytestconfig.stash.setdefault(RAN, [])
    return lambda part, what: rows.append((part, what)) if (part, what) not in rows else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash.get(RAN, [])
    if rows:
        terminalreporter.section("what ran for real")
        width = max(len(part) for part, _ in rows)
        for part, what in rows:
            terminalreporter.write_line(f"{part:{width}}  {what}")


def outside() -> str:
    """The network namespace that `lab ws` was called from: that of the nearest process above that is not in ours."""
    pid, mine = os.getpid(), Path("/proc/self/ns/net").stat().st_ino
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if pid and Path(f"/proc/{pid}/ns/net").stat().st_ino != mine:
            return f"/proc/{pid}/ns/net"
    pytest.fail("The tests were not started by: tests/lab/lab ws …")


def lab(*words: str) -> str:
    """Runs `lab WORDS` outside the workstation's network and returns what it printed; its failure fails the test."""
    done = subprocess.run(
        ["nsenter", f"--net={outside()}", "--", LAB, *words], capture_output=True, text=True, check=False, timeout=180
    )
    if done.returncode:
        pytest.fail(
            f"lab {' '.join(words)} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return done.stdout


class Node:
    """A lab node, from the side that SSH does not show."""

    def __init__(self, number: int) -> None:
        self.number, self.name = number, f"pi{number}"
        self.address = f"198.18.0.{10 + number}"

    def __call__(self, *words: str) -> str:
        """Runs a command as root inside the node."""
        return lab("node", str(self.number), *words)

    def shell(self, text: str) -> str:
        return self("sh", "-euc", text)

    def power(self, word: str) -> None:
        """`start`, `stop`, `cut` (the plug is pulled) or `wipe` (a new card)."""
        lab(word, str(self.number))

    def sudo_asks(self, asks: bool) -> None:
        tag = "" if asks else "NOPASSWD: "
        self.shell(f"echo 'pi ALL=(ALL) {tag}ALL' >/etc/sudoers.d/010_pi && chmod 440 /etc/sudoers.d/010_pi")

    def key(self, kind: str = "ed25519") -> Any:
        from wizard.host.trust import host_key

        return host_key(self("cat", f"/etc/ssh/ssh_host_{kind}_key.pub"))

    def log_since(self, mark: str, unit: str = "ssh") -> str:
        """What sshd, or `sudo`, logged after the time `mark` (see `now`)."""
        which = ["-u", unit] if unit == "ssh" else ["-t", unit]
        return self("journalctl", "-q", "--no-pager", "-o", "cat", "--since", mark, *which)

    def now(self) -> str:
        time.sleep(1.1)  # journalctl counts whole seconds
        return self("date", "+%Y-%m-%d %H:%M:%S").strip()


def _fresh(number: int) -> Iterator[Node]:
    node = Node(number)
    node.power("wipe")
    node.power("start")
    yield node
    node.power("wipe")


@pytest.fixture(scope="session")
def _on_the_workstation() -> None:
    if os.geteuid() != 0 or not Path("/run/netns/hw-ws").exists():
        pytest.fail("These tests need root and a lab that is up: make lab-test")
    mine = Path("/proc/self/ns/net").stat()
    if mine.st_ino != Path("/run/netns/hw-ws").stat().st_ino:
        pytest.fail("These tests run on the workstation's network: tests/lab/lab ws .venv/bin/python -m pytest -m lab")


@pytest.fixture(scope="module")
def pi(_on_the_workstation: None) -> Iterator[Node]:
    """A node with a new card, up."""
    yield from _fresh(16)


@pytest.fixture(scope="module")
def other_pi(_on_the_workstation: None) -> Iterator[Node]:
    """A second one."""
    yield from _fresh(17)


@pytest.fixture(scope="module")
def bare_pis(_on_the_workstation: None) -> Iterator[tuple[Node, ...]]:
    """Three nodes with new cards, up; the second one asks for sudo's password."""
    made = tuple(Node(number) for number in (11, 12, 13))
    with ThreadPoolExecutor() as pool:
        for word in ("wipe", "start"):
            list(pool.map(Node.power, made, [word] * 3))
        for node in made:
            node.sudo_asks(node is made[1])
        yield made
        list(pool.map(Node.power, made, ["wipe"] * 3))


@pytest.fixture(scope="module")
def pair(_on_the_workstation: None) -> Iterator[tuple[Node, Node]]:
    """Two nodes with new cards, up, of nobody else."""
    made = (Node(25), Node(26))
    with ThreadPoolExecutor() as pool:
        for word in ("wipe", "start"):
            list(pool.map(Node.power, made, [word] * 2))
        yield made
        list(pool.map(Node.power, made, ["wipe"] * 2))


@pytest.fixture
def login(pi: Node) -> Callable[..., Any]:
    """A log-in at `pi` with the lab's key and the ed25519 host key pinned; give what is to be different."""
    from wizard.host.base import Login

    def make(**different: Any) -> Login:
        usual = {"address": pi.address, "user": "pi", "name": pi.name, "key_files": (str(HOME / "id_ed25519"),)}
        if "host_keys" not in different:
            usual["host_keys"] = (pi.key(),)
        return Login(**(usual | different))

    return make


@pytest.fixture
def connect(login: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Connects to `pi`; what it opened is closed at the end."""
    from wizard.host.ssh import SshHost

    opened = []

    def make(stop: threading.Event | None = None, **different: Any) -> SshHost:
        opened.append(SshHost.connect(login(**different), stop or threading.Event()))
        return opened[-1]

    yield make
    for host in opened:
        host.close()
