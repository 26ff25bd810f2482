"""The tailnet on real hosts: three nodes join a real headscale, two of them lead from there into the home network.

Each failure is made for real: the words are Tailscale's and headscale's own. The nodes are pi21 to pi23. headscale is
left as it was found, up or down; who shares the lab takes care that nobody else needs it otherwise at the same time.
"""

# long because: the nodes go through one life, from joining to leaving, and what is made wrong is made right again

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from steps import facts as node_facts
from steps import giving_back, own_key, tailnet_identity, tailnet_leave, tailnet_reset
from steps.machines import Machines
from steps.node_remove import NodeRemove
from tests.lab.conftest import Node, lab
from tests.lab.tailnet_lab import (
    ROUTES,
    SERVER,
    SERVICE,
    Wizard,
    api,
    api_key,
    auth_key,
    forget,
    listed,
    status,
)
from wizard.errors import Blocked, WizardError
from wizard.secret import Secret
from wizard.web.api import ApiError

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

ONE, TWO, THREE = Node(21), Node(22), Node(23)
PIS = (ONE, TWO, THREE)
OWN_WAY = "ip -4 -o addr show host0; ip route show table main; cat /etc/resolv.conf; hostname"


@pytest.fixture(scope="module")
def headscale(_on_the_workstation: None) -> Iterator[None]:
    was_up = "headscale running" in lab("status")
    if not was_up:
        lab("tailnet", "up")
    yield
    forget("pi21", "pi22", "pi23")
    if not was_up:
        lab("tailnet", "down")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tailnet")


@pytest.fixture(scope="module")
def home(headscale: None, folder: Path) -> Iterator[Wizard]:
    """Three Pis that the wizard knows; none has Tailscale yet."""
    with ThreadPoolExecutor() as pool:
        for word in ("wipe", "start"):
            list(pool.map(Node.power, PIS, [word] * 3))
    made = Wizard(folder / "home", PIS, api_key=api_key())
    made.run(Machines())
    yield made
    made.close()
    with ThreadPoolExecutor() as pool:
        list(pool.map(Node.power, PIS, ["wipe"] * 3))


def other(folder: Path, name: str, pi: Node, **tailnet: Any) -> Wizard:
    """Another wizard, for one Pi alone, with other answers."""
    made = Wizard(folder / name, (pi,), **tailnet)
    made.run(Machines())
    return made


# -- what goes wrong before there is a membership -------------------------------------------------------------


def refused(folder: Path, name: str, pi: Node, **tailnet: Any) -> WizardError:
    """What the step says on one Pi, which leaves the tailnet for that."""
    wizard = other(folder, name, pi, **tailnet)
    try:
        with pytest.raises(WizardError) as caught:
            wizard.tailnet()
    finally:
        wizard.close()
    assert pi.shell("ls /run/homelab-key* 2>/dev/null || true") == "", "no key is left"
    assert caught.value.fix and caught.value.host in (None, pi.name)
    return caught.value


def test_login_servers_that_are_none_are_told_apart(home: Wizard, folder: Path, ran: Any) -> None:
    """Nothing listens there; its name is unknown; its authority is not trusted. Side by side: each takes 30 seconds."""
    THREE.shell(
        "rm -f /usr/local/share/ca-certificates/lab-headscale.crt; update-ca-certificates --fresh >/dev/null 2>&1"
    )
    given: list[tuple[str, Node, dict[str, Any], str]] = [
        ("refused", ONE, {"login_server": f"{SERVER}:444"}, "does not answer"),
        ("unknown", TWO, {"login_server": "https://hs.lab.test"}, "can't look up"),
        ("untrusted", THREE, {"ca_file": None}, "does not trust"),
    ]
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda g: refused(folder, g[0], g[1], auth_key=auth_key(), **g[2]), given))
    assert [words in error.why for error, (*_, words) in zip(found, given, strict=True)] == [True] * 3, found
    assert {error.host for error in found} == {pi.name for pi in PIS}
    ran("tailscale", ONE.shell("tailscale version").splitlines()[0])
    ran("headscale", lab("tailnet", "hs", "version").splitlines()[0])


