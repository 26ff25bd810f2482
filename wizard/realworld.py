"""The real world: sockets, processes, SSH, the web, the cluster. `homelab demo` has another one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

from wizard.errors import Interrupted, WizardError
from wizard.host.base import Host, HostKey, Login, OnLine, Result
from wizard.world import Cluster, DnsAnswer, Found, Request, Response

TERM_SECONDS = 3.0  # what a program gets to end by itself before it is killed


class RealWorld:
    """Implements `wizard.world.World`. Slow imports happen when something is first used."""

    def __init__(self) -> None:
        self.home = Path.home()
        self.stop = threading.Event()

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise _stopped()

    def scan(self, network: str, on_found: Callable[[Found], None]) -> list[Found]:
        from wizard.net import scan

        return scan.scan(network, self.stop, on_found)

    def host_keys(self, address: str, port: int = 22) -> tuple[HostKey, ...]:
        from wizard.host import transport

        return transport.shown_keys(address, port, self.stop)

    def connect(self, login: Login) -> Host:
        from wizard.host.ssh import SshHost

        return SshHost.connect(login, self.stop)

    def arp(self, addresses: Sequence[str]) -> dict[str, tuple[str, ...]]:
        from wizard.net import arp

        return arp.probe(addresses, self.stop)

    def dns(self, server: str, name: str, kind: str) -> DnsAnswer:
        from wizard.net import dns

        return dns.ask(server, name, kind, self.stop)

    def upnp(self, router: str, action: str, values: Mapping[str, str]) -> dict[str, str]:
        from wizard.net import upnp

        return upnp.call(router, action, values, self.stop)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 600.0,
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        """Runs a program in a session of its own, so that Ctrl-C reaches it only through `stop`; see `World.run`."""
        name = Path(argv[0]).name
        try:
            process = subprocess.Popen(
                list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={**os.environ, **(env or {})}, cwd=cwd, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise WizardError(
                f"The program {name} could not be started.", f"{error.strerror}.", f"Check that {name} is installed."
            ) from None
        return _Program(name, process, stdin, on_line).wait(timeout, self.stop)

    def http(self, request: Request) -> Response:
        from wizard.web import http

        return http.send(request, self.stop)

    def cluster(self, kubeconfig: Path) -> Cluster:
        from wizard.cluster import KubeCluster

        return KubeCluster(kubeconfig, self.stop)


class _Program:
    """A running program with a thread for each of its streams."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], stdin: bytes, on_line: OnLine | None) -> None:
        self.name, self.process = name, process
        self.out, self.err = bytearray(), bytearray()
        works: list[tuple[Callable[..., None], tuple[object, ...]]] = [
            (_feed, (process.stdin, stdin)),
            (_drain, (process.stdout, self.out, on_line)),
            (_drain, (process.stderr, self.err, on_line)),
        ]
        self.threads = [threading.Thread(target=work, args=args, daemon=True) for work, args in works]
        for thread in self.threads:
            thread.start()

    def wait(self, timeout: float, stop: threading.Event) -> Result:
        end = time.monotonic() + timeout
        try:
            while self.process.poll() is None:
                if stop.is_set():
                    raise _stopped()
                if time.monotonic() >= end:
                    raise WizardError(
                        f"The program {self.name} took longer than {timeout:g} seconds and was ended.",
                        fix="Run the same command again; the log shows what it printed last.",
                    )
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.1)
        except BaseException:
            self._end()
            raise
        for thread in self.threads:
            thread.join(2.0)  # a child left behind may hold the pipes; it is not waited for
        return Result(self.process.returncode, self.out.decode(errors="replace"), self.err.decode(errors="replace"))

    def _end(self) -> None:
        """Ends the program and what it started."""
        for number, patience in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, 1.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # it need not read all it is given
        pipe.write(data)
    with contextlib.suppress(BrokenPipeError):
        pipe.close()


def _drain(pipe: Iterable[bytes], kept: bytearray, on_line: OnLine | None) -> None:
    for line in pipe:
        kept += line
        if on_line is not None:
            on_line(line.decode(errors="replace").rstrip("\r\n"))


def _stopped() -> Interrupted:
    return Interrupted("Stopped.", fix="Run the same command again to go on.")
