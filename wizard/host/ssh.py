"""A Pi over SSH: one connection with a pinned host key, one open root shell."""

from __future__ import annotations

import threading
from collections.abc import Callable

import paramiko

from wizard.errors import CommandFailed, HostError, LoginRefused, TrustError, Unreachable, WizardError
from wizard.host.base import Login, OnLine, Result, Script
from wizard.host.patience import Patience
from wizard.host.shell import RootShell, ShellLost, TookTooLong
from wizard.host.transport import open_transport
from wizard.secret import redact

COME_BACK_SECONDS = 20.0  # how long a broken connection is tried again before the step fails
_BOOT_ID = Script("reboot/boot-id", "cat /proc/sys/kernel/random/boot_id\n", timeout=30)
_REBOOT = Script(
    "reboot/start",
    # detached, so that the script ends and its result arrives before the connection goes down
    "setsid sh -c 'sleep 0.3; exec systemctl reboot' </dev/null >/dev/null 2>&1 &\n",
    timeout=30,
)


class SshHost:
    """Implements `wizard.host.base.Host`. Made connected: see `connect`."""

    def __init__(self, login: Login, stop: threading.Event, *, run_dir: str = "/run") -> None:
        self.name, self.address = login.name or login.address, login.address
        self._login, self._stop, self._run_dir = login, stop, run_dir
        self._transport: paramiko.Transport | None = None
        self._shell: RootShell | None = None

    @classmethod
    def connect(cls, login: Login, stop: threading.Event, *, run_dir: str = "/run") -> SshHost:
        """Connects and becomes root. Raises `Unreachable`, `TrustError` or `LoginRefused`."""
        host = cls(login, stop, run_dir=run_dir)
        host._root()
        return host

    # -- what steps use ----------------------------------------------------------------------------------

    def run(self, script: Script, *, on_line: OnLine | None = None, check: bool = True) -> Result:
        """Runs `script` as root; see `Host.run`. Standard error's lines reach `on_line` too."""
        shell = self._usable()
        try:
            result = shell.run(script, on_line)
        except ShellLost as lost:
            raise self._lost(script, lost) from None
        except TookTooLong:
            raise CommandFailed(
                f"The script {script.name} took longer than {script.timeout:g} seconds and was ended.",
                "The host may be busy, or what it waits for does not come.",
                "Run the same command again; the log shows what it printed last.", host=self.name,
            ) from None  # fmt: skip
        except HostError as error:
            error.host = self.name
            raise
        if check and result.code:
            raise self._failed(script, result)
        return result

    def reboot(self, *, timeout: float = 300.0, progress: Callable[[str], None] = lambda phase: None) -> None:
        """Reboots and returns once the host runs with a new boot id and a root shell; see `Host.reboot`.

        `progress` is told each phase in a few words.
        """
        patience = Patience(self._stop, timeout)
        before = self.run(_BOOT_ID).out.strip()
        progress("rebooting")
        self.run(_REBOOT)
        progress("going down")
        last: HostError = Unreachable("It did not go down.")
        while patience.left() > 0:
            patience.sleep(1)
            try:
                if self.run(_BOOT_ID).out.strip() != before:
                    progress("up again")
                    return
                last = Unreachable("It did not go down.", host=self.name)
            except HostError as error:  # while it boots, log-ins are refused too
                if not isinstance(last, type(error)):
                    progress("booting" if isinstance(error, Unreachable) else "starting services")
                last = error
            self.close()
        raise Unreachable(
            f"It was rebooted and did not come back within {timeout:.0f} seconds.", " ".join(last.sentences()),
            "Look at its screen or its lights; when it is up, run the same command again.", host=self.name,
        )  # fmt: skip

    def close(self) -> None:
        """Ends shell and connection. The next `run` opens them again."""
        if self._shell is not None:
            self._shell.close()
        if self._transport is not None:
            self._transport.close()
        self._shell = self._transport = None

    # -- the connection ----------------------------------------------------------------------------------

    def _root(self) -> RootShell:
        """The root shell; connection and shell are opened where they are not."""
        if self._transport is None or not self._transport.is_active():
            self.close()
            self._transport = open_transport(self._login, self._stop)
        if self._shell is None or not self._shell.alive:
            password = self._login.sudo_password or self._login.password
            try:
                self._shell = RootShell.open(self._transport, password, self._stop, run_dir=self._run_dir)
            except ShellLost as lost:
                self.close()
                raise Unreachable(
                    "The connection broke while a root shell was opened.", lost.said, host=self.name
                ) from None
            except BaseException as error:
                self.close()
                if isinstance(error, LoginRefused):
                    error.host = self.name
                raise
        return self._shell

    def _usable(self) -> RootShell:
        """The root shell. A connection that broke while idle is opened again: nothing has been sent yet."""
        broke = self._transport is not None and not (self._transport.is_active() and self._shell and self._shell.alive)
        return self._come_back() if broke else self._root()

    def _come_back(self) -> RootShell:
        """Tries to connect for `COME_BACK_SECONDS`; raises the last `Unreachable`."""
        patience = Patience(self._stop, COME_BACK_SECONDS)
        while True:
            try:
                return self._root()
            except Unreachable:
                if patience.left() <= 1:
                    raise
            patience.sleep(1)

    def _lost(self, script: Script, lost: ShellLost) -> WizardError:
        if self._transport is not None and self._transport.is_active():
            return CommandFailed(
                f"The root shell ended while the script {script.name} ran.", redact(lost.said),
                "Run the same command again.", host=self.name,
            )  # fmt: skip
        self.close()
        try:
            self._come_back()
            now = "It is connected again."
        except TrustError as error:
            return error
        except (Unreachable, LoginRefused) as error:
            now = f"It did not come back within {COME_BACK_SECONDS:.0f} seconds: {error.what}"
        return Unreachable(
            f"The connection broke while the script {script.name} ran.",
            f"What was begun comes to its end on the host by itself, as long as it has power. {now}",
            "Run the same command again: it looks first and does what is left.", host=self.name,
        )  # fmt: skip

    def _failed(self, script: Script, result: Result) -> CommandFailed:
        said = [line for line in (result.err + "\n" + result.out).splitlines() if line.strip()]
        own = [line for line in result.err.splitlines() if line.strip()] or said
        return CommandFailed(
            f"The script {script.name} ended with exit code {result.code}.",
            redact(" | ".join(own[-3:])), "The log shows everything it printed.",
            host=self.name, output=redact("\n".join(said[-40:])),
        )  # fmt: skip
