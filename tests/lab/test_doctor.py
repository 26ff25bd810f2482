"""`homelab doctor` and `homelab status` on a real home: each fault put into it is named by its code, and no other is.

Real: the hosts, kubeadm, Flux, MetalLB, both Traefiks, cert-manager's controllers, headscale and tailscaled, git over
SSH. The lab's own: DuckDNS, pebble, some charts (its README names them). The faults are data: doctor_faults.yaml.
With HOMELAB_LAB_KEEP=1 the home stays, and the next run takes it as it is. Root; `make cluster-test`.
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.lab.cluster_lab import kubectl
from tests.lab.doctor_acts import make, mend
from tests.lab.whole_home import AtHome, lived_in
from wizard import yamlfile

FAULTS: list[dict[str, Any]] = yamlfile.load((Path(__file__).parent / "doctor_faults.yaml").read_text())
Ran = Callable[[str, str], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(7200)]


def test_there_are_enough_faults() -> None:
    assert len(FAULTS) >= 25 and len({one["name"] for one in FAULTS}) == len(FAULTS)


# -- the home -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home() -> Iterator[AtHome]:
    with lived_in() as made:
        clean()
        yield made
        clean()


def clean() -> None:
    """The namespace of the faults anew; nothing of a run that was broken off stays."""
    kubectl("delete", "namespace", "fault", "--ignore-not-found", "--timeout=120s")
    kubectl("create", "namespace", "fault")


def doctor(home: AtHome, *words: str) -> dict[str, Any]:
    code, out = home.run("doctor", "--json", "--cluster", home.cluster, *words)
    assert out.startswith("{"), out[-3000:]
    found: dict[str, Any] = json.loads(out)
    assert code == (0 if found["good"] else 5), out
    return found


def codes(found: Mapping[str, Any]) -> list[str]:
    return sorted({one["code"] for check in found["checks"] for one in check["findings"]})


def settled(home: AtHome, wanted: list[str], seconds: float) -> list[str]:
    """The codes once they are what is wanted, or after a while whatever they are."""
    last = time.monotonic() + seconds
    while True:
        found = doctor(home)
        if codes(found) == wanted or time.monotonic() > last:
            if codes(found) != wanted:
                print(json.dumps([one for check in found["checks"] for one in check["findings"]], indent=1))
            return codes(found)
        time.sleep(3)


# -- the tests -----------------------------------------------------------------------------------


def test_a_home_that_is_well_has_no_finding(home: AtHome, ran: Ran) -> None:
    assert settled(home, [], 240) == []
    found = doctor(home)
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert set(states.values()) == {"well"}, [check for check in found["checks"] if check["state"] != "well"]
    ran("doctor", f"{len(states)} checks, all well, who reaches what among them")


def test_the_status_of_a_home_takes_less_than_three_seconds(home: AtHome, ran: Ran) -> None:
    times = []
    for _ in range(3):
        began = time.monotonic()
        code, out = home.run("status", "--json", "--cluster", home.cluster)
        times.append(time.monotonic() - began)
    found = json.loads(out)
    names = {section["name"]: section for section in found["sections"]}
    assert code == 0 and not found["unreachable"], out
    assert {"causes", "nodes", "versions", "flux", "certificates", "drift", "backups"} <= set(names)
    assert [row["text"] for row in names["drift"]["rows"]] == ["the cluster is as the answers say"]
    assert min(times) < 3, times
    ran("status", f"{min(times):.1f} s at best of {len(times)}, {len(names)} sections")


@pytest.mark.parametrize("fault", FAULTS, ids=[one["name"] for one in FAULTS])
def test_each_fault_is_named_and_no_other(home: AtHome, fault: dict[str, Any], ran: Ran) -> None:
    began = time.monotonic()
    try:
        make(fault, home)
        assert settled(home, [fault["code"]], float(fault.get("within", 90))) == [fault["code"]]
        ran("named", f"{fault['code']}: {fault['name']}, {time.monotonic() - began:.0f} s")
    finally:
        mend(fault, home)
    assert settled(home, [], 300) == [], "it has to be well again before the next one"


def test_a_part_at_zero_is_put_right_by_fix(home: AtHome, ran: Ran) -> None:
    kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=0")
    try:
        assert settled(home, ["dns-down"], 60) == ["dns-down"]
        _, out = home.run("doctor", "--fix", "--yes", "--cluster", home.cluster)
        assert "let kube-system/coredns run again" in out, out[-3000:]
    finally:
        kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=2")
    assert settled(home, [], 180) == []
    ran("fix", "CoreDNS at zero, two again by homelab doctor --fix --yes")


def test_a_bundle_of_a_real_home_holds_no_secret(home: AtHome, tmp_path: Path, ran: Ran) -> None:
    place = tmp_path / "help.tar.gz"
    code, out = home.run("doctor", "--bundle", str(place), "--yes", "--cluster", home.cluster)
    assert code == 0, out[-3000:]
    text = subprocess.run(["tar", "-xzOf", str(place)], capture_output=True, check=True).stdout.decode(errors="replace")
    secrets = json.loads(kubectl("get", "secrets", "-A", "-o", "json"))["items"]
    told = (
        "ca.crt",
        "tls.crt",
        "identity.pub",
        "known_hosts",
        "namespace",
        "description",
        "expiration",
        "auth-extra-groups",
    )
    values = [
        base64.b64decode(value).decode(errors="replace")
        for one in secrets for key, value in (one.get("data") or {}).items() if key not in told
    ]  # fmt: skip
    words = [line for value in values for line in value.splitlines() if len(line) >= 12 and "-----" not in line]
    folder = home.state / "homelab-wizard/proof"
    for name in ("age.key", "deploy_key", "id_ed25519"):
        if (folder / name).exists():
            words += [line for line in (folder / name).read_text().splitlines() if len(line) > 30 and "#" not in line]
    assert len(words) > 20
    assert [word[:6] for word in words if word in text] == []
    ran("bundle", f"{place.stat().st_size // 1024} KB, none of {len(words)} secret lines of the cluster in it")
