"""A host to log in at, made of paramiko's own server: no root, no sshd, real key exchange and real shells.

Commands run here as the current user, with a PATH that holds nothing but the programs named below; `id`, `sudo`,
`systemctl` and the boot id are stand-ins. Real sshd, sudo and reboots: lab hosts (tests/lab/test_hosts.py).
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from wizard.host import trust
from wizard.host.base import HostKey, Login
from wizard.host.ssh import SshHost
from wizard.secret import Secret

PROGRAMS = [
    "base64",
    "cat",
    "flock",
    "mktemp",
    "printf",
    "rm",
    "setsid",
    "seq",
    "sh",
    "sleep",
    "stat",
    "tee",
    "timeout",
    "wc",
    "df",
]
ID = '#!/bin/sh\n[ "$1" = -u ] && cat {home}/uid\n'
SUDO = """#!/bin/sh
# sudo as far as the wizard uses it: -n, or -S -p PROMPT; the file `sudo` says how it behaves
read -r mode password <{home}/sudo
if [ "$1" = -n ]; then
  shift
  [ "$mode" = nopasswd ] && exec "$@"
  echo "sudo: a password is required" >&2; exit 1
fi
prompt=$3; shift 3
for try in 1 2 3; do
  printf %s "$prompt" >&2
  read -r given || { echo "sudo: no password was provided" >&2; exit 1; }
  echo "$given" >>{home}/sudo-tries
  [ "$given" != "$password" ] || { [ "$mode" = asks ] && exec "$@"; echo "pi is not in the sudoers file." >&2; exit 1; }
  echo "Sorry, try again." >&2
