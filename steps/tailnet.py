"""The tailnet: every Pi joins it, and two of them lead from there into the home network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from steps import facts as node_facts
from steps import (
    nodes,
    openpgp,
    routes,
    tailnet_advice,
    tailnet_changes,
    tailnet_end,
    tailnet_facts,
    tailnet_identity,
    tailnet_keys,
    tailnet_kubelet,
    tailnet_lasting,
    tailnet_tags,
    tailnet_why,
)
from steps.facts import NodeFacts
from steps.routes import RouteFacts
from steps.tailnet_changes import Listed
from steps.tailnet_end import Ending
from steps.tailnet_facts import Member
from steps.tailnet_kubelet import Astray
from steps.tailnet_lasting import Remembered
from steps.tailnet_tags import Lacking
from wizard.context import Context
from wizard.errors import Blocked, Problem
from wizard.question import CHOICE, NETWORK, PATH, SECRET, URL, YES_NO, Answers, Choice, Kind, Question, list_of
from wizard.step import Change, Step
from wizard.web import oauth
from wizard.web.tailnet import ControlServer, Machine


def _tag(raw: object) -> str:
    text = str(raw).strip()
    if not re.fullmatch(r"tag:[a-zA-Z][a-zA-Z0-9-]*", text):
        raise ValueError(f"{text!r} is not a tag such as tag:homelab")
    return text


TAG = Kind("tag", _tag)


def _service_is(*names: str) -> Callable[[Answers], bool]:
    return lambda answers: answers.get("tailnet", {}).get("service") in names


_ANY = _service_is("tailscale", "headscale")


def _no_api_key(answers: Answers) -> bool:
    return _ANY(answers) and not answers["tailnet"].get("api_key")


QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "service", "How shall the cluster be reached from outside your home?", CHOICE, default="tailscale",
            choices=(
                Choice("tailscale", "Tailscale", "a VPN between your devices; free for a home"),
                Choice("headscale", "headscale", "the same, with a login server of your own"),
                Choice("none", "not at all", "from the home network only; can be added later"),
            ),
        ),
        Question(
            "login_server", "At which address is your headscale?", URL, when=_service_is("headscale"),
            help="The server_url of its configuration, such as https://headscale.example.org.",
        ),
        Question(
            "api_key", "Which key may the wizard manage your tailnet with?", SECRET, required=False, when=_ANY,
            help="With it each Pi gets a key of its own, routes are approved, keys last, and a Pi that leaves is taken"
            f" out. Tailscale: the secret of an OAuth client, from {oauth.PAGE} (scopes, to write: Devices Core and"
            " Routes, Auth Keys, DNS; tag: tag:homelab), or an API access token. headscale: headscale apikeys create."
            " Left empty, you are asked for a key to join with, and to do the rest by hand.",
        ),
        Question(
            "auth_key", "Which key may the Pis join with?", SECRET, when=_no_api_key,
            help="It must be reusable, and tagged tag:homelab so that it does not end. Tailscale:"
            " https://login.tailscale.com/admin/settings/keys; headscale: headscale preauthkeys create --reusable"
            " --tags tag:homelab.",
        ),
        Question(
            "reach", "What of your home shall be reached over the VPN?", CHOICE, default="addresses", when=_ANY,
            choices=(
                Choice("addresses", "the cluster's three addresses", "private apps, public apps, DNS: nothing else"),
                Choice("pool", "the load balancer's whole range",
                       "services that you give an address of their own later, too; never the rest of your home"),
            ),
        ),
        Question(
            "ca_file", "Which file holds the certificate authority of your login server?", PATH, required=False,
            advanced=True, when=_service_is("headscale"),
        ),
        Question(
            "tailscale_apt", "Where do Tailscale's packages come from?", URL, required=False, advanced=True,
            help="A mirror of pkgs.tailscale.com: the address before /stable.",
        ),
        Question("apt_key_file", "Which key signs that mirror?", PATH, required=False, advanced=True),
        Question(
            "tags", "Which tags shall the Pis have?", list_of(TAG), default=["tag:homelab"], required=False,
            advanced=True, help="With headscale, tags come with the key. An OAuth client must carry exactly these.",
        ),
        Question(
            "routes", "Which ranges shall be reached over the VPN?", list_of(NETWORK), required=False, advanced=True,
            help="Instead of what tailnet.reach says.",
        ),
        Question(
            "key_expiry", "Shall the Pis have to log in anew after some months, as your tailnet may want it?", YES_NO,
            default=False, advanced=True, help="No: with an API key, their keys are made to last.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class TailnetFacts:
    """The Pis as they are, what they say of the tailnet, what its server says, and the routes. Without one, its end."""

    machines: Mapping[str, NodeFacts] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)
    listed: Mapping[str, Listed] = field(default_factory=dict)
    own_key: bytes = b""  # the key file of a package mirror
    authority: bytes = b""  # the certificate authority of the login server
    routes: RouteFacts = field(default_factory=RouteFacts)
    cluster: bool = False  # there is one: Kubernetes must not be led astray
    astray: tuple[Astray, ...] = ()
    remembered: Remembered = field(default_factory=Remembered)
    api_key_ends: str = ""
    untagged: tuple[Lacking, ...] = ()
    ending: Ending = field(default_factory=Ending)  # of a tailnet that the answers have given up


class Tailnet(Step[TailnetFacts]):
    """Joins the Pis without letting the tailnet touch how they reach their own network."""

    name: ClassVar[str] = "tailnet"
    title: ClassVar[str] = "Tailnet"
    intro: ClassVar[str] = (
        "A VPN between your devices: with it, private apps can be reached from anywhere by you and by nobody else. The"
        " Pis keep their own resolver and routes."
    )
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())
    # whether a stopped daemon is still a member shows when it runs; how long its key lasts, when it is one
    rounds: ClassVar[int] = 3

    def validate(self, answers: Answers) -> list[Problem]:
        file = answers.get("tailnet", {}).get("apt_key_file")
        try:
            if file:
                openpgp.keys(Path(file).read_bytes())
        except (OSError, ValueError) as error:
            fix = "Export one with: gpg --armor --export KEY"
            return [Problem("tailnet.apt_key_file", f"{file} holds no OpenPGP public key: {error}", fix)]
        return []

    def check(self, ctx: Context) -> TailnetFacts:
        if not tailnet_facts.in_use(ctx.answers):
            return TailnetFacts(ending=tailnet_end.look(ctx))
        given, server = ctx.answers["tailnet"], tailnet_keys.control(ctx)
        known = tailnet_keys.machines(ctx, server) if server else []
        cluster, astray = tailnet_kubelet.kubeconfig(ctx).exists(), tuple(tailnet_kubelet.look(ctx))
        machines = node_facts.gather(ctx)
        members = tailnet_facts.settled(ctx, nodes.addresses(ctx.answers))
        listed = {address: _listed(ctx, server, known, member) for address, member in members.items()}
        for problem in _obstacles(ctx.answers, members, listed, known):
            problem.host = ctx.name_of(problem.host)
            raise problem
        ends, today = tailnet_keys.end_of_api_key(ctx, server) if server else "", datetime.now(UTC).date()
        untagged = tailnet_tags.look(ctx, server, members, listed)
        for title, text in [
            *tailnet_advice.advice(machines, members, known, today),
            *tailnet_advice.api_key(ends, today),
            *tailnet_tags.advice(ctx.answers, untagged),
        ]:
            ctx.note(title, text)
        fresh = [a for a, member in members.items() if member.joined and listed[a].deleted]
        return TailnetFacts(
            machines, members, listed, _content(given.get("apt_key_file")), _content(given.get("ca_file")),
            routes.look(ctx, members, fresh=fresh, server=server), cluster, astray, tailnet_lasting.recalled(ctx), ends,
            untagged,
        )  # fmt: skip

    def plan(self, facts: TailnetFacts, answers: Answers) -> list[Change]:
        if not tailnet_facts.in_use(answers):
            return tailnet_end.changes(facts.ending)
        settings = tailnet_changes.Settings(
            tailnet_facts.login_server(answers), tailnet_changes.repository_base(answers), facts.own_key,
            facts.authority, _asked_tags(answers),
        )  # fmt: skip
        found = [
            change
            for address, machine in facts.machines.items()
            for change in tailnet_changes.changes(machine, facts.members[address], settings, facts.listed[address])
        ]
        ids = {change.id for change in found}
        if "tailnet/start" in ids:
            return found  # what is left shows when it runs
        moving = {"tailnet/join", "tailnet/up"} & ids
        found += tailnet_kubelet.put_back(facts.astray)
        if moving and facts.cluster:
            names = [facts.machines[c.host].hostname for c in found if c.id in moving and c.host]
            found.append(tailnet_kubelet.watched(names))
        found += tailnet_tags.changes(facts.untagged)
        found += tailnet_lasting.keeping(_ending(facts, answers), facts.members)
        found += routes.changes(facts.routes)
        now = tailnet_lasting.seen(facts.members, facts.api_key_ends)
        return found + tailnet_lasting.remembering(facts.remembered, now, changed=bool(moving))


def _asked_tags(answers: Answers) -> tuple[str, ...]:
    """The tags that a Pi asks for when it joins: with headscale they come with the key, and may not be asked for."""
    return () if answers["tailnet"]["service"] == "headscale" else tailnet_facts.tags(answers)


def _listed(ctx: Context, server: ControlServer | None, known: list[Machine], member: Member) -> Listed:
    if server is None:
        return Listed()
    identity, before = tailnet_identity.of(member), tailnet_identity.recalled(ctx, member.address)
    machine = tailnet_identity.find(known, identity)
    former = tailnet_identity.find(known, before) if machine is None else None
    renewed = bool(machine and member.expired and server.can_keep_keys())
    return Listed(True, machine, former, bool(before) and identity.id == before.id, renewed)


def _obstacles(
    answers: Answers, members: Mapping[str, Member], listed: Mapping[str, Listed], known: Sequence[Machine]
) -> Iterator[Blocked]:
    server = tailnet_facts.login_server(answers)
    for address, member in members.items():
        there = listed[address]
        if not there.machine and (problem := tailnet_why.foreign(member, known)):
            yield problem
        elif member.joined and there.known and not there.machine and not there.deleted:
            yield tailnet_why.unknown(member)
        yield from tailnet_why.obstacles(member, server, renewed=there.renewed)


def _ending(facts: TailnetFacts, answers: Answers) -> dict[str, Machine]:
    """The Pis whose keys end, though they need not."""
    found = {address: listed.machine for address, listed in facts.listed.items()}
    if answers["tailnet"].get("key_expiry"):
        return {a: machine for a, machine in found.items() if machine and facts.members[a].expired}
    return {address: machine for address, machine in found.items() if machine and machine.expiry}


def _content(file: str | None) -> bytes:
    return Path(file).read_bytes() if file else b""
