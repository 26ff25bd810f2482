"""A Pi over SSH: one connection with a pinned host key, one open root shell."""

from __future__ import annotations

import threading
from collections.abc import Callable

import paramiko

from wizard.errors import CommandFailed, ConnectionLost, HostError, LoginRefused, Unreachable
from wizard.host import trust
from wizard.host.aside import asked
from wizard.host.base import Login, OnLine, Result, Script
from wizard.host.failures import command_failed
from wizard.host.patience import Patience
from wizard.host.shell import RootShell, ShellLost, TookTooLong
from wizard.host.transport import open_transport
from wizard.secret import redact

DOWN_SECONDS = 3.0  # a host that shuts down ends the shell first; its connection follows within this time
_MACHINE_ID = Script("machine-id", "cat /etc/machine-id 2>/dev/null || true\n", timeout=30)
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
        self._machine_id: str | None = None  # what the host has to have when it is connected again

    @classmethod
    def connect(cls, login: Login, stop: threading.Event, *, run_dir: str = "/run") -> SshHost:
        """Connects and becomes root. Raises `Unreachable`, `TrustError` or `LoginRefused`."""
        host = cls(login, stop, run_dir=run_dir)
        host._root()
        return host

    # -- what steps use ----------------------------------------------------------------------------------

    def run(self, script: Script, *, on_line: OnLine | None = None, check: bool = True) -> Result:
        """Runs `script` as root; see `Host.run`. Standard error's lines reach `on_line` too."""
        shell = self._usable(script)
        try:
            result = shell.run(script, on_line)
        except ShellLost as lost:
            if self._connection_ended():
                raise self._lost(script) from None
            raise CommandFailed(
                f"The root shell ended while the script {script.name} ran.", redact(lost.said),
                "Run the same command again.", host=self.name,
            ) from None  # fmt: skip
        except TookTooLong:
            raise CommandFailed(
                f"The script {script.name} took longer than {script.timeout:g} seconds and was ended.",
                "The host may be busy, or what it waits for does not come.",
                "Run the same command again; the log shows what it printed last.", host=self.name,
            ) from None  # fmt: skip
        except HostError as error:
            error.host = self.name
            raise
        if result.code and self._shuts_down():  # what is killed by a shutdown has not failed
            raise self._lost(script)
        if check and result.code:
            raise command_failed(script, result, self.name)
        return result

    def reboot(self, *, timeout: float = 300.0, progress: Callable[[str], None] = lambda phase: None) -> None:
        """Reboots and returns once the host runs with a new boot id and a root shell; see `Host.reboot`.

        `progress` is told each phase in a few words.
        """
        patience = Patience(self._stop, timeout)
        before = self.run(_BOOT_ID).out.strip()
        self._machine_id = self.run(_MACHINE_ID).out.strip()  # it may have been given another one on purpose
        progress("rebooting")
        self.run(_REBOOT)
        progress("going down")
        last: HostError = Unreachable("It did not go down.")
        while patience.left() > 0:
            patience.sleep(1)
            try:
                self._root()
                if self.run(_BOOT_ID).out.strip() != before:
                    progress("up again")
                    return
                last = Unreachable("It did not go down.", host=self.name)
            except HostError as error:  # while it boots, log-ins are refused too
                if not isinstance(last, type(error)):
                    progress("booting" if isinstance(error, Unreachable) else "starting services")
                last = error
            self._hang_up()
        raise Unreachable(
            f"It was rebooted and did not come back within {timeout:.0f} seconds.", " ".join(last.sentences()),
            "Look at its screen or its lights; when it is up, run the same command again.", host=self.name,
        )  # fmt: skip

    def close(self) -> None:
        """Ends shell and connection. The next `run` opens them again, and takes the machine-id as it then is."""
        self._hang_up()
        self._machine_id = None

    # -- the connection ----------------------------------------------------------------------------------

    def _hang_up(self) -> None:
        if self._shell is not None:
            self._shell.close()
        if self._transport is not None:
            self._transport.close()
        self._shell = self._transport = None

    def _root(self) -> RootShell:
        """The root shell; connection and shell are opened where they are not.

        Raises `Unreachable`, `LoginRefused`, or `TrustError` when it is not the host that was connected before.
        """
        if self._transport is None or not self._transport.is_active():
            self._hang_up()
            self._transport = open_transport(self._login, self._stop)
        if self._shell is None or not self._shell.alive:
            password = self._login.sudo_password or self._login.password
            try:
                self._shell = RootShell.open(self._transport, password, self._stop, run_dir=self._run_dir)
            except ShellLost as lost:
                self._hang_up()
                raise Unreachable(
                    "The connection broke while a root shell was opened.", lost.said, host=self.name
                ) from None
            except BaseException as error:
                self._hang_up()
                if isinstance(error, LoginRefused):
                    error.host = self.name
                raise
            before, now = self._machine_id, self._shell.machine_id
            if before is not None and before != now:
                self._hang_up()
                raise trust.another(self.name, before, now)
            self._machine_id = now
        return self._shell

    def _usable(self, script: Script) -> RootShell:
        """The root shell. A connection that broke while idle is opened again: nothing of `script` has been sent yet.

        Raises `ConnectionLost` when that takes more than one try: this host was connected once, so it went away.
        """
        try:
            return self._root()
        except (Unreachable, LoginRefused) as error:  # while it boots, log-ins are refused too
            raise self._lost(
                script, f"The connection broke before the script {script.name} began.", error.why
            ) from None

    def _lost(self, script: Script, what: str = "", why: str = "") -> ConnectionLost:
        self._hang_up()
        return ConnectionLost(
            what or f"The connection broke while the script {script.name} ran.",
            why or "What was begun comes to its end on the host by itself, as long as it has power.",
            "Run the same command again: it looks first and does what is left.",
            host=self.name, address=self.address, come_back=self._come_back,
        )  # fmt: skip

    def _come_back(self) -> None:
        """Tries once to connect; see `ConnectionLost`. A host that is still going down is not back."""
        self._root()
        if self._shuts_down():
            self._hang_up()
            raise Unreachable("It is not back yet.", "It is shutting down.", host=self.name)

    def _shuts_down(self) -> bool:
        """Whether the host is on its way down, or gone already."""
        try:
            if self._transport is None or not self._transport.is_active():
                return True
            return asked(self._transport, "systemctl is-system-running", self._stop) == "stopping"
        except ShellLost:
            return True

    def _connection_ended(self) -> bool:
        """Whether the connection ended, now or soon, and not only the shell in it."""
        patience = Patience(self._stop, DOWN_SECONDS)
        while self._transport is not None and self._transport.is_active():
            if patience.left() <= 0:
                return self._shuts_down()
            patience.sleep(0.1)
        return True
