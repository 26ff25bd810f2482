"""The step Proof: what it makes of what the probes saw, and where they are sent from."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from steps import proof
from steps.doctor import checks
from steps.proof import Proof
from steps.reach.exposed import ROUTES
from steps.reach.rows import NOBODY
from wizard import events
from wizard.context import Context
from wizard.errors import Blocked, TrustError, WizardError
from wizard.host.base import Result
from wizard.state import State

NONCE = "0123456789abcdef"


def context(world: Any, folder: Path) -> Context:
    ctx = Context(world, State(folder / "state.yaml", "test"), None, events.Bus())  # type: ignore[arg-type]
    ctx.answers["proof"] = {}
    return ctx


class Stations:
    """A world in which `sh` and `ssh` answer what the test says. Keeps every command line."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.clock = 0.0
        self.results: dict[str, Result | WizardError] = {}  # "sh", or user@host
        self.seen: dict[tuple[str, str], str] = {}  # (vantage, address host) -> line of the probe
        self.argv: list[list[str]] = []
        self.vpn = True  # what the laptop sends goes over the VPN
        self.routes: list[dict[str, Any]] = []  # the cluster's
        self.silent = False  # the cluster

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def run(self, argv: list[str], *, stdin: bytes, timeout: float) -> Result:
        self.argv.append(list(argv))
        where = "sh" if argv[0] == "sh" else argv[-2]
        if isinstance(failure := self.results.get(where), WizardError):
            raise failure
        if failure is not None:
            return failure
        nonce, *lines = stdin.decode().partition("main <<'PROBES'\n")[2].splitlines()[:-1]
        assert nonce == NONCE
        return Result(0, "".join(self._line(where, *line.split()[:4], line.split()[5:6]) for line in lines))

    def _line(self, where: str, number: str, kind: str, address: str, port: str, name: list[str]) -> str:
        host = name[0] if kind == "http" else "-"
        outside = where == "me@server"
        usual = "http 404 no" if (address, host) in NEGATIVE or host.startswith(NOBODY) else "http 200 yes"
        if outside and (port == "6443" or address == "10.0.0.50"):
            usual = "timeout 000 no"
        seen = self.seen.get((where, f"{address} {host}"), usual)
        source = "100.64.0.7" if where == "me@laptop" and self.vpn and seen.startswith("http") else "-"
        return f"@@ {number} {seen} {source} text\n"

    def cluster(self, kubeconfig: Path) -> Stations:
        return self

    def get(self, path: str) -> dict[str, Any]:
        if self.silent:
            raise WizardError("The cluster does not answer.")
        return {"items": self.routes if path == ROUTES else []}


NEGATIVE = {("10.0.0.51", "hello.in.home.test"), ("203.0.113.7", "hello.in.home.test")}


@pytest.fixture
def world() -> Stations:
    return Stations()


@pytest.fixture
def ctx(world: Stations, tmp_path: Path) -> Context:
    made = context(world, tmp_path)
    made.answers.update({
        "tailnet": {"service": "headscale"},
        "machines": {"hosts": ["10.0.0.11"]},
        "addresses": {"internal_address": "10.0.0.50", "external_address": "10.0.0.51", "dns_address": "10.0.0.52",
                      "pool": "10.0.0.50-10.0.0.59", "arp": False},
        "domains": {"provider": "none", "external_domain": "home.test", "internal_domain": "in.home.test"},
        "repository": {"apps": ["hello"], "url": "ssh://git@git.test/me/home.git", "branch": "main"},
        "router": {"forwarded": True, "public_address": "203.0.113.7"},
        "proof": {"vpn_probe": "me@laptop", "outside_probe": "me@server", "probe_key_file": "/k",
                  "probe_known_hosts": "/h"},
    })  # fmt: skip
    made.state.remember("proof", "nonce", value=NONCE)
    (tmp_path / "kubeconfig").touch()
    return made