done
exit 1
"""
CAT = """#!/bin/sh
[ "$1" != /proc/sys/kernel/random/boot_id ] || exec {cat} {home}/boot-id
[ "$1" != /etc/machine-id ] || exec {cat} {home}/machine-id
exec {cat} "$@"
"""
SYSTEMCTL = '#!/bin/sh\n[ "$1" = reboot ] && : >{home}/rebooting\n'


def make_key(kind: str = "ssh-ed25519") -> paramiko.PKey:
    private = {
        "ssh-ed25519": ed25519.Ed25519PrivateKey.generate,
        "ecdsa-sha2-nistp256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "ssh-rsa": lambda: rsa.generate_private_key(65537, 2048),
    }[kind]()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    ).decode()
    kinds = {"ssh-ed25519": paramiko.Ed25519Key, "ecdsa-sha2-nistp256": paramiko.ECDSAKey, "ssh-rsa": paramiko.RSAKey}
    return kinds[kind].from_private_key(io.StringIO(text))


def pinned(key: paramiko.PKey) -> HostKey:
    return trust.host_key(f"{key.get_name()} {key.get_base64()}")


class Pi:
    """The host. `seen` lists what clients tried to log in with, in order."""

    make_key, pinned = staticmethod(make_key), staticmethod(pinned)

    def __init__(self, home: Path) -> None:
        self.home = home
        self.host_keys = [make_key()]
        self.user, self.password = "pi", "raspberry"
        self.authorized: list[str] = []
        self.seen: list[str] = []
        self.down_for = 0.5  # seconds that a reboot takes
        self._transports: list[paramiko.Transport] = []
        self._programs()
        self.uid(1000)
        self.sudo("nopasswd")
        self.new_boot_id()
        (home / "machine-id").write_text("c0ffee\n")
        self.port = 0
        self._listen()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _programs(self) -> None:
        self.bin = self.home / "bin"
        self.bin.mkdir()
        for name in PROGRAMS:
            (self.bin / name).symlink_to(shutil.which(name) or f"/missing/{name}")
        for name, text in {"id": ID, "sudo": SUDO, "systemctl": SYSTEMCTL, "cat": CAT}.items():
            (self.bin / name).unlink(missing_ok=True)
            (self.bin / name).write_text(
                text.replace("{home}", str(self.home)).replace("{cat}", shutil.which("cat") or "")
            )
            (self.bin / name).chmod(0o755)

    def uid(self, uid: int) -> None:
        (self.home / "uid").write_text(f"{uid}\n")

    def sudo(self, mode: str, password: str = "raspberry") -> None:  # noqa: S107
        """`nopasswd`, `asks`, or `refuses` after the right password."""
        (self.home / "sudo").write_text(f"{mode} {password}\n")

    def sudo_tries(self) -> list[str]:
        tries = self.home / "sudo-tries"
        return tries.read_text().split() if tries.exists() else []

    def new_boot_id(self) -> None:
        (self.home / "boot-id").write_text(f"{uuid.uuid4()}\n")

    # -- the network side

    def _listen(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                sock, _ = server.accept()
            except OSError:
                return
            transport = paramiko.Transport(sock)
            for key in self.host_keys:
                transport.add_server_key(key)
            self._transports.append(transport)
            try:
                transport.start_server(event=threading.Event(), server=_Session(self))
            except paramiko.SSHException:
                transport.close()

    def _watch(self) -> None:
        while not self._closed.wait(0.05):
            if (self.home / "rebooting").exists():
                (self.home / "rebooting").unlink()
                self.down()
                time.sleep(self.down_for)
                self.new_boot_id()
                self._listen()

    def cut(self) -> None:
        """Every connection ends, as when a cable is pulled and the other side notices."""
        for transport in self._transports:
            transport.sock.close()
            transport.close()
        self._transports.clear()

    def down(self) -> None:
        with contextlib.suppress(OSError):  # already down
            self._server.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept(); close() alone does not
        self._server.close()
        self.cut()

    def close(self) -> None:
        self._closed.set()
        self.down()


class _Session(paramiko.ServerInterface):
    def __init__(self, pi: Pi) -> None:
        self.pi = pi

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.pi.seen.append("key")
        good = username == self.pi.user and key.get_base64() in self.pi.authorized
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self.pi.seen.append("password")
        good = (username, password) == (self.pi.user, self.pi.password)
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=_serve, args=(channel, command.decode(), self.pi), daemon=True).start()
        return True


def _serve(channel: paramiko.Channel, command: str, pi: Pi) -> None:
    process = subprocess.Popen(
        ["/bin/sh", "-c", command], cwd=pi.home, bufsize=0, start_new_session=True,
        env={"PATH": str(pi.bin), "HOME": str(pi.home), "TMPDIR": str(pi.home)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip

    def into() -> None:
        try:
            while data := channel.recv(65536):
                process.stdin.write(data)
        except OSError:
            pass
        process.stdin.close()

    def out_of(pipe: io.RawIOBase, send: Callable[[bytes], None]) -> None:
        try:
            while data := os.read(pipe.fileno(), 65536):
                send(data)
        except (OSError, EOFError):
            pass
        pipe.close()  # as sshd does when the client is gone

    for work in [(into,), (out_of, process.stdout, channel.sendall), (out_of, process.stderr, channel.sendall_stderr)]:
        threading.Thread(target=work[0], args=work[1:], daemon=True).start()
    code = process.wait()
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):  # the client may be gone
        channel.send_exit_status(code)
        time.sleep(0.05)  # let the pumps deliver what is left
        channel.close()


@pytest.fixture
def pi(tmp_path: Path) -> Iterator[Pi]:
    host = Pi(tmp_path)
    yield host
    host.close()


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def login(pi: Pi) -> Callable[..., Login]:
    """A log-in at the host by password, with its first key pinned; give what is to be different."""

    def make(**different: object) -> Login:
        usual = {
            "address": "127.0.0.1", "port": pi.port, "user": "pi", "name": "pi1",
            "host_keys": (pinned(pi.host_keys[0]),), "password": Secret("raspberry"),
        }  # fmt: skip
        return Login(**(usual | different))  # type: ignore[arg-type]

    return make


@pytest.fixture
def connect(pi: Pi, login: Callable[..., Login]) -> Iterator[Callable[..., SshHost]]:
    """Connects to the host; what it opened is closed at the end."""
    opened: list[SshHost] = []

    def make(stop: threading.Event | None = None, **different: object) -> SshHost:
        run_dir = pi.home / "run"
        run_dir.mkdir(exist_ok=True)
        opened.append(SshHost.connect(login(**different), stop or threading.Event(), run_dir=str(run_dir)))
        return opened[-1]

    yield make
    for host in opened:
        host.close()
