"""SSH, sudo, reboots, scans and ARP on real hosts: systemd, Debian's sshd and sudo, a real LAN."""
# long because: booting lab nodes is slow, so one set of them serves every test here

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from steps import machines, nodes
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.errors import CommandFailed, ConnectionLost, Interrupted, LoginRefused, TrustError, Unreachable
from wizard.events import Bus
from wizard.host import ssh, transport, trust
from wizard.host.base import Script
from wizard.net import arp, hints, scan
from wizard.realworld import RealWorld
from wizard.secret import Secret
from wizard.state import State

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
HOME = Path(os.environ.get("HOMELAB_LAB", "/var/lib/homelab-lab"))
WHO = Script("who", "id -un; hostname; cat")
RIGHT, WRONG = "raspberry", "not-the-password"


# -- looking at the LAN


def test_a_scan_finds_the_nodes_that_are_up_and_nothing_else(pi, other_pi, ran):
    came: list[tuple[str, float]] = []
    began = time.monotonic()
    found = scan.scan("198.18.0.0/24", threading.Event(), lambda hit: came.append((hit.address, time.monotonic())))
    taken = time.monotonic() - began
    assert {pi.address, other_pi.address} <= {hit.address for hit in found}
    assert {hit.address for hit in found} <= {f"198.18.0.{10 + number}" for number in range(1, 30)}
    mine = next(hit for hit in found if hit.address == pi.address)
    assert mine.banner.startswith("SSH-2.0-OpenSSH_")
    assert hints.system(mine.banner) == "Debian 12 (bookworm)"
    assert mine.mac == pi("cat", "/sys/class/net/host0/address").strip()
    assert taken < 5
    assert came[0][1] - began < taken
    ran("sshd", mine.banner)
    ran("scan of a /24", f"{len(found)} hosts in {taken:.2f} s, the first after {came[0][1] - began:.2f} s")


def test_the_keys_shown_are_the_hosts_own_and_nothing_is_sent(pi):
    mark = pi.now()
    shown = transport.shown_keys(pi.address, 22, threading.Event())
    assert set(shown) == {pi.key("ed25519"), pi.key("ecdsa"), pi.key("rsa")}
    assert "Accepted" not in pi.log_since(mark)
    assert "Failed" not in pi.log_since(mark)


def test_two_hosts_with_one_address_are_both_heard(pi, other_pi):
    shared = "198.18.0.77"
    for node in (pi, other_pi):
        node("ip", "addr", "add", f"{shared}/24", "dev", "host0")
    try:
        heard = arp.probe([pi.address, shared, "198.18.0.5", "198.18.0.250"], threading.Event())
    finally:
        for node in (pi, other_pi):
            node("ip", "addr", "del", f"{shared}/24", "dev", "host0")
    macs = {node.name: node("cat", "/sys/class/net/host0/address").strip() for node in (pi, other_pi)}
    assert heard[pi.address] == (macs[pi.name],)
    assert set(heard[shared]) == set(macs.values())
    assert len(heard["198.18.0.5"]) == 1  # this computer itself
    assert "198.18.0.250" not in heard


def test_without_root_the_kernel_is_asked(pi, monkeypatch):
    real = socket.socket

    def refusing(family=socket.AF_INET, *rest, **more):
        if family == socket.AF_PACKET:
            raise PermissionError("as without root")
        return real(family, *rest, **more)

    monkeypatch.setattr(arp.socket, "socket", refusing)
    heard = arp.probe([pi.address, "198.18.0.250"], threading.Event())
    assert heard == {pi.address: (pi("cat", "/sys/class/net/host0/address").strip(),)}


# -- host keys


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_whatever_kind_is_pinned_is_what_sshd_is_asked_for(pi, connect, kind):
    assert connect(host_keys=(pi.key(kind),)).run(WHO).out == f"root\n{pi.name}\n"


def test_another_hosts_key_is_refused_before_any_log_in(pi, other_pi, connect):
    mark = pi.now()
    with pytest.raises(TrustError) as refused:
        connect(host_keys=(other_pi.key(),), password=Secret(RIGHT))
    assert other_pi.key().fingerprint in refused.value.why
    assert pi.key().fingerprint in refused.value.why
    assert not [line for line in pi.log_since(mark).splitlines() if "Accepted" in line or "Failed" in line]


# -- logging in


def test_by_password(pi, connect):
    assert connect(key_files=(), password=Secret(RIGHT)).run(WHO).out == f"root\n{pi.name}\n"


def test_by_a_key_in_ssh_agent(pi, connect, tmp_path, monkeypatch):
    socket_file = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket_file)], stdout=subprocess.DEVNULL)
    try:
        wait_for(socket_file.exists, 5)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket_file))
        subprocess.run(["ssh-add", "-q", str(HOME / "id_ed25519")], check=True)
        assert connect(key_files=()).run(WHO).out == f"root\n{pi.name}\n"
    finally:
        agent.terminate()
        agent.wait()


