"""What `homelab app expose` refuses: a table of homes and wishes, and what is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from steps.expose import command
from steps.expose.expose import AppExpose
from steps.expose.look import Pi, Route, Seen, Service, bytes_of, of_files, routes_of_files
from steps.expose.questions import QUESTIONS
from steps.expose.refusals import refusals
from steps.expose.wanted import NAMED, name_of, problems, wanted
from steps.gitops.app import App
from steps.gitops.catalogue import catalogue
from tests.golden.repositories import repository, settings
from wizard.errors import BadInput
from wizard.state import State

INNER, OUTER = "attic-internal.duckdns.org", "attic.duckdns.org"
PI = Pi("castor", "arm64", 4 * 1024**3)
DOMAINS = {"internal_domain": INNER, "external_domain": OUTER}
NESTED = {"internal_domain": "in.home.test", "external_domain": "home.test"}


@pytest.fixture(scope="module")
def home() -> Seen:
    """A home with Pi-hole, monitoring and one page that its person wrote."""
    files = repository("duckdns-full")
    by_hand = Route(
        "blog", "blog", ("traefik-external",), (f"blog.{OUTER}",), (("blog", "blog"),), "apps/blog/route.yaml"
    )
    return Seen(
        replace(settings("duckdns-full"), exposed=(App("notes", "catalogue", "memos", "notes"),)),
        frozenset({*files, "apps/blog/route.yaml", "clusters/attic/blog.yaml"}),
        [*routes_of_files(files), by_hand, Route("odd", "odd", ("traefik-internal",), (f"odd.{INNER}",))],
        services=[Service("blog", "blog", (80, 443)), Service("blog", "away", (), "ExternalName")],
        spaces={"blog": {}, "old": {"homelab.local/app": "old"}, "kube-system": {}}, classes=["fast"], pis=[PI],
        **of_files(files),
    )  # fmt: skip


IMAGE = App("pages", "image", "docker.io/them/pages:1.2.3", internal="pages", port="80")
WIDE = Route("x", "all", ("traefik-external",), (f"*.{OUTER}",), file="apps/x/all.yaml")
# the wish, what is different in the home, the question to answer otherwise, what is said
CASES: dict[str, tuple[App, dict[str, Any], str, str]] = {
    "a name in use in the repository": (
        replace(IMAGE, internal="grafana"), {}, "host", f"grafana.{INNER} is in use: apps/monitoring/route.yaml",
    ),
    "a name in use by hand": (
        replace(IMAGE, internal="", external="blog"), {}, "host", f"blog.{OUTER} is in use: apps/blog/route.yaml",
    ),
    "a name in use in the cluster only": (
        replace(IMAGE, internal="odd"), {}, "host", "is in use: the cluster (HTTPRoute odd/odd)",
    ),
    "the name of another exposed app": (replace(IMAGE, name="notes"), {}, "name", "notes is another app"),
    "a folder of the person's own": (replace(IMAGE, name="blog"), {}, "name", "has clusters/attic/blog.yaml already"),
    "a namespace of somebody else": (replace(IMAGE, name="kube-system"), {}, "name", "has a namespace kube-system"),
    "a wildcard on the public gateway covers it": (
        IMAGE, {"routes": [replace(WIDE, hosts=("*.duckdns.org",))], "hears": {
            "traefik-internal": [f"*.{INNER}"], "traefik-external": ["*.duckdns.org"]}},
        "reach", f"pages.{INNER} would be public: apps/x/all.yaml answers for *.duckdns.org on traefik-external",
    ),
    "a route without a name on the public gateway": (
        IMAGE, {"routes": [replace(WIDE, hosts=())], "hears": {
            "traefik-internal": [f"*.{INNER}"], "traefik-external": [""]}},
        "reach", "answers for every name on traefik-external",
    ),
    "a gateway that does not listen to it": (
        IMAGE, {"hears": {"traefik-internal": ["*.elsewhere.test"]}}, "host", "does not listen to pages",
    ),
    "a Service that is not there": (
        App("x", "service", "blog/other:80", internal="x"), {}, "service", "has no Service blog/other",
    ),
    "a port that it has not": (App("x", "service", "blog/blog:81", internal="x"), {}, "service", "has no port 81"),
    "a Service that leads away": (
        App("x", "service", "blog/away:80", internal="x"), {}, "service", "leads out of the cluster",
    ),
    "a StorageClass that is not there": (
        replace(IMAGE, data="/d", size="1Gi", storage="slow"), {}, "storage", "has no StorageClass slow",
    ),
    "HTTPS that is not there": (
        App("vaultwarden", "catalogue", "vaultwarden", internal="v"), {"settings": settings("minimal-http"), "hears": {
            "traefik-internal": [f"*.{settings('minimal-http').internal_domain}"]}},
        "entry", "Vaultwarden works only over HTTPS",
    ),
    "Pis of another kind": (
        App("ntfy", "catalogue", "ntfy", internal="ntfy"), {"pis": [replace(PI, architecture="arm")]}, "entry",
        "for arm64 and amd64, not for arm",
    ),
    "Pis that are too small": (
        App("paperless", "catalogue", "paperless", internal="p"), {"pis": [replace(PI, memory=512 * 1024**2)]}, "entry",
        "it wants 768Mi of memory, and the largest Pi that takes pods (castor) has 0.5 GiB",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused(home: Seen, case: str) -> None:
    app, different, key, said = CASES[case]
    found = refusals(app, replace(home, **different))
    assert [one.path for one in found][:1] == [f"app-expose.{key}"], [one.text for one in found]
    assert said in found[0].what, found[0].what
    assert found[0].fix.endswith(".") or case == "Pis of another kind"


@pytest.mark.parametrize(
    ("app", "different"),
    [
        (IMAGE, {}),
        (replace(IMAGE, external="pages"), {}),
        (App("blog-at-home", "service", "blog/blog:443", internal="blog"), {}),
        (App("notes", "catalogue", "memos", "notes", "notes"), {}),  # it is there, and is shown to the internet too
        (replace(IMAGE, name="old"), {}),  # it was there once: its data waits in its namespace
        (replace(IMAGE, data="/d", size="1Gi", storage="fast"), {}),
        (replace(IMAGE, data="/d", size="1Gi", storage="local-path"), {}),
        (IMAGE, {"routes": [WIDE]}),  # a wildcard of public names covers no private one
        (App("ntfy", "catalogue", "ntfy", internal="ntfy"), {"pis": []}),
        (App("ntfy", "catalogue", "ntfy", internal="ntfy"), {"pis": [replace(PI, architecture="")]}),
    ],
)
def test_it_is_not_refused(home: Seen, app: App, different: dict[str, Any]) -> None:
    assert [one.text for one in refusals(app, replace(home, **different))] == []


# -- what the answers alone show -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "domains", "said"),
    [
        (
            {"host": f"x.{OUTER}", "reach": "internal"},
            DOMAINS,
            f"x.{OUTER} lies below {OUTER}, whose names are for the internet",
        ),
        (
            {"host": f"x.{INNER}", "reach": "external"},
            DOMAINS,
            f"x.{INNER} lies below {INNER}, whose names are for home",
        ),
        ({"host": "x.in.home.test", "reach": "external"}, NESTED, "whose names are for home and VPN only"),
        ({"host": "x.elsewhere.test", "reach": "internal"}, DOMAINS, f"does not lie below {INNER}"),
        ({"host": f"a.b.{INNER}", "reach": "internal"}, DOMAINS, "more than one part in front of"),
        ({"host": "a.b.home.test", "reach": "external"}, NESTED, "more than one part in front of"),
        ({"host": f"x.{INNER}", "reach": "both"}, DOMAINS, f"a name below {INNER} and one below {OUTER}"),
        ({"form": "image", "name": "traefik"}, DOMAINS, "traefik is the name of a part of the cluster itself"),
        ({"form": "image", "name": "pihole"}, DOMAINS, "pihole is the name of a part"),
        ({"form": "service", "service": "default/kubernetes:443"}, DOMAINS, "the cluster's own API"),
    ],
)
def test_answers_that_do_not_go_together(given: dict[str, Any], domains: dict[str, str], said: str) -> None:
    found = problems({"app-expose": {"form": "image", **given}, "domains": domains})
    assert len(found) == 1 and said in found[0].what


@pytest.mark.parametrize(
    ("given", "name", "internal", "external"),
    [
        ({"form": "catalogue", "entry": "ntfy", "reach": "both"}, "ntfy", "ntfy", "ntfy"),
        ({"form": "catalogue", "entry": "ntfy", "reach": "internal", "host": f"push.{INNER}"}, "ntfy", "push", ""),
        ({"form": "image", "image": "x.test:5000/a/web:1.2.3", "port": 80, "reach": "external"}, "web", "", "web"),
        ({"form": "service", "service": "blog/front:80", "reach": "internal", "name": "blog"}, "blog", "blog", ""),
        (
            {"form": "chart", "chart": "oci://x.test/charts/wiki", "version": "1.2.3", "backend": "wiki:80",
             "reach": "both", "host": "w"},
            "wiki", "w", "w",
        ),
    ],
)  # fmt: skip
def test_from_the_answers_to_the_app(given: dict[str, Any], name: str, internal: str, external: str) -> None:
    answers = {"app-expose": given, "domains": DOMAINS}
    assert problems(answers) == [] and name_of(given) == name
    made = wanted(answers)
    assert (made.name, made.internal, made.external) == (name, internal, external)


def test_what_an_app_keeps_stays_as_it_was_made() -> None:
    given = {"form": "catalogue", "entry": "ntfy", "reach": "both", "size": "9Gi", "storage": "other"}
    answers = {"app-expose": given, "domains": DOMAINS}
    assert (wanted(answers).size, wanted(answers).storage) == ("9Gi", "other")
    known = App("ntfy", "catalogue", "ntfy", "ntfy", size="2Gi", storage="fast")
    assert (wanted(answers, known).size, wanted(answers, known).storage) == ("2Gi", "fast")
    plain = {**answers, "app-expose": {key: given[key] for key in ("form", "entry", "reach")}}
    assert (wanted(plain, None, "default").storage, wanted(plain).storage) == ("default", "local-path")


def test_bytes() -> None:
    sizes = {
        "1Ki": 1024,
        "512Mi": 512 * 1024**2,
        "1.5Gi": 1.5 * 1024**3,
        "100": 100,
        None: 0,
        "many": 0,
        "2G": 2 * 10**9,
    }
    assert {text: bytes_of(text) for text in sizes} == sizes


# -- words of the command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"entry": "frob"}, "frob is not in the catalogue"),
        ({"entry": "ntfy", "image": "x:1.2.3"}, "entry and image are two apps"),
        ({"image": "nginx"}, "another image from time to time: name a version"),
        ({"image": "nginx:latest"}, "another image from time to time"),
        ({"image": "nginx:1.29", "port": "99999"}, "99999 is not a port"),
        ({"chart": "ghcr.io/x"}, "is not of the form oci://"),
        ({"service": "hello"}, "is not of the form NAMESPACE/SERVICE:PORT"),
        ({"entry": "ntfy", "host": "a b"}, "is not a name of small letters"),
        ({"entry": "ntfy", "size": "lots"}, "is not of the form 10Gi"),
        ({"entry": "ntfy", "reach": "somebody"}, "is not one of: internal, external, both"),
    ],
)
def test_words_that_do_not_fit_are_told_before_anything_is_touched(
    tmp_path: Path, words: dict[str, Any], said: str
) -> None:
    state = State(tmp_path / "state.yaml", "attic")
    state.answers = {"repository": {"branch": "main"}, "domains": dict(DOMAINS)}
    with pytest.raises(BadInput) as caught:
        command.begin(state, {"command": "app expose", **words})
    assert said in caught.value.problems[0].what
    assert not state.path.exists()


def test_without_a_cluster_it_says_so(tmp_path: Path) -> None:
    state = State(tmp_path / "state.yaml", "attic")
    with pytest.raises(BadInput) as caught:
        command.begin(state, {"command": "app expose"})
    assert "no cluster is known here" in caught.value.problems[0].what


@pytest.mark.parametrize(("golden", "first"), [("minimal-http", "audiobookshelf"), ("duckdns-full", "actual")])
def test_the_apps_that_can_not_be_had_come_last_and_say_why(home: Seen, golden: str, first: str) -> None:
    ctx: Any = SimpleNamespace(scratch={"apps seen": replace(home, settings=settings(golden))})
    choices = next(one for one in QUESTIONS if one.key == "entry").choices_for(ctx)
    assert {choice.value for choice in choices} == set(catalogue()) and choices[0].value == first
    left = [choice for choice in choices if "(not here)" in choice.label]
    assert left == list(choices[len(choices) - len(left) :])
    answers = {NAMED: {"form": "catalogue", "entry": "actual"}}
    objections = AppExpose().objections(ctx, answers)
    if golden == "minimal-http":
        assert all("only over HTTPS" in choice.help for choice in left) and left
        assert [one.path for one in objections] == ["app-expose.entry"]
    else:
        assert not left and not objections
