"""Who is spoken to, and how one gets in: host keys before anything else, then keys and passwords, then sudo."""

import socket
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from wizard.errors import Interrupted, LoginRefused, TrustError, Unreachable
from wizard.host import transport
from wizard.host.base import Script
from wizard.host.transport import shown_keys
from wizard.secret import Secret

ID = Script("id", "echo works")


@pytest.fixture
def make_key(pi):
    return type(pi).make_key


@pytest.fixture
def pinned(pi):
    return type(pi).pinned


def key_file(path, passphrase: str = "") -> str:
    """Writes a private key and returns the public one."""
    private = ed25519.Ed25519PrivateKey.generate()
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, lock))
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode().split()[1]


# -- host keys


def test_a_host_that_shows_the_pinned_key_is_spoken_to(connect):
    assert connect().run(ID).out == "works\n"


def test_a_changed_host_key_is_refused_before_anything_is_sent(connect, pi, make_key, pinned):
    old = pinned(pi.host_keys[0])
    pi.host_keys = [make_key()]
    with pytest.raises(TrustError) as refused:
        connect(host_keys=(old,))
    assert old.fingerprint in refused.value.why
    assert pinned(pi.host_keys[0]).fingerprint in refused.value.why
    assert pi.seen == []


def test_the_server_is_asked_for_the_kind_that_is_pinned(connect, pi, make_key, pinned):
    pi.host_keys = [make_key("ssh-ed25519"), make_key("ecdsa-sha2-nistp256"), make_key("ssh-rsa")]
    for key in pi.host_keys:
        assert connect(host_keys=(pinned(key),)).run(ID).out == "works\n"


def test_a_host_without_the_pinned_kind_is_refused_with_what_it_shows(connect, pi, make_key, pinned):
    old = pinned(make_key("ecdsa-sha2-nistp256"))
    with pytest.raises(TrustError) as refused:
        connect(host_keys=(old,))
    assert old.fingerprint in refused.value.why
    assert pinned(pi.host_keys[0]).fingerprint in refused.value.why
    assert pi.seen == []


def test_without_a_pinned_key_nothing_is_sent(connect, pi):
    with pytest.raises(TrustError, match="No host key is pinned"):
        connect(host_keys=())
    assert pi.seen == []


def test_all_keys_of_a_host_are_shown_without_a_log_in(pi, make_key, pinned):
    pi.host_keys = [make_key("ssh-ed25519"), make_key("ssh-rsa")]
    assert set(shown_keys("127.0.0.1", pi.port, threading.Event())) == {pinned(key) for key in pi.host_keys}
    assert pi.seen == []


# -- logging in


def test_a_key_file_is_tried_before_the_password(connect, pi, tmp_path):
    pi.authorized = [key_file(tmp_path / "key")]
    connect(key_files=(str(tmp_path / "key"),))
    assert pi.seen == ["key"]


def test_a_refused_log_in_names_what_was_tried_and_no_secret(connect, pi, tmp_path):
    key_file(tmp_path / "strange")
    key_file(tmp_path / "locked", "passphrase")
    (tmp_path / "damaged").write_text("no key\n")
    files = tuple(str(tmp_path / name) for name in ("strange", "locked", "damaged", "missing"))
    with pytest.raises(LoginRefused) as refused:
        connect(key_files=files, password=Secret("not-the-password"))
    why = refused.value.why
    assert f"{files[0]} (refused)" in why
    assert f"ssh-add {files[1]}" in why
    assert f"{files[2]} (not a private key" in why
    assert f"{files[3]} (No such file" in why
    assert "the password (refused)" in why
    assert "not-the-password" not in str(refused.value)
    assert refused.value.host == "pi1"


def test_a_locked_key_file_is_unlocked_with_the_passphrase(connect, pi, tmp_path):
    pi.authorized = [key_file(tmp_path / "locked", "open-sesame")]
    files = (str(tmp_path / "locked"),)
    assert connect(key_files=files, key_passphrase=Secret("open-sesame"), password=None).run(ID).out == "works\n"


def test_a_wrong_passphrase_is_named_and_not_told(connect, pi, tmp_path):
    pi.authorized = [key_file(tmp_path / "locked", "open-sesame")]
    files = (str(tmp_path / "locked"),)
    with pytest.raises(LoginRefused) as refused:
        connect(key_files=files, key_passphrase=Secret("close-sesame"), password=None)
    assert f"{files[0]} (the passphrase that was given does not unlock it)" in refused.value.why
    assert "sesame" not in str(refused.value).replace(files[0], "")
    assert pi.seen == []


def test_a_passphrase_is_for_the_locked_key_only(connect, pi, tmp_path):
    """The wizard's own key, which has none, comes first in every list."""
    pi.authorized = [key_file(tmp_path / "own")]
    key_file(tmp_path / "locked", "open-sesame")
    files = (str(tmp_path / "own"), str(tmp_path / "locked"))
    connect(key_files=files, key_passphrase=Secret("open-sesame"), password=None)
    assert pi.seen == ["key"]


def test_without_key_and_password_that_is_said(connect):
    with pytest.raises(LoginRefused, match="no password was given"):
        connect(password=None)


# -- sudo


@pytest.mark.parametrize("mode", ["nopasswd", "asks"])
def test_sudo_with_and_without_password(connect, pi, mode):
    pi.sudo(mode, "wonder-land")
    assert connect(sudo_password=Secret("wonder-land")).run(ID).out == "works\n"
    assert pi.sudo_tries() == (["wonder-land"] if mode == "asks" else [])


def test_the_log_in_password_is_sudos_when_no_other_is_given(connect, pi):
    pi.sudo("asks", "raspberry")
    assert connect().run(ID).out == "works\n"


def test_root_needs_no_sudo(connect, pi):
    pi.uid(0)
    (pi.bin / "sudo").unlink()
    assert connect().run(ID).out == "works\n"


@pytest.mark.parametrize(
    ("mode", "given", "said", "tries"),
    [
        ("asks", "wrong-one", "sudo password was refused", 1),
        ("refuses", "raspberry", "not in the sudoers file", 1),
        ("asks", None, "sudo asks for a password", 0),
    ],
)
def test_refused_sudo_is_named_after_one_try(connect, pi, tmp_path, mode, given, said, tries):
    pi.sudo(mode)
    pi.authorized = [key_file(tmp_path / "key")]
    with pytest.raises(LoginRefused, match=said) as refused:
        connect(key_files=(str(tmp_path / "key"),), password=None, sudo_password=given and Secret(given))
    assert refused.value.host == "pi1"
    time.sleep(0.2)
    assert len(pi.sudo_tries()) == tries


def test_a_host_without_sudo_is_named(connect, pi):
    (pi.bin / "sudo").unlink()
    with pytest.raises(LoginRefused, match="no sudo"):
        connect()


# -- no answer


def test_a_closed_port_is_unreachable(connect, pi):
    pi.down()
    with pytest.raises(Unreachable, match="Connection refused"):
        connect()


def test_something_that_is_not_ssh_is_unreachable(connect, monkeypatch):
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="does not answer as it"):
        connect(port=silent.getsockname()[1])


def test_stop_ends_a_connection_attempt_soon(connect):
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Interrupted):
        connect(stop, port=silent.getsockname()[1])
    assert time.monotonic() - began < 0.8