def test_a_refused_log_in_names_what_was_tried(connect, monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(LoginRefused, match=r"the password \(refused\)"):
        connect(key_files=(), password=Secret(WRONG))


def test_sudo_without_password_is_never_told_one(pi, connect):
    pi.sudo_asks(False)
    mark = pi.now()
    assert connect(sudo_password=Secret("$(touch /tmp/told)")).run(WHO).out == f"root\n{pi.name}\n"
    assert "authentication failure" not in pi.log_since(mark, "sudo")
    pi.shell("test ! -e /tmp/told")


def test_sudo_with_the_right_password(pi, connect):
    pi.sudo_asks(True)
    assert connect(sudo_password=Secret(RIGHT)).run(WHO).out == f"root\n{pi.name}\n"


def test_sudo_with_a_wrong_password_is_refused_after_one_try(pi, connect):
    pi.sudo_asks(True)
    mark = pi.now()
    with pytest.raises(LoginRefused, match="sudo password was refused"):
        connect(sudo_password=Secret(WRONG))
    assert pi.log_since(mark, "sudo").count("authentication failure;") == 1
    with pytest.raises(LoginRefused, match="sudo asks for a password"):
        connect()


def test_a_user_who_may_not_become_root_is_named(pi, connect):
    pi.shell("echo '# nobody' >/etc/sudoers.d/010_pi; gpasswd -d pi sudo >/dev/null 2>&1 || true")
    try:
        with pytest.raises(LoginRefused, match="can't become root"):
            connect(sudo_password=Secret(RIGHT))
    finally:
        pi.sudo_asks(False)


# -- scripts


def test_scripts_run_through_one_shell_with_their_own_input(pi, connect, ran):
    pi.sudo_asks(False)
    host = connect()
    data = bytes(range(256)) * 4000
    assert host.run(Script("t", "sha256sum | cut -c1-8; wc -c </dev/null", stdin=data)).out.split()[1] == "0"
    began = time.monotonic()
    shells = {host.run(Script("t", "read -r _ _ _ shell _ </proc/$PPID/stat; echo $shell")).out for _ in range(20)}
    each = (time.monotonic() - began) / 20
    assert len(shells) == 1
    assert pi("find", "/run", "-maxdepth", "1", "-name", "homelab.*") == "/run/homelab.lock\n"
    ran("root shell", f"over sudo; one script takes {each * 1000:.0f} ms")


def test_secrets_are_in_no_process_list(pi, connect):
    pi.sudo_asks(True)
    host = connect(sudo_password=Secret(RIGHT))
    told = host.run(Script("t", "ps -eo args", stdin=b"very-secret-input")).out
    assert "very-secret-input" not in told
    assert RIGHT not in told
    pi.sudo_asks(False)


def test_a_timeout_ends_the_script_on_the_host(pi, connect):
    with pytest.raises(CommandFailed, match="took longer than 1 seconds"):
        connect().run(Script("slow", "sleep 61; echo late", timeout=1))
    time.sleep(0.5)
    assert "sleep 61" not in pi("ps", "-eo", "args")


def test_stop_leaves_soon_and_the_script_comes_to_its_end(pi, connect):
    stop = threading.Event()
    host = connect(stop)
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        host.run(Script("t", "for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done; echo end >/run/stopped"))
    assert time.monotonic() - began < 0.9
    host.close()
    wait_for(lambda: pi.shell("cat /run/stopped 2>/dev/null || true") == "end\n", 10)


def test_a_connection_that_dies_leaves_the_script_alone_and_the_next_one_waits(pi, connect):
    host = connect()

    def die():
        # the sshd process that serves this log-in, by its pid
        pi.shell("for p in $(ps -o pid= -C sshd); do grep -q 'sshd: pi' /proc/$p/cmdline && kill -9 $p; done; true")

    threading.Timer(1, die).start()
    with pytest.raises(ConnectionLost, match="broke while the script long ran") as lost:
        host.run(Script("long", "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.5; done; echo end >/run/left"))
    lost.value.come_back()
    lines: list[str] = []
    assert host.run(Script("next", "cat /run/left"), on_line=lines.append).out == "end\n"
    assert lines[0] == "waiting for a script of an earlier run to end: long"


# -- power


def test_reboot_comes_back_with_another_boot_id(pi, connect, ran):
    host = connect()
    before = host.run(ssh._BOOT_ID).out
    phases: list[str] = []
    began = time.monotonic()
    host.reboot(timeout=120, progress=phases.append)
    taken = time.monotonic() - began
    assert host.run(ssh._BOOT_ID).out != before
    assert (phases[0], phases[-1]) == ("rebooting", "up again")
    ran("reboot", f"{taken:.1f} s: {', '.join(phases)}")


def test_a_power_cut_in_mid_script_is_a_lost_connection_that_can_come_back(pi, connect, monkeypatch):
    monkeypatch.setattr(transport, "DEAD_AFTER", 4)
    host = connect()
    threading.Timer(0.5, pi.power, ["cut"]).start()
    with pytest.raises(ConnectionLost, match="broke while the script t ran") as lost:
        host.run(Script("t", "sleep 60"))
    with pytest.raises(Unreachable):
        lost.value.come_back()
    pi.power("start")
    lost.value.come_back()
    assert host.run(WHO).out == f"root\n{pi.name}\n"


def test_a_reboot_that_nobody_asked_for_is_a_lost_connection_and_not_a_failed_script(pi, connect):
    host = connect()
    before = host.run(ssh._BOOT_ID).out
    threading.Timer(0.5, pi.shell, ["systemctl --no-block reboot"]).start()
    with pytest.raises(ConnectionLost) as lost:
        host.run(Script("t", "sleep 60"))

    def back():
        try:
            lost.value.come_back()
        except (Unreachable, LoginRefused):
            return False
        return True

    wait_for(back, 60)
    assert host.run(ssh._BOOT_ID).out != before
    assert host.run(WHO).out == f"root\n{pi.name}\n"


# -- the step Machines (last: it ends with a new card)


class Front:
    def __init__(self):
        self.dangers: list[str] = []

    def ask(self, prompt):
        return prompt.default

    def confirm(self, approval):
        self.dangers += [change.sentence for change in approval.changes]
        return True

    def failed(self, step, error):
        return "stop"


def machines_run(folder, hosts, **answers):
    """One run of the step; gives back the dangerous sentences that were asked about and the plans."""
    front, bus, plans = Front(), Bus(), []
    bus.listen(lambda event: plans.append([s for _, s in event.changes]) if type(event).__name__ == "Planned" else None)
    state = State.open(folder / "state.yaml", "lab")
    ctx = Context(RealWorld(), state, front, bus)
    usual = {"hosts": hosts, "control_plane": hosts[0], "user": "pi", "key_file": None, "password": None,
             "sudo_password": None, "ignore_health": ["fsync", "memory", "dhcp", "disk"]}  # fmt: skip
    try:
        for key, value in (usual | answers).items():
            ctx.keep("machines", key, value)
        Engine([machines.Machines()], ctx, Consent(yes=True)).run()
    finally:
        nodes.close_all(ctx)
        state.close()
    return front.dangers, plans


def test_machines_from_first_contact_to_a_new_card(pi, other_pi, tmp_path, monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    hosts = [pi.address, other_pi.address]
    pi.sudo_asks(False)
    other_pi.sudo_asks(True)
    dangers, plans = machines_run(tmp_path, hosts, password=Secret(RIGHT))
    assert len(dangers) == 2  # nobody had approved these keys before
    assert pi.key().fingerprint in dangers[0]
    assert [len(plan) for plan in plans if plan] == [2, 5]
    # the second time there is nothing to do, and the wizard's own key opens both
    assert machines_run(tmp_path, hosts, sudo_password=Secret(RIGHT)) == ([], [[]])
    for node in (pi, other_pi):
        listed = node("cat", "/home/pi/.ssh/authorized_keys").splitlines()
        assert sum(line.endswith(" homelab-wizard") for line in listed) == 1
        assert node("stat", "-c", "%U %a", "/home/pi/.ssh/authorized_keys").split()[0] == "pi"
    old = pi.key()
    pi.power("wipe")
    pi.power("start")
    with pytest.raises(TrustError) as refused:
        machines_run(tmp_path, hosts, sudo_password=Secret(RIGHT))
    assert old.fingerprint in refused.value.why
    assert pi.key().fingerprint in refused.value.why
    dangers, _ = machines_run(tmp_path, hosts, password=Secret(RIGHT), replaced=[pi.address])
    assert [old.fingerprint in sentence and pi.key().fingerprint in sentence for sentence in dangers] == [True]
    assert machines_run(tmp_path, hosts, sudo_password=Secret(RIGHT)) == ([], [[]])


def test_keys_checked_beforehand_need_no_yes(pi, other_pi, tmp_path):
    file = tmp_path / "known_hosts"
    keys = [(node.address, node.key()) for node in (pi, other_pi)]
    file.write_text("".join(f"{address} {key.kind} {key.base64}\n" for address, key in keys))
    other_pi.sudo_asks(False)
    hosts = sorted((pi.address, other_pi.address), key=IPv4Address)
    dangers, plans = machines_run(tmp_path, hosts, password=Secret(RIGHT), known_hosts=str(file))
    assert dangers == []
    assert all(f"which is in {file}" in sentence for sentence in plans[0])
    assert trust.known_hosts(file, pi.address).keys == (pi.key(),)


def wait_for(true, seconds):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)
