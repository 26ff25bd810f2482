"""`homelab app` on a real home: shown to the home, to the internet and to both, taken away, each proved by requests.

Real: as in test_proof.py, and local-path-provisioner (older) and its helper pods. The image is the lab's whoami;
those of the catalogue can't be had here. The tests are stages of one life, in this order. Root; `make cluster-test`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.lab.cluster_lab import kubectl, lab
from tests.lab.person import Person
from tests.lab.whole_home import AtHome, lived_in

INTERNAL, EXTERNAL, WAN = "198.18.0.201", "198.18.0.202", "198.18.64.2"
INNER, OUTER = "lab-home-internal.duckdns.org", "lab-home.duckdns.org"
IMAGE = ("--image", "docker.io/traefik/whoami:v1.11.0", "--port", "80", "--name", "notes")
ANY = "--insecure"  # who does not serve a name has no certificate for it
VOLUMES = "/var/lib/homelab-volumes"
Ran = Callable[[str, str], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def home() -> Iterator[AtHome]:
    with lived_in("storage build") as made:
        yield made


def app(home: AtHome, *words: str) -> str:
    """`homelab app …`, which must go well, its proof included."""
    code, out = home.run("app", *words, "--yes", "--cluster", home.cluster)
    assert code == 0, out[-5000:]
    return out


def refused(home: AtHome, *words: str) -> str:
    code, out = home.run("app", *words, "--yes", "--cluster", home.cluster)
    assert code == 1, out[-3000:]
    return " ".join(out.split())


def from_home(home: AtHome, host: str, address: str, *more: str) -> str:
    """Status and page as the workstation gets them from one of the two gateways."""
    root = str(Path(home.answers).parent / "root.pem")
    return lab("ws", *_curl(host, address), "--cacert", root, *more, f"https://{host}/", check=False)


def from_outside(host: str, *more: str) -> str:
    """The same from a machine on the internet, by the router's address."""
    return lab("tailnet", "outside", *_curl(host, WAN), *more, f"https://{host}/", check=False)


def _curl(host: str, address: str) -> list[str]:
    return ["curl", "-sS", "-m", "10", "-w", "\n%{http_code}", "--resolve", f"{host}:443:{address}"]


def settled(get: Callable[[], str]) -> str:
    """What `get` says once it is 404, or after half a minute whatever it is: Traefik follows in a moment."""
    end_at = time.monotonic() + 30
    while not (found := get()).endswith("404") and time.monotonic() < end_at:
        time.sleep(1)
    return found


def test_a_service_at_home_only(home: AtHome, ran: Ran) -> None:
    began, host = time.monotonic(), f"page.{INNER}"
    out = app(home, "expose", "--service", "hello/hello:80", "--name", "page", "--to", "internal")
    assert f"https://{host}: from your home and over the VPN" in out
    assert "page (private)" in out, "its rows are in the proof"
    word = str(home.evidence()["proof"]["nonce"])  # type: ignore[index]
    assert word in from_home(home, host, INTERNAL)
    assert from_home(home, host, EXTERNAL, ANY).endswith("404")
    assert word not in from_outside(host, ANY) and from_outside(host, ANY).endswith("404")
    ran("internal", f"a Service of the cluster, {time.monotonic() - began:.0f} s until it was proved")


def test_an_image_for_the_internet_only(home: AtHome, ran: Ran) -> None:
    began, host = time.monotonic(), f"notes.{OUTER}"
    out = app(home, "expose", *IMAGE, "--data", "/data", "--size", "1Gi", "--to", "external")
    assert f"https://{host}: from the whole internet" in out and "Caution:" in out
    assert "Hostname: notes-" in from_home(home, host, EXTERNAL)
    assert "Hostname: notes-" in from_outside(host)
    assert from_home(home, f"notes.{INNER}", INTERNAL).endswith("404"), "it has no name at home"
    ran("external", f"an image with data, {time.monotonic() - began:.0f} s until it was proved")


