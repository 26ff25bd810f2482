"""An SSH connection to a host whose key is pinned: nothing is sent before the key was checked."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import select
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

from wizard.errors import LoginRefused, TrustError, Unreachable
from wizard.host import keyfile, trust
from wizard.host.base import HostKey, Login
from wizard.host.failures import no_ssh
from wizard.host.patience import Patience
from wizard.secret import Secret

CONNECT_SECONDS = 10.0  # for TCP and the key exchange together
AUTH_SECONDS = 30.0  # for one way to log in; a Pi's PAM may take its time
DEAD_AFTER = 20  # seconds without any sign of life, after which a connection counts as broken

# paramiko's own threads log what goes wrong; every such failure also reaches the caller as an error of ours
logging.getLogger("paramiko").addHandler(logging.NullHandler())


def shown_keys(address: str, port: int, stop: threading.Event) -> tuple[HostKey, ...]:
    """Every key the host shows, one key exchange for each kind, no log-in. Raises `Unreachable`."""
    shown = []
    for kinds in (["ssh-ed25519"], [kind for kind in trust.ALGORITHMS if kind.startswith("ecdsa")], ["ssh-rsa"]):
        try:
            transport = _exchange(address, port, kinds, Patience(stop, CONNECT_SECONDS))
        except _NoSuchKey:
            continue
        shown.append(_key_of(transport))
        transport.close()
    return tuple(shown)


def open_transport(login: Login, stop: threading.Event) -> paramiko.Transport:
    """Connects, checks the host key, logs in. Raises `Unreachable`, `TrustError` or `LoginRefused`."""
    transport = _trusted(login, stop)
    tried: list[str] = []
    try:
        for way in _ways(login, tried):
            if not transport.is_active():  # servers hang up after a few refused keys
                transport = _trusted(login, stop)
            problem = _try(transport, login.user, way, Patience(stop, AUTH_SECONDS))
            if problem is None:
                return transport
            tried.append(f"{way.label} ({problem})")
    except BaseException:
        transport.close()
        raise
    transport.close()
    raise LoginRefused(
        f"The host refused to let {login.user} in.",
        f"Tried: {'; '.join(tried)}." if tried else "There was nothing to try: no key and no password.",
        "Check machines.user, and give machines.password or a machines.key_file that this host knows.",
        host=_name(login),
    )


# -- key exchange ------------------------------------------------------------------------------------------


class _NoSuchKey(Exception):
    """The host has no key of the wanted kinds."""


def _trusted(login: Login, stop: threading.Event) -> paramiko.Transport:
    """A connection to the host that was pinned, before any log-in."""
    kinds = {key.kind for key in login.host_keys}
    try:
        transport = _exchange(login.address, login.port, kinds, Patience(stop, CONNECT_SECONDS), _name(login))
    except _NoSuchKey:
        shown = shown_keys(login.address, login.port, stop)
        raise trust.changed(_name(login), login.host_keys, shown) from None
    key = _key_of(transport)
    if not any(trust.same(key, pinned) for pinned in login.host_keys):
        transport.close()
        raise trust.changed(_name(login), login.host_keys, [key])
    return transport


def _exchange(address: str, port: int, kinds: Iterable[str], patience: Patience, name: str = "") -> paramiko.Transport:
    """TCP and the key exchange. The server may only show a key of `kinds`, or there is no connection."""
    wanted = trust.algorithms(kinds)
    if not wanted:
        raise TrustError("No host key is pinned.", "Nothing is sent to a host that is not known.", host=name or address)
    sock = _tcp(address, port, patience, name or address)
    transport = paramiko.Transport(sock)
    try:
        transport.get_security_options().key_types = wanted
        transport.banner_timeout = transport.handshake_timeout = patience.left() + 1
        transport.auth_timeout = AUTH_SECONDS
        done = threading.Event()
        transport.start_client(event=done)
        in_time = patience.wait(done)
    except BaseException:
        transport.close()
        raise
    if in_time and transport.is_active():
        transport.set_keepalive(5)
        return transport
    error = transport.get_exception()
    transport.close()
    if isinstance(error, paramiko.SSHException) and "host key" in str(error):
        raise _NoSuchKey
    raise Unreachable(
        "SSH does not answer as it should.",
        f"The connection to port {port} was opened, then: {error}." if error else "The key exchange took too long.",
        "Wait a moment and try again; when it stays so, look at the host's own log (journalctl -u ssh).",
        host=name or address,
    )


def _tcp(address: str, port: int, patience: Patience, name: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        code = sock.connect_ex((address, port))
        while not select.select([], [sock], [], patience.slice())[1] and patience.left() > 0:
            pass
        reached = bool(select.select([], [sock], [], 0)[1])
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or (code if not reached else 0)
        if not reached or code:
            why = "Nothing answered." if not reached else f"{os.strerror(code)}."
            raise no_ssh(address, port, why, name)
        _tune(sock)
    except BaseException:
        sock.close()
        raise
    sock.setblocking(True)
    return sock


def _tune(sock: socket.socket) -> None:
    """No waiting for full packets (a tenth of the time a command takes), and a dead line is noticed."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; elsewhere the system's own, longer limits hold
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER * 1000)


