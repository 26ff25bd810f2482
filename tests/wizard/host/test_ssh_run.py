"""Scripts through the one root shell: what they print, how they fail, and what happens when they are interrupted."""

import threading
import time

import pytest

from wizard.errors import CommandFailed, ConnectionLost, HostError, Interrupted, LoginRefused, TrustError, Unreachable
from wizard.host import ssh
from wizard.host.base import Script


@pytest.mark.parametrize(
    ("text", "out", "err"),
    [
        ("echo one; echo two", "one\ntwo\n", ""),
        ("printf 'no newline'", "no newline", ""),
        ("printf '\\n\\n'", "\n\n", ""),
        ("echo warned >&2; echo told", "told\n", "warned\n"),
        (":", "", ""),
        ("printf 'caf\\303\\251 \\377'", "café \ufffd", ""),
        ("cat", "", ""),  # the shell's own commands are not the script's input
        ('echo "$1|$2"; echo "it\'s $#"', "a b|$(id) 'x'\nit's 2\n", ""),
        ("seq 1 30000 | wc -l", "30000\n", ""),
    ],
)
def test_output_comes_back_as_it_was(connect, text, out, err):
    args = ("a b", "$(id) 'x'") if "$1" in text else ()
    result = connect().run(Script("t", text, args))
    assert (result.code, result.out, result.err) == (0, out, err)


def test_standard_input_is_the_scripts_own_and_binary(connect):
    data = bytes(range(256)) * 2000
    result = connect().run(Script("t", "wc -c; echo done", stdin=data))
    assert result.out.split() == [str(len(data)), "done"]


def test_many_scripts_go_through_one_shell_and_leave_nothing_behind(connect, pi):
    host = connect()
    shells = {host.run(Script("t", "read -r _ _ _ shell _ </proc/$PPID/stat; echo $shell")).out for _ in range(9)}
    assert len(shells) == 1
    assert [path.name for path in (pi.home / "run").iterdir()] == ["homelab.lock"]
    assert not list(pi.home.glob("tmp.*"))


def test_a_script_is_stored_where_only_its_user_can_read(connect):
    out = connect().run(Script("t", 'd=${0%/*}; echo "$d"; stat -c %a "$d"')).out.split()
    assert "/run/homelab." in out[0]
    assert out[1] == "700"


def test_lines_are_handed_on_as_they_come(connect):
    came: list[tuple[str, float]] = []
    connect().run(
        Script("t", "echo first; echo; sleep 0.6; echo second; echo third >&2; printf last"),
        on_line=lambda line: came.append((line, time.monotonic())),
    )
    assert [line for line, _ in came if line != "third"] == ["first", "", "second", "last"]
    assert "third" in [line for line, _ in came]
    at = dict(came)
    assert at["second"] - at["first"] > 0.4


def test_a_failing_script_is_named_with_what_it_said(connect):
    host = connect()
    with pytest.raises(CommandFailed) as failed:
        host.run(Script("prepare/swap", "echo working; echo 'no such device' >&2; exit 7"))
    assert "prepare/swap ended with exit code 7" in failed.value.what
    assert "no such device" in failed.value.why
    assert failed.value.host == "pi1"
    assert "working" in failed.value.output
    assert host.run(Script("t", "exit 7"), check=False).code == 7


def test_a_script_that_takes_too_long_is_ended_on_the_host_too(connect, pi):
    host = connect()
    began = time.monotonic()
    with pytest.raises(CommandFailed, match=r"slow took longer than 0\.5 seconds"):
        host.run(Script("slow", f"sleep 1.5; echo late >{pi.home}/late", timeout=0.5))
    assert time.monotonic() - began < 1.4
    assert host.run(Script("t", "echo next")).out == "next\n"
    time.sleep(max(0.0, began + 1.7 - time.monotonic()))
    assert not (pi.home / "late").exists()


def test_stop_ends_a_read_soon_and_the_script_comes_to_its_end(connect, pi):
    stop = threading.Event()
    host = connect(stop)
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        host.run(Script("t", f"for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done; echo end >{pi.home}/ended"))
    assert time.monotonic() - began < 0.9
    _until(lambda: (pi.home / "ended").exists())


