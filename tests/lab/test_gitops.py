"""The whole repository on real Flux: everything Ready, certificates included; then what a person pushes or breaks.

Real: hosts, kubeadm, git over SSH, sops, Flux and its controllers, MetalLB, both Traefiks, cert-manager's controllers,
webhook and chart, orders at an ACME server through a DNS-01 solver, the kinds of Prometheus' operator. The lab's own:
DuckDNS and its solver's chart, the charts of Pi-hole (in it dnsmasq answers) and of monitoring (a page for Grafana's).
The tests are stages of one life and run in this order. Root; `make cluster-test`.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.cluster_lab import HOME, Wizard, build, end, kubectl, lab
from tests.lab.faults import APP, FAULTS, OWN, Fault, part, settings
from tests.lab.person import URL, Person
from wizard import sops
from wizard.realworld import RealWorld

ANSWERS = "tests/answers/full.yaml"
NODES = (1, 2)
INTERNAL, EXTERNAL, DNS = "198.18.0.201", "198.18.0.202", "198.18.0.203"
NAMES = {"lab-home-internal.duckdns.org": INTERNAL, "lab-home.duckdns.org": EXTERNAL}
Ran = Callable[[str, str], None]
LAB_MADE = {
    "traefik": "the lab's chart, real program",
    "cert-manager": "upstream's chart; programs put together from its library",
    "cert-manager-webhook-duckdns": "the lab's chart and solver, on cert-manager's webhook server",
    "pihole": "the lab's chart; dnsmasq in it, a page in the place of Pi-hole's",
    "kube-prometheus-stack": "the lab's chart; a page in Grafana's place, no Prometheus",
    "prometheus-operator-crds": "the lab's chart around upstream's kinds",
    "metallb": "upstream's chart and programs",
}

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
def wizard(tmp_path_factory: pytest.TempPathFactory) -> Wizard:
    folder = tmp_path_factory.mktemp("full")
    answers = folder / "answers.yaml"
    shutil.copyfile(ANSWERS, answers)
    return Wizard(folder, str(answers), "full")


@pytest.fixture(scope="module")
def person(wizard: Wizard, tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(tmp_path_factory.mktemp("clone") / "homelab")


def run(wizard: Wizard) -> tuple[int, str]:
    return wizard.run("run", "--answers", wizard.answers, "--yes", "--until", "flux")


def whole(wizard: Wizard) -> str:
    code, out = run(wizard)
    assert code == 0, out[-5000:]
    return out


def listed(kind: str) -> dict[str, dict[str, Any]]:
    """Every object of that kind, as NAMESPACE/NAME -> the object."""
    found = json.loads(kubectl("get", kind, "-A", "-o", "json"))["items"]
    return {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one for one in found}


def answer(server: str, name: str) -> list[str]:
    """The addresses that `server` gives for `name`, asked from the workstation."""
    out = lab("ws", "/usr/bin/python3", "-m", "dnslib.client", "--server", f"{server}:53", name, "A")
    return re.findall(rf"(?m)^{re.escape(name)}\.\s+\d+\s+IN\s+A\s+(\S+)$", out)


def reported(out: str) -> str:
    """What a run that failed says below its table, as one line."""
    last = out[out.rfind("step           seconds") :].split("Everything up to here is saved.")[0]
    return " ".join(" ".join(re.split(r"(?m)^\w[\w-]* +[\d.]+ +.*$", last)[-1:]).split())


def pem(folder: Path) -> str:
    """A file with the root of the authority that issued the certificates."""
    file = folder / "root.pem"
    file.write_text(lab("acme", "root"))
    return str(file)


def get(name: str, address: str, *more: str) -> str:
    """The page at that name, from the workstation; an empty text when curl trusts no certificate of it."""
    argv = ["curl", "-sS", "-m", "10", "--resolve", f"{name}:443:{address}", "--resolve", f"{name}:80:{address}"]
    return lab("ws", *argv, *more, f"https://{name}/", check=False)


def test_everything_that_was_written_becomes_ready(wizard: Wizard, ran: Ran) -> None:
    out = whole(wizard)
    for kind in ("kustomizations", "helmreleases", "certificates", "gitrepositories", "ocirepositories"):
        for name, one in listed(kind).items():
            conditions = {each["type"]: each["status"] for each in one["status"]["conditions"]}
            assert conditions["Ready"] == "True", (kind, name, one["status"])
    code, plan = wizard.run("plan", "--answers", wizard.answers, "--until", "flux")
    assert code == 0, plan[-3000:]
    for one in listed("helmreleases").values():
        chart = one["status"]["history"][0]
        ran("chart", f"{chart['chartName']} {chart['chartVersion'].partition('+')[0]} ({LAB_MADE[chart['chartName']]})")
    ran("repository", f"{len(listed('kustomizations'))} Kustomizations Ready, everything on")
    for line in out[out.rfind("step           seconds") :].splitlines()[1:]:
        if len(line.split()) >= 2:
            ran("homelab run", line)


def test_both_gateways_serve_ordered_certificates(wizard: Wizard, tmp_path: Path, ran: Ran) -> None:
    orders = listed("orders")
    assert {one["status"]["state"] for one in orders.values()} == {"valid"} and len(orders) == len(NAMES)
    root, word = pem(tmp_path), str(wizard.evidence()["proof"]["nonce"])  # type: ignore[index]
    for domain, address in NAMES.items():
        assert word in get(f"hello.{domain}", address, "--cacert", root)
        assert get(f"hello.{domain}", address) == "", "the system's own authorities must not know this one"
        plain = lab("ws", "curl", "-sS", "-m", "10", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}",
                    "-H", f"Host: hello.{domain}", f"http://{address}/")  # fmt: skip
        assert plain == f"301 https://hello.{domain}/"
    assert "Grafana" in get("grafana.lab-home-internal.duckdns.org", INTERNAL, "--cacert", root)
    assert "Pi-hole" in get("pihole.lab-home-internal.duckdns.org", INTERNAL, "--cacert", root)
    ran("certificates", "two wildcards, ordered at pebble through DNS-01; curl on the LAN trusts them by its root")


def test_pihole_answers_the_homes_names_itself_and_asks_the_public_servers_for_others(ran: Ran) -> None:
    for domain, address in NAMES.items():
        assert answer(DNS, f"hello.{domain}") == [address]
    assert answer(DNS, "ns1.duckdns.org") == ["198.18.64.52"]
    kubectl("-n", "duckdns", "create", "job", "--from=cronjob/duckdns", "now")
    kubectl("-n", "duckdns", "wait", "--for=condition=complete", "job/now", "--timeout=60s")
    # the router's address on the internet, as DuckDNS saw the updater; nothing for the internal name
    assert answer("198.18.64.53", "hello.lab-home.duckdns.org") == ["198.18.64.2"]
    assert answer("198.18.64.53", "hello.lab-home-internal.duckdns.org") == []
    ran("names", "dnsmasq in Pi-hole's place: the home's itself, others by the public servers; DuckDNS kept up to date")


def by_hand(text: str) -> str:
    """A release as a person may edit it: a comment, a value more, two keys in another order."""
    text = text.replace(
        "    deployment:\n", "    deployment: # mine: shown on its pods\n      podAnnotations: {lab.test/by: me}\n", 1
    )
    log, access = "    log:\n      level: INFO\n", "    accessLog:\n      enabled: true\n"
    assert log + access in text
    return "# The house's own door.\n" + text.replace(log + access, access + log, 1)


def test_an_edit_by_hand_and_a_changed_answer_meet_and_both_survive(wizard: Wizard, person: Person, ran: Ran) -> None:
    file, moved = "infrastructure/traefik/internal.yaml", "198.18.0.200"
    mine = by_hand(person.read(file))
    person.push("My own door", {file: mine, OWN: part(), APP: settings()})
    answers = Path(wizard.answers)
    answers.write_text(answers.read_text().replace(f"internal_address: {INTERNAL}", f"internal_address: {moved}"))
    whole(wizard)
    person.git("pull", "-q", "--rebase")
    assert person.read(file) == mine.replace(INTERNAL, moved), "one value is homelab's, every other byte the person's"
    assert (person.read(OWN), person.read(APP)) == (part(), settings())
    authors = person.git("log", "--format=%an", "-3", "--", file).split("\n")
    assert authors[:3] == ["homelab-edits", "homelab-wizard", "me"]
    [pod] = [one for name, one in listed("pods").items() if name.startswith("traefik/traefik-internal-")]
    assert pod["metadata"]["annotations"]["lab.test/by"] == "me"
    service = listed("services")["traefik/traefik-internal"]
    assert service["status"]["loadBalancer"]["ingress"][0]["ip"] == moved
    assert listed("configmaps")["default/own"]["data"] == {"a": "b"}
    code, plan = wizard.run("plan", "--answers", wizard.answers, "--until", "flux")
    assert code == 0, plan[-3000:]
    ran("both survive", "comment, value, order and file by hand; the address by an answer: in git and on the cluster")


def as_at_rest(why: str) -> str:
    """The same, when Flux was just trying once more at the moment of the look."""
    trying = r"^(Kustomization (\S+/)?(\S+)) is being applied\. The try before ended with (\w+)\. Kustomization \3: \4 "
    return re.sub(trying, r"\1: \4: ", why)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_mistake_that_a_person_pushes_is_named(
    fault: Fault, wizard: Wizard, person: Person, tmp_path: Path, ran: Ran
) -> None:
    person.push(fault.name, {APP: sealed_for_another(tmp_path), **fault.files})
    began = time.monotonic()
    if fault.by_run:
        code, out = run(wizard)
        assert code == 1
        pattern = f"{re.escape(fault.what)} {fault.why} {re.escape(fault.fix)}"
        assert re.fullmatch(pattern, reported(out)), reported(out)
    else:
        error = wizard.flux_step()
        assert (error.get("what"), error.get("fix")) == (fault.what, fault.fix)
        assert re.fullmatch(fault.why, as_at_rest(error["why"])), error["why"]
    ran("named", f"{fault.name}, {time.monotonic() - began:.0f} s after the push")


def test_once_taken_back_everything_is_ready_again(wizard: Wizard, person: Person) -> None:
    person.push("Take it back", {OWN: None, APP: None})
    whole(wizard)
    assert "flux-system/own" not in listed("kustomizations")


def test_another_age_key_in_the_cluster_is_told_and_put_right(wizard: Wizard, tmp_path: Path, ran: Ran) -> None:
    sops.make_key(tmp_path / "other.key")
    key = base64.b64encode((tmp_path / "other.key").read_bytes()).decode()
    kubectl("-n", "flux-system", "patch", "secret", "sops-age", "-p", json.dumps({"data": {"age.agekey": key}}))
    kubectl("-n", "flux-system", "annotate", "kustomization", "hello", "--overwrite",
            f"reconcile.fluxcd.io/requestedAt={time.time()}")  # fmt: skip
    kubectl("-n", "flux-system", "wait", "--for=condition=Ready=false", "kustomization/hello", "--timeout=60s")
    out = whole(wizard)
    assert "put the right keys into flux-system again: sops-age held others: done" in out
    ran("named", "another age key in the cluster, and put right")


def test_a_revoked_deploy_key_is_named(wizard: Wizard, ran: Ran) -> None:
    lab("git", "forget", f"{HOME}/git_key.pub")
    try:
        code, out = run(wizard)
    finally:
        lab("git", "allow", f"{HOME}/git_key.pub")
    assert code == 1
    public = " ".join(Path(f"{HOME}/git_key.pub").read_text().split()[:2])
    assert reported(out) == (
        f"198.18.0.1 does not accept the key. It is not (or no longer) among the keys of {URL}."
        f" Add the public key to the repository as a deploy key that may write. Add this public key to {URL}, with the"
        f" right to write: {public} In the settings of the repository, or in ~/.ssh/authorized_keys of the user in its"
        " address."
    )
    ran("named", "a revoked deploy key")


def test_another_host_key_of_the_git_server_stops_everything(wizard: Wizard, tmp_path: Path, ran: Ran) -> None:
    etc, known = Path(HOME) / "git-etc", Path(HOME) / "git_known_hosts"
    shutil.copytree(etc, tmp_path / "etc")
    shutil.copy(known, tmp_path / "known")
    try:
        lab("git", "down")
        for file in etc.glob("ssh_host_*"):
            file.unlink()
        lab("git", "up")
        shutil.copy(tmp_path / "known", known)
        code, out = run(wizard)
    finally:
        lab("git", "down")
        shutil.copytree(tmp_path / "etc", etc, dirs_exist_ok=True)
        lab("git", "up")
    assert code == 4, "a key that is not the approved one has an exit code of its own"
    assert reported(out) == (
        "198.18.0.1 does not show the host key that was approved. Nothing was sent. Another machine answers under this"
        " name, or its key was changed. Compare its fingerprint with the one its owner publishes before you approve a"
        " new one."
    )
    ran("named", "another host key of the git server")


def test_a_git_server_that_is_away_is_named(wizard: Wizard, ran: Ran) -> None:
    lab("git", "down")
    try:
        code, out = run(wizard)
    finally:
        lab("git", "up")
    assert code == 1
    assert reported(out) == (
        "198.18.0.1 could not be reached. It says: ssh: connect to host 198.18.0.1 port 2222: Connection refused"
        " Check the address and its port, and run the same command again."
    )
    ran("named", "a git server that does not answer")


def test_after_all_of_it_there_is_nothing_left_to_do(wizard: Wizard) -> None:
    whole(wizard)
    code, out = wizard.run("plan", "--answers", wizard.answers, "--until", "flux")
    assert code == 0, out[-3000:]


def sealed_for_another(folder: Path) -> str:
    """A Secret that the real sops has encrypted for a key that nobody in the lab has."""
    recipient = sops.make_key(folder / "other.key")
    rules = f"creation_rules: [{{encrypted_regex: ^(data|stringData)$, age: {recipient}}}]\n"
    plain = "apiVersion: v1\nkind: Secret\nmetadata: {name: own, namespace: default}\nstringData: {a: b}\n"
    return sops.encrypt(RealWorld(), rules, APP, plain)