def plan(ctx: Context) -> list[Any]:
    step = Proof()
    return step.plan(step.check(ctx), ctx.answers)


def test_a_green_table_is_recorded_once(ctx: Context, world: Stations) -> None:
    [change] = plan(ctx)
    assert change.sentence == "record the proof: 13 of 13 as expected"
    ctx.do(change)
    assert {row["verdict"] for row in ctx.state.recall("proof", "table")} == {"ok"}
    assert plan(ctx) == []


def test_another_verdict_is_recorded_anew(ctx: Context, world: Stations) -> None:
    ctx.do(plan(ctx)[0])
    ctx.answers["proof"]["outside_probe"] = None
    [change] = plan(ctx)
    assert change.sentence == "record the proof: 8 of 13 as expected, 5 not measured"


def test_red_cells_stop_with_a_sentence_each(ctx: Context, world: Stations) -> None:
    world.seen["me@laptop", "10.0.0.50 hello.in.home.test"] = "timeout 000 no"
    world.seen["me@server", "203.0.113.7 -"] = "connected 000 no"
    with pytest.raises(Blocked) as caught:
        plan(ctx)
    assert "2 of 13 rows" in caught.value.what
    assert "Seen over the VPN: hello (private) at 10.0.0.50:80, timeout." in caught.value.why
    assert "The Kubernetes API is open to the internet" in caught.value.why
    assert ctx.state.recall("proof", "table") is None


def test_the_first_time_a_new_cluster_may_settle(ctx: Context, world: Stations) -> None:
    key = ("sh", "10.0.0.51 hello.home.test")
    world.seen[key] = "timeout 000 no"
    sleep = world.sleep

    def soon(seconds: float) -> None:
        sleep(seconds)
        if world.clock >= 20:
            world.seen.pop(key, None)

    world.sleep = soon  # type: ignore[method-assign]
    assert plan(ctx)
    assert world.clock == 20


def test_ssh_is_strict_and_the_nonce_is_on_no_command_line(ctx: Context, world: Stations) -> None:
    plan(ctx)
    [ssh] = [argv for argv in world.argv if "me@server" in argv]
    assert ssh == [
        "ssh", "-T", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=10",
        "-o", "UserKnownHostsFile=/h", "-o", "GlobalKnownHostsFile=/dev/null", "-i", "/k", "-o", "IdentitiesOnly=yes",
        "-p", "22", "--", "me@server", "sh -s",
    ]  # fmt: skip
    assert not any(NONCE in word for argv in world.argv for word in argv)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (Result(255, "", "Host key verification failed.\n"), "its host key is not in the known_hosts file"),
        (Result(255, "", "me@server: Permission denied (publickey).\n"), "the log-in was refused"),
        (Result(255, "", "ssh: connect to host server port 22: Connection refused\n"), "Connection refused"),
        (Result(0, "@@ tool no-curl\n"), "has no curl"),
        (WizardError("The program ssh could not be started."), "could not be started"),
    ],
)
def test_a_place_that_can_not_probe_is_not_measured_and_says_why(
    ctx: Context, world: Stations, result: Result | WizardError, words: str
) -> None:
    world.results["me@server"] = result
    step = Proof()
    cells = step.check(ctx).cells
    outside = [cell for cell in cells if cell.probe.vantage == "outside"]
    assert {cell.verdict for cell in outside} == {"not measured"}
    assert all(words in cell.seen for cell in outside)
    assert {cell.verdict for cell in cells if cell.probe.vantage != "outside"} == {"ok"}


def test_a_changed_host_key_stops_everything(ctx: Context, world: Stations) -> None:
    warning = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\n"
    world.results["me@laptop"] = Result(255, "", warning)
    with pytest.raises(TrustError, match="me@laptop"):
        plan(ctx)