def test_keys_that_are_none_are_told_apart(home: Wizard, folder: Path) -> None:
    used = auth_key(reusable=False)
    spent = other(folder, "spender", THREE, auth_key=used)  # brings the certificate authority back, too
    spent.tailnet()
    spent.close()
    THREE("tailscale", "set", "--advertise-routes=")  # alone, it was a router
    with ThreadPoolExecutor() as pool:
        keys = {
            "wrong": (Secret("hskey-auth-AAAAAAAAAAAA-" + "B" * 64), "does not know the key"),
            "used": (used, "used up"),
        }
        found = list(pool.map(lambda n, pi: refused(folder, n, pi, auth_key=keys[n][0]), keys, (ONE, TWO)))
    assert [words in error.why for error, (_, words) in zip(found, keys.values(), strict=True)] == [True] * 2, found
    ended = auth_key(ends="2020-01-01T00:00:00Z")
    assert "The key has expired" in refused(folder, "expired", ONE, auth_key=ended).why
    # with a key to the API nothing is sent to the Pi
    assert "ended on 2020-01-01" in refused(folder, "expired2", ONE, auth_key=ended, api_key=api_key()).why
    assert "used up" in refused(folder, "used2", ONE, auth_key=used, api_key=api_key()).why
    kind = refused(folder, "kind", ONE, auth_key=api_key())
    assert "holds a key to the API of Headscale" in kind.what and isinstance(kind, Blocked)
    wrong = refused(folder, "api", ONE, api_key=Secret("hskey-api-AAAAAAAAAAAA-" + "B" * 64))
    assert isinstance(wrong, ApiError) and wrong.answers == ("tailnet.api_key",)


def test_a_login_server_that_is_another_server_and_no_tun_device(home: Wizard, folder: Path) -> None:
    TWO.shell("systemctl stop tailscaled; umount /dev/net/tun; rm -f /dev/net/tun; systemctl start tailscaled")
    given: list[tuple[str, Node, dict[str, Any], str]] = [
        ("page", ONE, {"login_server": "http://198.18.0.1:8000"}, "no login server"),
        ("tun", TWO, {}, "no TUN device"),
    ]
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda g: refused(folder, g[0], g[1], auth_key=auth_key(), **g[2]), given))
    assert [words in error.why for error, (*_, words) in zip(found, given, strict=True)] == [True] * 2, found
    TWO.shell("mknod /dev/net/tun c 10 200; systemctl reset-failed tailscaled; systemctl start tailscaled")


# -- a life in the tailnet ------------------------------------------------------------------------------------


