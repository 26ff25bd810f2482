"""One open root shell on a host, and the frames in which scripts go through it.

The shell is `sh` under `sudo`, reading commands from the SSH channel. A script and its standard input are
sent base64 into a private directory in memory (/run), so neither is ever part of a command line, and what the
script prints is told apart from what the shell prints by marks that are random for each run.

Two relays (`tee -p`) stand between the shell and the channel: when the connection breaks, a running apt or kubeadm
is not killed by its own output, but comes to its end. A lock makes the next run wait for that end.
"""

from __future__ import annotations

import base64
import secrets
import select
import shlex
import threading
import time
from collections.abc import Callable
from typing import Any

import paramiko

from wizard.errors import HostError, LoginRefused
from wizard.host.base import OnLine, Result, Script
from wizard.host.patience import SLICE, Patience
from wizard.secret import Secret, redact

OPEN_SECONDS = 40.0  # for sudo and the shell; PAM may wait for a resolver
GRACE_SECONDS = 8.0  # what a script that ran into its timeout gets to end, before the shell is given up
LOCK_SECONDS = 900.0  # how long the script of an earlier, broken run is waited for

# Both run inside single quotes, given to whatever login shell the user has: they hold no single quote.
_ROOT = (
    "{{ {{ {{ echo; echo {mark} root \\$(cat /etc/machine-id 2>/dev/null); exec sh; }}"
    " 2>&1 1>&4 4>&- | tee -p /dev/null >&2 4>&-; }} 4>&1 | tee -p /dev/null; }}"
)
_OPEN = (
    'r="{root}"; '
    'if [ "$(id -u)" = 0 ]; then exec sh -c "$r"; fi; '
    "command -v sudo >/dev/null || {{ echo; echo {mark} nosudo; exit 1; }}; "
    'if sudo -n sh -c : 2>/dev/null; then exec sudo -n sh -c "$r"; fi; '
    'LC_ALL=C exec sudo -S -p "{mark} password:" sh -c "$r"'
)
_SETTLE = (
    'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; LC_ALL=C.UTF-8; KUBECACHEDIR=/run/homelab-kube; '
    "export PATH LC_ALL KUBECACHEDIR; umask 022; cd /\n"
)

_FRAME = r"""printf '\n%s begin\n' {mark}; printf '\n%s begin\n' {mark} >&2
d=$(mktemp -d {run}/homelab.XXXXXXXX 2>/dev/null || mktemp -d) && base64 -d >"$d/script" <<'{mark}' &&
{script}
{mark}
base64 -d >"$d/stdin" <<'{mark}'
{stdin}
{mark}
c=$?
exec 9>>{run}/homelab.lock
if [ $c != 0 ]; then c=unsent
else flock -n 9 || {{ printf '%s busy %s\n' {mark} "$(cat {run}/homelab.lock)"; flock -w {lock} 9 || c=locked; }}; fi
if [ $c = 0 ]; then
printf '%s\n' {name} >{run}/homelab.lock; printf '%s run\n' {mark}
timeout -k 5 {timeout} sh "$d/script" {args} <"$d/stdin" 9>&-
c=$?
fi
exec 9>&-; rm -rf "$d"; printf '\n%s end %s\n' {mark} "$c"; printf '\n%s end %s\n' {mark} "$c" >&2
"""


class ShellLost(Exception):
    """The shell or its connection ended in the middle. `said` is what the shell said last."""

    def __init__(self, said: str = "") -> None:
        super().__init__(said)
        self.said = said


class TookTooLong(Exception):
    """A script did not end within its timeout, and was ended."""