def _key_of(transport: paramiko.Transport) -> HostKey:
    key = transport.get_remote_server_key()
    return trust.host_key(f"{key.get_name()} {key.get_base64()}")


def _name(login: Login) -> str:
    return login.name or login.address


# -- logging in --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Way:
    """One way to log in: a key, or a password."""

    label: str
    key: Any = None
    password: Secret | None = None


def _ways(login: Login, tried: list[str]) -> Iterator[_Way]:
    """Key files first, since they were named; then ssh-agent, then the password. What can't be used goes to `tried`.

    The agent is not first: a server hangs up after six keys, and an agent may well hold more.
    """
    for file in login.key_files:
        key = _key_file(file, login.key_passphrase, tried)
        if key is not None:
            yield _Way(f"key file {file}", key)
    agent = paramiko.Agent()
    try:
        for key in agent.get_keys():
            yield _Way(f"key {key.comment or key.get_name()} of ssh-agent", key)
    finally:
        agent.close()
    if login.password is not None:
        yield _Way("the password", password=login.password)
    else:
        tried.append("no password was given")


def _key_file(file: str, passphrase: Secret | None, tried: list[str]) -> paramiko.PKey | None:
    locked = keyfile.locked(Path(file))
    try:
        if not locked:
            return paramiko.PKey.from_path(file)
        if passphrase is not None:
            return _unlocked(file, passphrase)
        reason = f"locked by a passphrase; give it, or unlock it first with: ssh-add {file}"
    except OSError as error:
        reason = error.strerror or "not readable"
    except ValueError as error:
        reason = f"{error}" if locked else "not a private key in a known format"
    except Exception:  # many kinds of damage, one meaning
        reason = "not a private key in a known format"
    tried.append(f"key file {file} ({reason})")
    return None


def _unlocked(file: str, passphrase: Secret) -> paramiko.PKey:
    """The key in a locked file. Its unlocked form is in memory only. paramiko itself unlocks few of the formats."""
    text = keyfile.unlock(Path(file), passphrase)
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with contextlib.suppress(paramiko.SSHException):
            return kind.from_private_key(io.StringIO(text))
    raise ValueError("a kind of key that is not used")


def _try(transport: paramiko.Transport, user: str, way: _Way, patience: Patience) -> str | None:
    """Tries one way. Returns None when the person is in, else why not."""
    done = threading.Event()
    try:
        if way.password is None:
            transport.auth_publickey(user, way.key, event=done)
        else:
            transport.auth_password(user, way.password.reveal(), event=done)
        if not patience.wait(done):
            return "no answer in time"
        if transport.is_authenticated():
            return None
        error = transport.get_exception()
        if isinstance(error, paramiko.BadAuthenticationType) and way.password is not None:
            return _interactive(transport, user, way.password, error.allowed_types)
    except (paramiko.SSHException, EOFError, OSError) as failure:
        error = failure
    if isinstance(error, paramiko.BadAuthenticationType):
        return f"this host only takes: {', '.join(error.allowed_types)}"
    if isinstance(error, paramiko.AuthenticationException) or error is None:
        return "refused"
    return "the host hung up"


def _interactive(transport: paramiko.Transport, user: str, password: Secret, allowed: list[str]) -> str | None:
    """The password by keyboard-interactive, for hosts whose sshd takes it only that way."""
    if "keyboard-interactive" not in allowed:
        return f"this host only takes: {', '.join(allowed)}"
    answer: Callable[..., list[str]] = lambda title, text, fields: [password.reveal()] * min(len(fields), 1)  # noqa: E731
    try:
        transport.auth_interactive(user, answer)
    except (paramiko.SSHException, EOFError):
        return "refused"
    return None if transport.is_authenticated() else "refused"
