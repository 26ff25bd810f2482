"""Tags that a Pi lacks in the tailnet: given by the API, or named with what to do; and a key that gives others."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from steps.tailnet import QUESTIONS, Tailnet
from steps.tailnet_keys import wrong_tags
from wizard.errors import Blocked
from wizard.secret import Secret
from wizard.web.tailnet import KeyState
from wizard.world import Request, Response

FIRST = "192.168.1.11"
API = {"tailscale": Secret("tskey-api-k1-x"), "headscale": Secret("hskey-api-iWnMAPEPjW76-x")}
NO_POLICY = "requested tags [tag:homelab] are invalid or not permitted"  # what both services write


@pytest.fixture
def made(pis: Callable[..., Any]) -> Callable[..., Any]:
    """Three Pis that joined the tailnet of a service, with or without a key to its API."""

    def make(service: str, *, by_api: bool = True) -> Any:
        answers = {question.key: question.default for question in QUESTIONS.values()}
        keys = {"api_key": API[service]} if by_api else {"auth_key": Secret("an-auth-key")}
        stage = pis(tailnet=answers | {"service": service, "login_server": "https://hs.example"} | keys)
        stage.run(Tailnet())
        stage.seen.clear()
        return stage

    return make


def tag(stage: Any, tags: Sequence[str], *, own: bool = False) -> None:
    """Somebody gives every Pi other tags, as the server tells; and with `own` the Pi itself."""
    for member in stage.world.web.members.values():
        member.tags = list(tags)
    for machine in stage.world.machines.values():
        status = json.loads(machine.sections.get("tailscale") or "{}") if own else {}
        if status.get("Self"):
            status["Self"]["Tags"] = list(tags) or None
            machine.sections["tailscale"] = json.dumps(status)


def notes(stage: Any) -> dict[str, str]:
    return {event.title: event.text for event in stage.seen if hasattr(event, "title") and "tag" in event.title}


@pytest.mark.parametrize(("before", "after"), [((), ["tag:homelab"]), (("tag:guests",), ["tag:guests", "tag:homelab"])])
def test_tailscale_gives_the_tags_that_are_missing(
    made: Callable[..., Any], before: Sequence[str], after: list[str]
) -> None:
    stage = made("tailscale")
    assert stage.run(Tailnet()) == [] and notes(stage) == {}
    tag(stage, before)
    assert stage.run(Tailnet()) == [(None, "tailnet/tags")]
    assert [member.tags for member in stage.world.web.members.values()] == [after] * 3
    assert stage.run(Tailnet()) == [] and notes(stage) == {}


def test_a_tag_that_the_api_does_not_give_is_told_and_stops_nothing(
    made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = made("tailscale")
    tag(stage, ["tag:guests"])
    real = stage.world.web.http

    def http(request: Request) -> Response:
        refused = request.url.endswith("/tags")
        return Response(400, json.dumps({"message": NO_POLICY}).encode()) if refused else real(request)

    monkeypatch.setattr(stage.world.web, "http", http)
    assert stage.run(Tailnet()) == [(None, "tailnet/tags")]
    said = repr(stage.seen)
    assert NO_POLICY in said and "for atlas choose the menu … > Edit ACL tags: tag:guests and tag:homelab" in said
    assert '"tagOwners": {"tag:guests": ["autogroup:admin"], "tag:homelab": ["autogroup:admin"]}' in said


def test_one_that_was_in_the_tailnet_before_keeps_its_tags_and_is_named(made: Callable[..., Any]) -> None:
    stage = made("tailscale")
    stage.ctx.state.journal.clear()
    tag(stage, [])
    assert stage.run(Tailnet()) == []
    assert sorted(notes(stage)) == [f"{name} has no tag in the tailnet" for name in ("atlas", "boreas", "castor")]
    assert [member.tags for member in stage.world.web.members.values()] == [[]] * 3


@pytest.mark.parametrize(
    ("tags", "title", "words"),
    [
        ([], "atlas has no tag in the tailnet", ["its key ends", "--identifier n11x1 --tags tag:homelab. The policy"]),
        (["tag:guests"], "atlas lacks tag:homelab in the tailnet",
         ["of tag:homelab does not hold for it: it has tag:guests",
          "headscale nodes tag --identifier n11x1 --tags tag:guests,tag:homelab",
          '"tagOwners": {"tag:guests": [], "tag:homelab": []}']),
    ],
)  # fmt: skip
def test_headscale_is_told_by_hand(made: Callable[..., Any], tags: list[str], title: str, words: list[str]) -> None:
    stage = made("headscale")
    tag(stage, tags)
    assert stage.run(Tailnet()) == []
    assert len(notes(stage)) == 3 and [word for word in words if word not in notes(stage)[title]] == []


@pytest.mark.parametrize(
    ("service", "words"),
    [("tailscale", "Edit ACL tags: tag:homelab"), ("headscale", "--identifier NUMBER --tags tag:homelab (look its")],
)
def test_without_the_api_the_pis_themselves_tell(made: Callable[..., Any], service: str, words: str) -> None:
    stage = made(service, by_api=False)
    assert stage.run(Tailnet()) == [] and notes(stage) == {}
    tag(stage, [], own=True)
    assert stage.run(Tailnet()) == []
    assert words in notes(stage)["atlas has no tag in the tailnet"]


def test_more_tags_and_no_wanted_ones_are_fine(made: Callable[..., Any]) -> None:
    stage = made("headscale")
    tag(stage, ["tag:homelab", "tag:guests"])
    assert stage.run(Tailnet()) == [] and notes(stage) == {}
    tag(stage, [])
    stage.ctx.keep("tailnet", "tags", None)
    assert stage.run(Tailnet()) == [] and notes(stage) == {}


# -- a key that was given ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "wanted", "words"),
    [
        (("tag:guests",), ("tag:homelab",), "gives them tag:guests, and not tag:homelab"),
        ((), ("tag:homelab",), "gives them no tag, and not tag:homelab"),
        (("tag:homelab", "tag:guests"), ("tag:homelab",), ""),
        ((), (), ""),
    ],
)
def test_a_key_of_headscale_with_other_tags(tags: tuple[str, ...], wanted: tuple[str, ...], words: str) -> None:
    problem = wrong_tags(KeyState(tags=tags), wanted)
    assert (problem is None) is (not words)
    if problem:
        assert words in problem.what and "tailnet.tags" in problem.fix
        assert problem.answers == ("tailnet.auth_key", "tailnet.tags")


@pytest.mark.parametrize("service", ["tailscale", "headscale"])
def test_a_given_key_with_other_tags_is_named_before_anybody_joins(
    pis: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    answers = {question.key: question.default for question in QUESTIONS.values()}
    key = {"tailscale": "tskey-auth-k7-x", "headscale": "hskey-auth-NOxcetkgxxtk-x"}[service]
    stage = pis(tailnet=answers | {
        "service": service, "login_server": "https://hs.example", "api_key": API[service], "auth_key": Secret(key),
    })  # fmt: skip
    told = {
        "tailscale": {"capabilities": {"devices": {"create": {"reusable": True, "tags": ["tag:guests"]}}}},
        "headscale": {"preAuthKeys": [{"key": f"{key[:-1]}***", "reusable": True, "aclTags": ["tag:guests"]}]},
    }[service]
    real = stage.world.web.http

    def http(request: Request) -> Response:
        about = request.method == "GET" and request.url.endswith(("/keys/k7", "/preauthkey"))
        return Response(200, json.dumps(told).encode()) if about else real(request)

    monkeypatch.setattr(stage.world.web, "http", http)
    if service == "headscale":
        with pytest.raises(Blocked, match="gives them tag:guests, and not tag:homelab"):
            stage.run(Tailnet())
        assert stage.world.web.members == {}
    else:  # there, a tag may own another one
        stage.run(Tailnet())
        assert [event.title for event in stage.seen if "key to join" in getattr(event, "title", "")] == [
            "The key to join with is for tag:guests"
        ]