class _Stream:
    """Standard output or error of the shell: cut into lines, what belongs to the script kept and handed on."""

    def __init__(self, mark: str, on_line: OnLine | None) -> None:
        self.mark, self.on_line = mark.encode() + b" ", on_line
        self.said: dict[str, str] = {}  # mark's word -> what followed it
        self.raw = bytearray()  # what the script printed
        self.rest = b""  # the line that is not complete yet
        self._blank = False  # an empty line that may be the one before the end mark, so not the script's

    def feed(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(self.mark):
                word, _, more = line[len(self.mark) :].decode(errors="replace").partition(" ")
                self.said[word] = more
            elif "begin" in self.said and "end" not in self.said:
                self._line(line)

    def _line(self, line: bytes) -> None:
        self.raw += line + b"\n"
        if self._blank:
            self._emit("")
        self._blank = not line
        if line:
            self._emit(line.decode(errors="replace"))

    def _emit(self, line: str) -> None:
        if self.on_line is not None:
            self.on_line(line)

    def text(self) -> str:
        return self.raw[:-1].decode(errors="replace")  # less the newline before the end mark


class RootShell:
    """An open root shell on one channel. Used by one thread at a time; unusable after any exception."""

    def __init__(self, channel: Any, stop: threading.Event, run_dir: str) -> None:
        self._channel, self._stop, self._run_dir = channel, stop, run_dir
        self.machine_id = ""  # of the host; empty when it has none
        channel.settimeout(SLICE)

    @classmethod
    def open(
        cls,
        transport: paramiko.Transport,
        sudo_password: Secret | None,
        stop: threading.Event,
        *,
        run_dir: str = "/run",
    ) -> RootShell:
        """Opens it. The password is sent when sudo asks for it, once, and never otherwise.

        Raises `LoginRefused` when sudo refuses, `ShellLost` when the connection breaks.
        """
        patience = Patience(stop, OPEN_SECONDS)
        try:
            channel = transport.open_session(timeout=OPEN_SECONDS)
            shell = cls(channel, stop, run_dir)
            mark = secrets.token_hex(12)
            root = _ROOT.format(mark=mark)
            channel.exec_command(f"exec sh -c '{_OPEN.format(mark=mark, root=root)}'")
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise ShellLost(str(error)) from None
        try:
            shell._become_root(mark, sudo_password, patience)
            shell._send(_SETTLE.encode(), patience)
        except BaseException:
            shell.close()
            raise
        return shell

    @property
    def alive(self) -> bool:
        return not (self._channel.closed or self._channel.eof_received)

    def close(self) -> None:
        """Ends the shell. What still runs in it comes to its end by itself."""
        self._channel.close()

    # -- becoming root -----------------------------------------------------------------------------------

    def _become_root(self, mark: str, sudo_password: Secret | None, patience: Patience) -> None:
        out = _Stream(mark, None)
        heard = bytearray()

        def hear(data: bytes) -> None:
            out.feed(data)
            heard.extend(data)

        asked = 0
        prompt = f"{mark} password:".encode()
        while "root" not in out.said:
            ended = self._read(patience, hear, heard.extend)
            if "nosudo" in out.said:
                raise LoginRefused("There is no sudo on this host.", "Its user is not root.", "Install sudo on it.")
            if "root" in out.said:
                break
            if heard.count(prompt) > asked:
                asked += 1
                self._answer(asked, sudo_password, patience)
            elif ended or patience.left() <= 0:
                raise _refused(heard.replace(prompt, b"").decode(errors="replace"), ended=ended)
        self.machine_id = out.said["root"].strip()

    def _answer(self, asked: int, sudo_password: Secret | None, patience: Patience) -> None:
        """Answers sudo's prompt: once. A second prompt means that the password was wrong; more tries could lock it."""
        if sudo_password is None:
            raise LoginRefused(
                "sudo asks for a password on this host.", "None was given.", "Give machines.sudo_password."
            )
        if asked > 1:
            raise LoginRefused(
                "The sudo password was refused.", "It was tried once and not again, so that nothing gets locked.",
                "Correct machines.sudo_password and run the same command again.",
            )  # fmt: skip
        self._send(sudo_password.reveal().encode() + b"\n", patience)

    # -- running -----------------------------------------------------------------------------------------

    def run(self, script: Script, on_line: OnLine | None) -> Result:
        """Runs `script`. Raises `TookTooLong`, `ShellLost`, `Interrupted` or `HostError`."""
        mark = secrets.token_hex(12)
        out, err = _Stream(mark, on_line), _Stream(mark, on_line)
        sent = time.monotonic()
        try:
            self._send(frame(script, mark, self._run_dir), Patience(self._stop, 120))
            self._until_end(script, out, err)
        except BaseException:
            self.close()
            raise
        code = out.said["end"]
        if code == "unsent":
            raise HostError(
                f"The script {script.name} could not be stored on the host.", redact(err.text().strip()),
                "Its memory or disk may be full; look with: df -h /run /tmp",
            )  # fmt: skip
        if code == "locked":
            raise HostError(
                "A script of an earlier run is still at work on this host.",
                f"It is {out.said.get('busy') or 'unknown'}, and was waited for {LOCK_SECONDS:.0f} seconds.",
                "Wait until it has finished, or reboot this host; then run the same command again.",
            )
        if code in ("124", "137") and time.monotonic() - sent >= script.timeout:
            raise TookTooLong
        return Result(int(code), out.text(), err.text())

    def _until_end(self, script: Script, out: _Stream, err: _Stream) -> None:
        """Reads until both streams are at their end mark. The script's own time counts from when it began."""
        patience = Patience(self._stop, LOCK_SECONDS + 60)
        began = told = False
        while not ("end" in out.said and "end" in err.said):
            ended = self._read(patience, out.feed, err.feed)
            if not began and "run" in out.said:
                began = True
                patience = Patience(self._stop, script.timeout + GRACE_SECONDS)
            if not told and "busy" in out.said and out.on_line is not None:
                out.on_line(f"waiting for a script of an earlier run to end: {out.said['busy']}")
                told = True
            if ended and not ("end" in out.said and "end" in err.said):
                raise ShellLost((err.rest or out.rest).decode(errors="replace").strip())
            if patience.left() <= 0:
                raise TookTooLong

    # -- the channel -------------------------------------------------------------------------------------

    def _read(self, patience: Patience, out: Callable[[bytes], None], err: Callable[[bytes], None]) -> bool:
        """Waits a moment for output and hands it on. True when nothing more will come."""
        channel = self._channel
        over = channel.closed or channel.eof_received
        if not over:
            select.select([channel.fileno()], [], [], patience.slice())
            over = channel.closed or channel.eof_received
        while channel.recv_ready():
            out(channel.recv(65536))
        while channel.recv_stderr_ready():
            err(channel.recv_stderr(65536))
        return bool(over)

    def _send(self, data: bytes, patience: Patience) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._channel.send(view[:32768].tobytes()) :]
            except TimeoutError:
                if patience.left() <= 0:
                    raise ShellLost("the host no longer takes what is sent") from None
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise ShellLost(str(error)) from None


def frame(script: Script, mark: str, run_dir: str = "/run") -> bytes:
    """The commands that make the shell run `script` and print its marks."""
    return _FRAME.format(
        mark=mark, run=shlex.quote(run_dir), name=shlex.quote(script.name), lock=int(LOCK_SECONDS),
        script=_base64(script.text.encode()), stdin=_base64(script.stdin),
        timeout=f"{script.timeout:.3f}", args=shlex.join(script.args),
    ).encode()  # fmt: skip


def _base64(data: bytes) -> str:
    return base64.encodebytes(data).decode().rstrip("\n")


def _refused(said: str, *, ended: bool) -> LoginRefused:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    why = redact(lines[-1]) if lines else ("It ended without a word." if ended else "sudo did not answer in time.")
    return LoginRefused(
        "This user can't become root with sudo.", why, "Log in by hand and make this work first: sudo id -u"
    )