def test_then_for_both_with_an_edit_by_hand_kept(home: AtHome, ran: Ran, tmp_path: Path) -> None:
    person = Person(tmp_path / "clone")
    text = person.read("apps/notes/app.yaml").replace("memory: 512Mi", "memory: 300Mi # mine")
    person.push("Less memory", {"apps/notes/app.yaml": text})
    app(home, "expose", *IMAGE, "--to", "both")
    person.git("pull", "-q", "--rebase")
    assert "memory: 300Mi # mine" in person.read("apps/notes/app.yaml")
    for host, address in ((f"notes.{INNER}", INTERNAL), (f"notes.{OUTER}", EXTERNAL)):
        assert "Hostname: notes-" in from_home(home, host, address)
    assert "Hostname: notes-" in from_outside(f"notes.{OUTER}")
    assert from_outside(f"notes.{INNER}", ANY).endswith("404"), "what is private is not found outside"
    ran("both", "one app, two names; an edit by hand kept")


def test_what_would_go_wrong_is_refused(home: AtHome, ran: Ran) -> None:
    said = refused(home, "expose", "ntfy", "--to", "internal", "--host", "grafana")
    assert f"grafana.{INNER} is in use: apps/monitoring/route.yaml" in said
    said = refused(home, "expose", "--service", "hello/hello:81", "--name", "other", "--to", "internal")
    assert "he Service hello/hello has no port 81" in said
    ran("refused", "a name in use, a port that is not there")


def volume() -> str:
    """The volume of the claim, and the folder on the Pi."""
    return kubectl("-n", "notes", "get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}").strip()


def folders() -> str:
    return lab("node", "2", "sh", "-c", f"cat {VOLUMES}/*_notes_data/data/word 2>/dev/null", check=False).strip()


def test_removed_it_answers_nobody_and_its_data_stays(home: AtHome, ran: Ran) -> None:
    lab("node", "2", "sh", "-c", f"echo dear diary > $(echo {VOLUMES}/*_notes_data/data)/word")
    before = volume()
    app(home, "remove", "notes")
    for host, address in ((f"notes.{INNER}", INTERNAL), (f"notes.{OUTER}", EXTERNAL)):
        found = settled(partial(from_home, home, host, address))
        assert found.endswith("404"), found
    assert from_outside(f"notes.{OUTER}").endswith("404")
    assert kubectl("-n", "notes", "get", "deployments", "-o", "name").strip() == ""
    assert (volume(), folders()) == (before, "dear diary")
    app(home, "expose", *IMAGE, "--data", "/data", "--to", "internal")
    assert (volume(), folders()) == (before, "dear diary"), "it finds its data again"
    ran("removed", "nobody reaches it, its data stays, and is found again")


def test_its_data_goes_when_that_is_said(home: AtHome, ran: Ran) -> None:
    words = ("app", "remove", "notes", "--delete-data", "--yes", "--cluster", home.cluster)
    code, out = home.run(*words)
    assert code == 1 and "--allow app-remove/data --confirm notes" in out and folders() == "dear diary"
    code, out = home.run(*words, "--allow", "app-remove/data", "--confirm", "notes")
    assert code == 0, out[-5000:]
    assert folders() == "" and "notes" not in kubectl("get", "pv", "-o", "jsonpath={.items[*].spec.claimRef.namespace}")
    ran("deleted", "its folder is gone from the Pi")


def test_the_list_is_what_is_reached(home: AtHome) -> None:
    code, out = home.run("app", "list", "--json", "--cluster", home.cluster)
    assert code == 0, out
    found = {one["url"]: one["by"] for one in json.loads(out)["apps"]}
    assert found[f"https://page.{INNER}"] == "homelab app" and found[f"https://hello.{OUTER}"] == "homelab"
    assert not [url for url in found if "notes" in url]
    app(home, "remove", "page")
    assert from_home(home, f"hello.{INNER}", INTERNAL).endswith("200"), "the Service itself was left alone"
