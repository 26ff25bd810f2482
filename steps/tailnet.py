"""The tailnet: every Pi joins it, and two of them lead from there into the home network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from steps import facts as node_facts
from steps import nodes, openpgp, routes, tailnet_changes, tailnet_facts
from steps.facts import NodeFacts
from steps.routes import RouteFacts
from steps.tailnet_facts import Member
from wizard.context import Context
from wizard.errors import Blocked, Problem
from wizard.question import CHOICE, NETWORK, PATH, SECRET, URL, Answers, Choice, Kind, Question, list_of
from wizard.step import Change, Step


def _tag(raw: object) -> str:
    text = str(raw).strip()
    if not re.fullmatch(r"tag:[a-zA-Z][a-zA-Z0-9-]*", text):
        raise ValueError(f"{text!r} is not a tag such as tag:homelab")
    return text


TAG = Kind("tag", _tag)


def _service_is(*names: str) -> Callable[[Answers], bool]:
    return lambda answers: answers.get("tailnet", {}).get("service") in names


_ANY = _service_is("tailscale", "headscale")

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
            "auth_key", "Which key may the Pis join with?", SECRET, when=_ANY,
            help="It must be reusable, and tagged tag:homelab so that it does not end. Tailscale:"
            " https://login.tailscale.com/admin/settings/keys; headscale: headscale preauthkeys create --reusable"
            " --tags tag:homelab.",
        ),
        Question(
            "api_key", "Which key may change settings of the tailnet?", SECRET, required=False, when=_ANY,
            help="With it, routes are approved for you; leave it empty to approve them by hand when asked. Tailscale:"
            " an API access token, on the same page; headscale: headscale apikeys create.",
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
            advanced=True, help="With headscale, tags come with the key.",
        ),
        Question(
            "routes", "Which ranges shall be reached over the VPN?", list_of(NETWORK), required=False, advanced=True,
            help="Left out: the cluster's three addresses and nothing else of your home.",
        ),
    )
}  # fmt: skip


_OWN_WAY = "--accept-routes is false"  # tailscaled complains about what is meant to be so


@dataclass(frozen=True)
class TailnetFacts:
    """The Pis as they are, what they say of the tailnet, and the routes. Empty without a tailnet."""

    machines: Mapping[str, NodeFacts] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)
    own_key: bytes = b""  # the key file of a package mirror
    authority: bytes = b""  # the certificate authority of the login server
    routes: RouteFacts = field(default_factory=RouteFacts)


class Tailnet(Step[TailnetFacts]):
    """Joins the Pis without letting the tailnet touch how they reach their own network."""

    name: ClassVar[str] = "tailnet"
    title: ClassVar[str] = "Tailnet"
    intro: ClassVar[str] = (
        "A VPN between your devices: with it, private apps can be reached from anywhere by you and by nobody else. The"
        " Pis keep their own resolver and routes."
    )
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())

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
            return TailnetFacts()
        given = ctx.answers["tailnet"]
        tailnet_facts.check_kubelets(ctx)
        machines = node_facts.gather(ctx)
        members = tailnet_facts.settled(ctx, nodes.addresses(ctx.answers))
        for problem in (found for member in members.values() for found in obstacles(member, login_server(ctx.answers))):
            problem.host = ctx.name_of(problem.host)
            raise problem
        for title, text in advice(machines, members):
            ctx.note(title, text)
        return TailnetFacts(
            machines, members, _content(given.get("apt_key_file")), _content(given.get("ca_file")),
            routes.look(ctx, members),
        )  # fmt: skip

    def plan(self, facts: TailnetFacts, answers: Answers) -> list[Change]:
        if not tailnet_facts.in_use(answers):
            return []
        settings = tailnet_changes.Settings(
            login_server(answers), tailnet_changes.repository_base(answers), facts.own_key, facts.authority,
            () if answers["tailnet"]["service"] == "headscale" else tuple(answers["tailnet"].get("tags") or ()),
        )  # fmt: skip
        found = [
            change
            for address, machine in facts.machines.items()
            for change in tailnet_changes.changes(machine, facts.members[address], settings)
        ]
        return found + routes.changes(facts.routes)


def login_server(answers: Answers) -> str:
    """Where the Pis log in."""
    return str(answers["tailnet"].get("login_server") or tailnet_facts.CONTROL).rstrip("/")


def _content(file: str | None) -> bytes:
    return Path(file).read_bytes() if file else b""


def obstacles(member: Member, server: str) -> Iterator[Blocked]:
    """What only the person can change. Pure."""
    if member.joined and member.prefs and member.login_server != server:
        yield Blocked(
            f"This Pi already belongs to the tailnet of {member.login_server}.", f"The answers say {server}.",
            "Take it out of there with `sudo tailscale logout` on the Pi, or correct the answers.", host=member.address,
        )  # fmt: skip
    if member.state == "NeedsMachineAuth":
        yield Blocked(
            "This Pi waits to be let into the tailnet.", "Your tailnet approves every device by hand.",
            f"Approve it at {routes.CONSOLE} and run the same command again.", host=member.address,
        )  # fmt: skip
    if member.me.get("Expired"):
        yield Blocked(
            "This Pi's key for the tailnet has expired.", "A key without a tag ends after some months.",
            "Remove the machine on the control server, run `sudo tailscale logout` on the Pi, and run the same command"
            " again with a tagged key.", host=member.address,
        )  # fmt: skip


def advice(machines: Mapping[str, NodeFacts], members: Mapping[str, Member]) -> list[tuple[str, str]]:
    """What the person should know though nothing is broken: title and text. Pure."""
    found = []
    for address, member in members.items():
        name = machines[address].hostname
        if member.state == "Running" and member.name and member.name != name.lower():
            found.append((
                f"{name} has another name in the tailnet",
                f"It is called {member.name} there: another machine had the name {name} first, perhaps this Pi's former"
                " installation, or the Pi was renamed. Remove the old one on the control server and rename this one.",
            ))  # fmt: skip
        if member.state == "Running" and (complaints := [line for line in member.health if _OWN_WAY not in line]):
            found.append((f"Tailscale on {name} complains", "\n".join(complaints)))
        if expiry := member.me.get("KeyExpiry"):
            found.append((
                f"{name}'s key for the tailnet ends",
                f"On {str(expiry)[:10]} it leaves the tailnet unless you disable key expiry on the control server.",
            ))  # fmt: skip
    return found