def test_a_connection_cut_in_mid_script_is_lost_and_the_script_is_not_run_again(connect, pi):
    host = connect()
    ran = pi.home / "ran"
    threading.Timer(0.4, pi.cut).start()
    with pytest.raises(ConnectionLost, match="broke while the script t ran") as lost:
        host.run(Script("t", f"echo ran >>{ran}; sleep 1; echo more; echo more; echo end >>{ran}"))
    assert (lost.value.host, lost.value.address) == ("pi1", "127.0.0.1")
    began = time.monotonic()
    lost.value.come_back()
    assert time.monotonic() - began < 0.9, "it does not wait for what still runs there"
    # the next script waits for the end of the one that was left alone
    lines: list[str] = []
    assert host.run(Script("next", f"cat {ran}"), on_line=lines.append).out == "ran\nend\n"
    assert lines[0] == "waiting for a script of an earlier run to end: t"


def test_a_connection_cut_while_idle_is_opened_again(connect, pi):
    host = connect()
    pi.cut()
    _until(lambda: not host._transport.is_active())
    assert host.run(Script("t", "echo back")).out == "back\n"


def test_a_host_that_goes_away_while_idle_is_lost_and_can_come_back(connect, pi):
    host = connect()
    pi.down()
    _until(lambda: not host._transport.is_active())
    for _ in range(2):  # whoever swallows the first error meets the same again
        with pytest.raises(ConnectionLost, match="broke before the script t began") as lost:
            host.run(Script("t", "echo back"))
    with pytest.raises(Unreachable, match="No SSH connection"):
        lost.value.come_back()
    pi._listen()
    pi.password = "still booting"
    with pytest.raises(LoginRefused):
        lost.value.come_back()
    pi.password = "raspberry"
    lost.value.come_back()
    assert host.run(Script("t", "echo back")).out == "back\n"


def test_a_host_that_never_answered_is_not_one_that_was_lost(connect, pi):
    pi.down()
    with pytest.raises(Unreachable) as failed:
        connect()
    assert not isinstance(failed.value, ConnectionLost)


def test_another_host_key_or_another_machine_coming_back_is_no_comeback(connect, pi):
    host = connect()
    pi.cut()
    _until(lambda: not host._transport.is_active())
    (pi.home / "machine-id").write_text("f00d\n")
    with pytest.raises(TrustError, match="Another machine came back") as stopped:
        host.run(Script("t", f"echo ran >{pi.home}/ran"))
    assert "now it is f00d" in stopped.value.why
    (pi.home / "machine-id").write_text("c0ffee\n")
    assert host.run(Script("t", "echo back")).out == "back\n"
    pi.cut()
    _until(lambda: not host._transport.is_active())
    pi.host_keys = [pi.make_key()]
    with pytest.raises(TrustError, match="host key"):
        host.run(Script("t", f"echo ran >{pi.home}/ran"))
    assert not (pi.home / "ran").exists()


def test_a_machine_id_that_was_changed_on_purpose_is_taken_by_a_reboot_and_by_closing(connect, pi):
    host = connect()
    (pi.home / "machine-id").write_text("f00d\n")
    host.reboot(timeout=20)
    (pi.home / "machine-id").write_text("beef\n")
    host.close()
    assert host.run(Script("t", "echo back")).out == "back\n"


@pytest.mark.parametrize("state", ["stopping", "running"])
def test_a_script_that_fails_because_its_host_shuts_down_has_not_failed(connect, pi, state):
    (pi.bin / "systemctl").write_text(f"#!/bin/sh\n[ $1 = is-system-running ] && echo {state}\n")
    host = connect()
    expected = ConnectionLost if state == "stopping" else CommandFailed
    with pytest.raises(HostError) as failed:
        host.run(Script("t", "exit 137"))
    assert type(failed.value) is expected
    if state == "stopping":
        with pytest.raises(Unreachable, match="not back yet"):
            failed.value.come_back()


def test_a_script_that_ends_its_own_shell_leaves_a_host_that_works(connect):
    host = connect()
    with pytest.raises(CommandFailed, match="root shell ended while the script t ran"):
        host.run(Script("t", "read -r _ _ _ shell _ </proc/$PPID/stat; kill -9 $shell"))
    assert host.run(Script("t", "echo back")).out == "back\n"


def test_reboot_returns_with_another_boot_id(connect, pi):
    host = connect()
    before = (pi.home / "boot-id").read_text()
    phases: list[str] = []
    host.reboot(timeout=20, progress=phases.append)
    assert host.run(ssh._BOOT_ID).out != before
    assert phases[:2] == ["rebooting", "going down"]
    assert phases[-1] == "up again"


def test_a_reboot_that_never_happens_is_told(connect, pi):
    (pi.bin / "systemctl").write_text("#!/bin/sh\n")
    with pytest.raises(Unreachable, match="did not come back within 2 seconds"):
        connect().reboot(timeout=2)


def _until(true, seconds: float = 6.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
