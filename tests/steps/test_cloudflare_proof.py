"""The Cloudflare token: each missing permission is named, and what is set in a zone is taken away again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from steps.domains import Domains
from tests.steps.test_domains import DuckWorld, context
from wizard import events, validity
from wizard.context import Context
from wizard.errors import WizardError
from wizard.secret import Secret
from wizard.world import DnsAnswer, Request, Response

NAMES = {"external_domain": "home.example.org", "internal_domain": "internal.home.example.org"}


@dataclass
class CloudWorld(DuckWorld):
    """Cloudflare with the zone example.org: what a token may do there, and what DNS shows of it."""

    verify: tuple[int, str] = (200, "active")
    zones: int = 200  # the status of looking for zones
    edit: int = 200  # and of changing records
    state: str = "active"
    expires: str = ""
    shown: bool = True
    records: dict[str, str] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def http(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        if parts.path == "/cdn-cgi/trace":
            return Response(200, b"fl=1\nip=203.0.113.9\nloc=XX\n")
        assert request.token and request.token.reveal() == "cloud-token"
        if parts.path.endswith("/user/tokens/verify"):
            return said(self.verify[0], {"status": self.verify[1], "expires_on": self.expires or None})
        if parts.path.endswith("/zones"):
            name = parse_qs(parts.query)["name"][0]
            zone = {"id": "z1", "name": name, "status": self.state}
            return said(self.zones, [zone] if name == "example.org" else [])
        self.writes.append(request.method)
        if self.edit == 200 and request.method == "POST":
            self.records["r1"] = request.json["name"]
            self.txt[request.json["name"]] = [request.json["content"].strip('"')]
        elif self.edit == 200:
            assert re.search(r"/zones/z1/dns_records/r1$", parts.path)
            self.txt[self.records.pop("r1")] = [""]
        return said(self.edit, {"id": "r1"})

    def dns(self, server: str, name: str, kind: str) -> DnsAnswer:
        return super().dns(server, name, kind) if self.shown else DnsAnswer("NXDOMAIN")


def said(status: int, result: Any) -> Response:
    errors = [] if status == 200 else [{"code": 10000, "message": "Authentication error"}]
    return Response(status, json.dumps({"result": result if status == 200 else None, "errors": errors}).encode())


def at_cloudflare(world: CloudWorld, folder: Path, **given: Any) -> tuple[Context, list[events.Event]]:
    ctx, seen = context(world, folder, provider="cloudflare", cloudflare_api=None, **{**NAMES, **given})
    ctx.keep("domains", "cloudflare_token", Secret("cloud-token"))
    return ctx, seen


@pytest.mark.parametrize("verify", [(200, "active"), (401, "")], ids=["a user's token", "an account's own token"])
def test_a_token_is_good_when_it_can_set_a_record_that_dns_shows(verify: tuple[int, str], tmp_path: Path) -> None:
    world = CloudWorld(verify=verify)
    ctx, _ = at_cloudflare(world, tmp_path)
    step = Domains()
    for change in step.plan(step.check(ctx), ctx.answers):
        ctx.do(change)
    assert world.writes == ["POST", "DELETE"] and world.records == {}, "one zone holds both names"
    assert step.plan(step.check(ctx), ctx.answers) == []
    assert ctx.state.recall("domains", "public") == "203.0.113.9"
    assert "cloud-token" not in (tmp_path / "state.yaml").read_text()


@pytest.mark.parametrize(
    ("world", "given", "words", "fix"),
    [
        (CloudWorld(verify=(200, "expired")), {}, "The Cloudflare token is expired.", "Make one"),
        (CloudWorld(verify=(401, ""), zones=403), {}, "Cloudflare refused the token.", "Make one"),
        (CloudWorld(zones=403), {}, "lacks the permission Zone / Zone / Read for home", "add Zone / Zone / Read"),
        (CloudWorld(edit=403), {}, "lacks the permission Zone / DNS / Edit for example", "add Zone / DNS / Edit"),
        (CloudWorld(verify=(500, "")), {}, "Cloudflare answered with status 500.", "Wait"),
        (CloudWorld(), {"internal_domain": "cellar.test"}, "no zone for cellar.test.", "Make one"),
        (CloudWorld(state="pending"), {}, "not in use there yet (pending)", "at your registrar"),
        (CloudWorld(shown=False), {}, "in vain", "DNS can be slow"),
    ],
    ids=["expired", "refused", "can't read zones", "can't edit", "outage", "another zone", "pending", "not shown"],
)
def test_what_is_wrong_with_a_token_is_said(
    world: CloudWorld, given: dict[str, str], words: str, fix: str, tmp_path: Path
) -> None:
    ctx, _ = at_cloudflare(world, tmp_path, **given)
    step = Domains()
    with pytest.raises(WizardError) as caught:
        ctx.do(step.plan(step.check(ctx), ctx.answers)[0])
    assert words in caught.value.what and fix in caught.value.fix
    assert world.records == {}, "nothing stays in the zone"
    assert "domains/prove" in [change.id for change in step.plan(step.check(ctx), ctx.answers)]


@pytest.mark.parametrize(("days", "warned"), [(10, True), (200, False)])
def test_a_token_that_ends_soon_is_warned_of(days: int, warned: bool, tmp_path: Path) -> None:
    end = datetime.now(UTC) + timedelta(days=days)
    ctx, seen = at_cloudflare(CloudWorld(expires=end.strftime("%Y-%m-%dT%H:%M:%SZ")), tmp_path)
    ctx.do(Domains().plan(Domains().check(ctx), ctx.answers)[0])
    assert warned == any(isinstance(one, events.Note) and "ends soon" in one.title for one in seen)
    [row] = validity.token_for_names(ctx.state, datetime.now(UTC).date())
    assert row.level == ("warn" if warned else "good") and f"until {end.date()}" in row.text and row.ends
    assert "domains/prove" not in [change.id for change in Domains().plan(Domains().check(ctx), ctx.answers)]
    ctx.state.remember("domains", "token_ends", value="2026-01-01")
    assert "domains/prove" in [change.id for change in Domains().plan(Domains().check(ctx), ctx.answers)]
    ctx.state.remember("domains", "token_ends", value="")
    assert validity.token_for_names(ctx.state, end.date()) == []


def test_another_token_is_tried_anew(tmp_path: Path) -> None:
    world = CloudWorld()
    ctx, _ = at_cloudflare(world, tmp_path)
    step = Domains()
    for change in step.plan(step.check(ctx), ctx.answers):
        ctx.do(change)
    ctx.keep("domains", "cloudflare_token", Secret("another-token"))
    assert [change.id for change in step.plan(step.check(ctx), ctx.answers)] == ["domains/prove"]
    ctx.keep("domains", "cloudflare_token", Secret("cloud-token"))
    assert step.plan(step.check(ctx), ctx.answers) == []


def test_in_the_demo_any_cloudflare_token_is_right(pis: Any) -> None:
    made = pis(
        domains={
            "provider": "cloudflare",
            "email": "me@attic.net",
            "issuer": "staging",
            "certificates": "wildcard",
            **NAMES,
            "wan_look": False,
            "wan_address": None,
        }
    )
    made.ctx.keep("domains", "cloudflare_token", Secret("any"))
    assert made.run(Domains()) == [(None, "domains/prove"), (None, "domains/public-address")]
