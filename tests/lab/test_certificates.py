"""Certificates with cert-manager's real controllers: from staging to production, and back into a cluster built anew.

Real: hosts, kubeadm, Flux, cert-manager's controllers and webhook server, every order and challenge. The lab's own:
DuckDNS, its solver, and pebble, which is the authority of both issuers and never made anew in between.
The tests are stages of one life and run in this order. Root; `make cluster-test`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab.cluster_lab import ROOT, build, end, kubectl, lab
from tests.lab.whole_home import NODES, PUBLIC_DNS, AtHome
from wizard import yamlfile

CLUSTER = "tls"
STAGING, PRODUCTION = "letsencrypt-staging", "letsencrypt-production"
SECRETS = {"websecure-internal-tls", "websecure-external-tls"}
Ran = Callable[[str, str], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module", autouse=True)
def everything() -> Iterator[None]:
    build("build cluster", "gitops build", "acme build", "apps build")
    for node in NODES:
        lab("wipe", str(node))
    lab("up", str(len(NODES)))
    lab("git", "up")
    lab("git", "reset")
    lab("acme", "up")
    yield
    end()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> AtHome:
    folder = tmp_path_factory.mktemp("tls")
    answers = yamlfile.load((ROOT / "tests/answers/full.yaml").read_text()) | {"cluster": CLUSTER}
    answers["repository"]["apps"] = ["hello", "pihole"]
    (folder / "answers.yaml").write_text(yamlfile.dump_plain(answers))
    (folder / "root.pem").write_text(lab("acme", "root"))
    home = AtHome(folder, str(folder / "answers.yaml"), CLUSTER)
    home.resolver = folder / "resolv.conf"
    home.asks(PUBLIC_DNS)
    home.env["CURL_CA_BUNDLE"] = str(folder / "root.pem")
    return home


def kept(home: AtHome) -> Path:
    return home.state / "homelab-wizard" / CLUSTER


def secrets() -> dict[str, tuple[str, str]]:
    """The gateways' TLS Secrets: who issued each, and its certificate."""
    found = json.loads(kubectl("-n", "gateways", "get", "secrets", "-o", "json"))["items"]
    return {
        one["metadata"]["name"]: (one["metadata"]["annotations"]["cert-manager.io/issuer-name"], one["data"]["tls.crt"])
        for one in found if one["type"] == "kubernetes.io/tls" and "annotations" in one["metadata"]
    }  # fmt: skip


def orders() -> list[str]:
    found = json.loads(kubectl("get", "orders", "-A", "-o", "json"))["items"]
    return [str(one["metadata"]["name"]) for one in found]


def test_a_new_cluster_has_certificates_of_the_test_service(home: AtHome) -> None:
    home.settle_in()
    assert {name: issuer for name, (issuer, _) in secrets().items()} == dict.fromkeys(SECRETS, STAGING)
    assert not (kept(home) / "certificates.age").exists(), "those of the test service are worth no copy"


def test_promoting_leaves_the_old_ones_until_the_new_ones_are_there(home: AtHome, ran: Ran) -> None:
    before, began = secrets(), time.monotonic()
    with ThreadPoolExecutor() as pool:
        promoting = pool.submit(home.run, "certificates", "promote", "--yes", "--cluster", CLUSTER)
        while not promoting.done():
            assert secrets().keys() == SECRETS, "a gateway was without a certificate"
            time.sleep(2)
    code, out = promoting.result()
    assert code == 0, out[-6000:]
    after = secrets()
    assert {name: issuer for name, (issuer, _) in after.items()} == dict.fromkeys(SECRETS, PRODUCTION)
    assert all(after[name][1] != before[name][1] for name in SECRETS)
    code, out = home.run("certificates", "--json", "--cluster", CLUSTER)
    assert code == 0 and all(one["ready"] for one in json.loads(out)["certificates"]), out
    ran("certificates", f"promoted and proved in {time.monotonic() - began:.0f} s, never without one")


def test_a_copy_is_kept_that_shows_nothing(home: AtHome) -> None:
    for name in ("certificates.age", "certificates.yaml"):
        file = kept(home) / name
        assert file.stat().st_mode & 0o777 == 0o600
        assert b"PRIVATE KEY" not in file.read_bytes() and b"LS0tLS1CRUdJTi" not in file.read_bytes()  # PEM in base64


def test_a_cluster_built_anew_gets_them_back_and_orders_nothing(home: AtHome, ran: Ran) -> None:
    before = secrets()
    code, out = home.run("reset", "--yes", "--allow", "reset/cluster", "--confirm", CLUSTER, "--cluster", CLUSTER)
    assert code == 0, out[-6000:]
    answers = Path(home.answers)
    answers.write_text(answers.read_text().replace("issuer: staging", "issuer: production"))
    home.asks(PUBLIC_DNS)
    home.settle_in()
    assert secrets() == before, "cert-manager took them for its own"
    assert orders() == []
    code, out = home.run("plan", "--answers", home.answers)
    assert code == 0, out[-3000:]
    ran("certificates", "put back into a new cluster: the same two, no order")


def test_each_name_gets_a_certificate_of_its_own_when_that_is_wanted(home: AtHome, ran: Ran) -> None:
    """The wildcards' listeners become one for each name; DuckDNS has one TXT record for all of their challenges."""
    answers, began = Path(home.answers), time.monotonic()
    data = yamlfile.load(answers.read_text())
    data["domains"]["certificates"] = "single"
    answers.write_text(yamlfile.dump_plain(data))
    code, out = home.journey()
    assert code == 0, out[-6000:]
    code, out = home.run("certificates", "--json", "--cluster", CLUSTER)
    found = json.loads(out)["certificates"]
    assert code == 0 and found and all(one["ready"] for one in found), out
    names = [one["names"] for one in found]
    assert all(len(each) == 1 and "*" not in each[0] for each in names), names
    code, out = home.run("plan", "--answers", home.answers)
    assert code == 0, out[-3000:]
    ran("certificates", f"{len(found)} names, each with its own, {time.monotonic() - began:.0f} s")