def test_verify_records_what_it_measured_and_names_the_cause(ctx: Context, world: Stations) -> None:
    assert proof.verify(ctx).good
    first = ctx.state.recall("proof", "measured")
    assert first and {row["verdict"] for row in ctx.state.recall("proof", "table")} == {"ok"}
    world.seen["me@server", "203.0.113.7 -"] = "connected 000 no"
    found = proof.verify(ctx)
    assert not found.good and [cause["code"] for cause in found.data()["causes"]] == ["api-open"]
    assert "api-open: The Kubernetes API is open" in found.text() and "12 of 13 as expected, 1 wrong" in found.text()
    assert "wrong" in {row["verdict"] for row in ctx.state.recall("proof", "table")}


GRAFANA = {"spec": {"hostnames": ["grafana.in.home.test"]}}


def test_what_the_cluster_can_not_be_asked_for_is_still_looked_at_and_nothing_is_proved(
    ctx: Context, world: Stations
) -> None:
    """An app of which only the cluster knows must not vanish from the table with it."""
    world.routes = [GRAFANA]
    world.seen["sh", "10.0.0.51 grafana.in.home.test"] = world.seen["me@laptop", "10.0.0.51 grafana.in.home.test"] = (
        "http 404 no"
    )
    world.seen["me@server", "203.0.113.7 grafana.in.home.test"] = "http 404 no"
    assert proof.verify(ctx).good
    world.silent = True
    world.seen["me@server", "10.0.0.50 grafana.in.home.test"] = "http 200 yes"
    found = proof.verify(ctx)
    assert [cause.code for cause in found.causes] == ["private-address-open"]
    del world.seen["me@server", "10.0.0.50 grafana.in.home.test"]
    found = proof.verify(ctx)
    assert not found.wrong and not found.good
    assert "there may be more. The cluster does not answer." in found.text()
    assert found.data()["incomplete"] == found.incomplete
    with pytest.raises(Blocked, match="there may be more"):
        plan(ctx)


def test_for_doctor_what_proves_nothing_is_not_well(ctx: Context, world: Stations) -> None:
    ctx.state.done["proof"] = "2026-11-26T08:00:00+00:00"
    world.silent = True
    found = checks._reach(ctx, [])
    assert (found.state, found.findings) == ("not looked", ()) and "there may be more" in found.why


def test_without_a_kubeconfig_nothing_is_proved(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").unlink()
    with pytest.raises(Blocked, match=r"no .*kubeconfig on this computer"):
        plan(ctx)


def test_where_nothing_can_be_measured_at_home_nothing_is_proved(ctx: Context, world: Stations) -> None:
    world.results["sh"] = Result(0, "@@ tool no-curl\n")
    found = proof.verify(ctx)
    assert not found.wrong and not found.good and found.incomplete == "Nothing could be measured from home."


def test_a_laptop_that_is_not_on_the_vpn_proves_nothing_of_it(ctx: Context, world: Stations) -> None:
    """It may be at home, where everything answers without a VPN."""
    world.vpn = False
    vpn = [cell for cell in proof.verify(ctx).cells if cell.probe.vantage == "VPN"]
    assert {cell.verdict for cell in vpn} == {"not measured"}
    assert {cell.seen for cell in vpn} == {"that machine does not go there over the VPN"}


def test_steps_that_were_skipped_are_told_in_json_too(ctx: Context) -> None:
    ctx.state.skipped["router"] = "2026-11-20T08:00:00+00:00"
    assert proof.verify(ctx).data()["skipped"] == {"router": "2026-11-20T08:00:00+00:00"}


@pytest.mark.parametrize("missing", ["machines", "addresses", "domains"])
def test_there_must_be_something_to_verify(ctx: Context, missing: str) -> None:
    ctx.answers.pop(missing)
    with pytest.raises(Blocked, match="nothing to prove"):
        proof.verify(ctx)


def test_without_a_nonce_nothing_can_be_proved(ctx: Context) -> None:
    ctx.state.remember("proof", "nonce", value="")
    with pytest.raises(Blocked, match="nothing to recognise"):
        plan(ctx)
