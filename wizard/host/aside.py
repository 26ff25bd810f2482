"""A short question to a host beside its root shell, which may be busy or gone."""

from __future__ import annotations

import threading

import paramiko

from wizard.host.patience import SLICE, Patience
from wizard.host.shell import ShellLost

ASK_SECONDS = 15.0


def asked(transport: paramiko.Transport, command: str, stop: threading.Event) -> str:
    """What `command` prints, run as the user who logged in and beside the root shell: no script is waited for.

    Raises `ShellLost` when the connection breaks or no answer comes.
    """
    patience, said = Patience(stop, ASK_SECONDS), bytearray()
    try:
        channel = transport.open_session(timeout=ASK_SECONDS)
        channel.settimeout(SLICE)
        channel.exec_command(command)
        while True:
            try:
                data = channel.recv(65536)
            except TimeoutError:
                if patience.left() <= 0:
                    raise ShellLost("no answer") from None
                continue
            if not data:
                channel.close()
                return said.decode(errors="replace").strip()
            said += data
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise ShellLost(str(error)) from None