def test_three_pis_join_with_a_key_of_their_own(home: Wizard) -> None:
    """One is a member already, by another wizard's doing. None changes its own addresses, routes and resolver."""
    before = {pi.name: pi.shell(OWN_WAY) for pi in PIS}
    keys = {key["id"] for key in api("GET", "/preauthkey")["preAuthKeys"]}
    assert "tailnet/join" in home.tailnet()
    assert {pi.name: pi.shell(OWN_WAY) for pi in PIS} == before
    assert {facts.default_interface for facts in node_facts.gather(home.ctx).values()} == {"host0"}
    known = listed()
    for pi in PIS:
        assert status(pi)["BackendState"] == "Running" and status(pi)["Self"]["ID"] == known[pi.name]["id"]
        assert known[pi.name]["tags"] == ["tag:homelab"] and known[pi.name]["expiry"] is None
        assert pi.shell("ls /run/homelab-key* 2>/dev/null || true") == ""
        assert "hskey-auth" not in pi.shell("journalctl -q --no-pager; cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert tailnet_identity.recalled(home.ctx, pi.address).id == known[pi.name]["id"]
    made = [key for key in api("GET", "/preauthkey")["preAuthKeys"] if key["id"] not in keys]
    assert made and all(key["used"] and not key["reusable"] and key["aclTags"] == ["tag:homelab"] for key in made)
    assert all(datetime.fromisoformat(key["expiration"]) <= datetime.now(UTC) for key in made), "and revoked besides"
    assert sorted(known["pi21"]["subnetRoutes"] + known["pi22"]["subnetRoutes"]) == ROUTES
    assert known["pi21"]["approvedRoutes"] == known["pi22"]["approvedRoutes"] == ROUTES
    assert known["pi23"]["availableRoutes"] == []
    assert home.left() == []
    assert home.ctx.state.recall("tailnet", "keys", "api_key_ends")


@pytest.fixture(scope="module")
def service(home: Wizard) -> None:
    """Something that answers on the home network, at an address of the pool, until its node goes."""
    THREE.shell(
        f"ip addr add {SERVICE}/24 dev host0; mkdir -p /srv/page; echo 'at home' >/srv/page/index.html;"
        f" systemd-run -q --unit page python3 -m http.server -d /srv/page -b {SERVICE} 8080"
    )


def reached() -> str:
    """What the laptop gets over the VPN."""
    return lab(
        "tailnet", "laptop", "curl", "-s", "-m", "5", "--retry", "6", "--retry-all-errors", f"http://{SERVICE}:8080/"
    )


def test_one_router_is_enough_and_the_other_takes_over(home: Wizard, service: None) -> None:
    assert reached() == "at home\n"
    serving = next(pi for pi in (ONE, TWO) if listed()[pi.name]["subnetRoutes"])
    standby = TWO if serving is ONE else ONE
    serving("systemctl", "stop", "tailscaled")
    began = time.monotonic()
    while sorted(listed()[standby.name]["subnetRoutes"]) != ROUTES:
        assert time.monotonic() < began + 60, "the other one does not take over"
        time.sleep(0.5)
    assert reached() == "at home\n"
    keys = len(api("GET", "/preauthkey")["preAuthKeys"])
    assert home.tailnet() == ["tailnet/start"], "it is a member still: no key is needed"
    assert len(api("GET", "/preauthkey")["preAuthKeys"]) == keys


def test_what_was_switched_off_is_switched_on(home: Wizard) -> None:
    ONE("tailscale", "down")
    TWO.shell("tailscale set --accept-dns=true --accept-routes=true; sysctl -qw net.ipv4.ip_forward=0")
    done = home.tailnet()
    assert {"tailnet/up", "tailnet/settings", "tailnet/forwarding"} <= set(done)
    assert TWO("sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"
    assert home.left() == []
    assert not [note for note in home.notes if "IP forwarding" in note.text and "pi22" in note.title]


def test_one_that_was_deleted_on_the_server_joins_again(home: Wizard) -> None:
    api("DELETE", f"/node/{listed()['pi21']['id']}")
    assert status(ONE)["BackendState"] == "Running", "it does not notice"
    done = home.tailnet()
    assert done[:1] == ["tailnet/join"] and "tailnet/approve" in done
    assert sorted(listed()["pi21"]["approvedRoutes"]) == ROUTES
    assert home.left() == []


def test_one_that_was_logged_out_is_let_in_again(home: Wizard, folder: Path) -> None:
    """headscale does not let a tagged machine renew a registration that has ended: it has to be deleted first."""
    TWO("tailscale", "logout")
    blind = refused(folder, "blind", TWO, auth_key=auth_key())
    assert "former registration" in blind.why + blind.fix
    done = home.tailnet()
    assert done[:2] == ["tailnet/forget", "tailnet/join"]
    assert sorted(listed()["pi22"]["approvedRoutes"]) == ROUTES and "pi22-1" not in listed()
    assert home.left() == []


def test_keys_that_end_are_made_to_last_and_ended_ones_count_again(home: Wizard) -> None:
    ids = {pi: listed()[pi.name]["id"] for pi in PIS}
    api("POST", f"/node/{ids[THREE]}/expire?expiry=2099-01-01T00:00:00Z")
    api("POST", f"/node/{ids[ONE]}/expire")
    wait_for(lambda: status(ONE)["Self"].get("Expired") and status(THREE)["Self"].get("KeyExpiry"))
    assert "tailnet/keep-keys" in home.tailnet()
    assert [listed()[pi.name]["expiry"] for pi in PIS] == [None] * 3
    assert status(ONE)["BackendState"] == "Running" and {pi: listed()[pi.name]["id"] for pi in PIS} == ids
    assert home.left() == []


def test_a_key_that_ended_blocks_where_nobody_can_renew_it(home: Wizard, folder: Path) -> None:
    number = listed()["pi23"]["id"]
    api("POST", f"/node/{number}/expire")
    wait_for(lambda: status(THREE)["Self"].get("Expired"))
    assert "key for the tailnet has expired" in refused(folder, "ended", THREE, auth_key=auth_key()).what
    api("POST", f"/node/{number}/expire?disableExpiry=true")
    wait_for(lambda: status(THREE)["BackendState"] == "Running")


def test_another_tailnet_is_not_left_by_the_way(home: Wizard, folder: Path) -> None:
    error = refused(folder, "elsewhere", THREE, auth_key=auth_key(), login_server="https://198.18.64.1:8443")
    assert "already belongs to the tailnet of https://198.18.64.1" in error.what


def test_a_name_that_is_taken_is_told_with_who_has_it(home: Wizard) -> None:
    """The laptop is called pi23 for a moment."""
    THREE("tailscale", "logout")
    forget("pi23")
    laptop = listed()["laptop"]["id"]
    api("POST", f"/node/{laptop}/rename/pi23")
    try:
        home.tailnet()
        home.left()
        [note] = {note.text for note in home.notes if note.title == "pi23 has another name in the tailnet"}
        assert "called pi23-1 there: the machine pi23 (100.64.0." in note and ", connected) had the name" in note
    finally:
        api("POST", f"/node/{laptop}/rename/laptop")
        api("POST", f"/node/{listed()['pi23-1']['id']}/rename/pi23")
    wait_for(lambda: status(THREE)["Self"]["DNSName"].startswith("pi23."))
    assert home.tailnet() == ["tailnet/remember"], "it has its own name"


def test_what_the_pis_are_told_of_private_names(home: Wizard) -> None:
    """They do not use the tailnet's resolvers, and yet know them: so headscale's configuration can be looked at."""
    from steps import split_dns

    home.ctx.answers["repository"] = {"apps": ["pihole"]}
    home.ctx.answers["domains"] = {"internal_domain": "internal.home.lab.test"}
    found = split_dns.look(home.ctx)
    assert (found.found, found.by_api) == (("198.18.0.203",), False)
    assert "now it asks 198.18.0.203" in split_dns.advice(found, "headscale")


def test_the_policy_that_is_shown_is_one(home: Wizard) -> None:
    from steps import tailnet_policy

    text = f'{{{tailnet_policy.snippet(home.ctx.answers, ROUTES)} "acls": []}}'
    assert api("POST", "/policy/check", {"policy": text}) == {}


def test_kubelet_stays_at_its_own_address(home: Wizard) -> None:
    """A stand-in for kubelet that shows only how it is called, as the unit of the package calls it."""
    THREE.shell(
        "printf '[Service]\\nEnvironmentFile=-/etc/default/kubelet\\n"
        'ExecStart=/bin/sh -c "sleep 1000; :" kubelet $KUBELET_EXTRA_ARGS\\n\' >/etc/systemd/system/kubelet.service;'
        " echo 'KUBELET_EXTRA_ARGS=--v=2 --node-ip=100.64.0.9 --max-pods=50' >/etc/default/kubelet;"
        " systemctl daemon-reload; systemctl start kubelet"
    )
    try:
        from steps import ops, tailnet_facts

        def told() -> str:
            return tailnet_facts.look(home.ctx, [THREE.address])[THREE.address].node_ip

        assert told() == "100.64.0.9"
        ops.run(home.ctx, THREE.address, "tailnet/node-ip", THREE.address)
        assert told() == THREE.address
        assert (
            THREE("cat", "/etc/default/kubelet")
            == f'KUBELET_EXTRA_ARGS="--v=2 --max-pods=50 --node-ip={THREE.address}"\n'
        )
        THREE.shell("rm /etc/default/kubelet; systemctl restart kubelet")
        assert told() == "none"
        assert home.tailnet() == ["tailnet/node-ip"]
        assert THREE("cat", "/etc/default/kubelet") == f'KUBELET_EXTRA_ARGS="--node-ip={THREE.address}"\n'
    finally:
        THREE.shell("systemctl stop kubelet; rm -f /etc/systemd/system/kubelet.service /etc/default/kubelet")


def wait_for(probe: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not probe():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.3)


# -- leaving --------------------------------------------------------------------------------------------------


def test_a_router_leaves_and_another_pi_takes_its_place(home: Wizard, service: None) -> None:
    home.ctx.answers["node-remove"] = {"node": TWO.address}
    done = home.run(NodeRemove())
    assert done[1:-1] == ["tailnet/routes", "tailnet/approve", "tailnet/hand-over", "tailnet/leave", "tailnet/delete"]
    assert "pi22" not in listed() and status(TWO)["BackendState"] == "NeedsLogin"
    assert listed()["pi23"]["approvedRoutes"] == ROUTES
    assert sorted(listed()["pi21"]["subnetRoutes"] + listed()["pi23"]["subnetRoutes"]) == ROUTES
    assert reached() == "at home\n"
    assert "still in the list" not in home.notes[-1].text
    home.ctx.answers["machines"]["more_control_planes"] = None
    assert home.left() == []


def test_a_dead_pi_is_taken_out_too(home: Wizard) -> None:
    home.ctx.answers["machines"]["more_control_planes"] = [THREE.address]
    THREE.power("cut")
    home.ctx.scratch.pop("hosts")[THREE.address].close()
    home.ctx.answers["node-remove"] = {"node": THREE.address}
    assert home.run(NodeRemove())[1:-1] == ["tailnet/delete"]
    assert "pi23" not in listed()


def test_a_tailnet_that_is_given_up_is_left_and_may_be_joined_again(home: Wizard) -> None:
    home.ctx.answers["machines"]["more_control_planes"] = None
    tailnet = home.ctx.answers["tailnet"]
    before, tailnet["service"] = tailnet["service"], "none"
    assert home.tailnet() == ["tailnet/leave", "tailnet/delete", "tailnet/forget"]
    assert "pi21" not in listed() and status(ONE)["BackendState"] == "NeedsLogin"
    assert home.left() == []
    tailnet["service"] = before
    assert "tailnet/join" in home.tailnet() and "pi21" in listed()
    assert home.left() == []


def test_a_reset_leaves_nothing_in_the_tailnet(home: Wizard) -> None:
    user, key = "pi", own_key.public(home.ctx).split()[1]
    left = giving_back.parse(ONE.address, giving_back.look(home.ctx, ONE.address, user, key))
    assert left.tailnet
    found = tailnet_reset.look(home.ctx, [ONE.address], [left])
    assert [machine.name for machine in found.machines] == ["pi21"]
    tailnet_leave.leave(home.ctx, ONE.address)
    left = giving_back.parse(ONE.address, giving_back.look(home.ctx, ONE.address, user, key))
    assert not left.tailnet and "pi21" in listed(), "logged out, and listed still"
    for change in tailnet_reset.changes(tailnet_reset.look(home.ctx, [ONE.address], [left])):
        home.ctx.do(change)
    assert "pi21" not in listed()
    assert not tailnet_reset.look(home.ctx, [ONE.address], [left]).anything
