"""The names under which apps are reached: checked for what certificates need, and the DuckDNS token proved live."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from wizard.context import Context
from wizard.errors import Problem, WizardError
from wizard.question import ADDRESS, CHOICE, DOMAIN, EMAIL, PATH, SECRET, URL, Answers, Choice, Question, list_of
from wizard.step import Change, Step
from wizard.web import duckdns

SUFFIX = ".duckdns.org"


def _provider_is(*names: str) -> Callable[[Answers], bool]:
    return lambda answers: answers.get("domains", {}).get("provider") in names


def _internal(ctx: Context) -> str | None:
    external = ctx.answers.get("domains", {}).get("external_domain")
    if not external:
        return None
    if external.endswith(SUFFIX):
        return f"{duckdns_name(external)}-internal{SUFFIX}"
    return f"internal.{external}"


QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "provider", "Who looks after the names of your apps?", CHOICE, default="duckdns",
            choices=(
                Choice("duckdns", "DuckDNS", "free names such as myhome.duckdns.org, with real certificates"),
                Choice("none", "nobody yet", "names of your own choice, plain HTTP, no certificates"),
            ),
        ),
        Question(
            "token", "What is your DuckDNS token?", SECRET, when=_provider_is("duckdns"),
            help="Shown at the top of https://www.duckdns.org once you are signed in.",
        ),
        Question(
            "external_domain", "Under which name shall the public apps be reached?", DOMAIN,
            help="For example myhome.duckdns.org: an app is then at app.myhome.duckdns.org.",
        ),
        Question(
            "internal_domain", "Under which name shall the private apps be reached?", DOMAIN, default=_internal,
            help="With DuckDNS: a second name of yours, since one name has room for one certificate check at a time.",
            source="the public name",
        ),
        Question(
            "email", "Which e-mail address may Let's Encrypt write to?", EMAIL, when=_provider_is("duckdns"),
            help="Only for warnings about certificates.",
        ),
        Question(
            "issuer", "Which certificates shall be asked for?", CHOICE, default="staging",
            when=_provider_is("duckdns"),
            choices=(
                Choice("staging", "staging", "browsers warn, but nothing is used up: begin with these"),
                Choice("production", "production", "real ones; only 5 a week for the same names"),
            ),
        ),
        Question(
            "duckdns_api", "At which address is DuckDNS's API?", URL, default=duckdns.URL, advanced=True,
            when=_provider_is("duckdns"),
        ),
        Question(
            "acme_directory", "At which address is the certificate authority?", URL, required=False, advanced=True,
            when=_provider_is("duckdns"),
            help="The ACME directory of an authority of your own. Without it, Let's Encrypt is asked.",
        ),
        Question(
            "acme_ca_file", "Which file holds the certificate that vouches for that address?", PATH, required=False,
            advanced=True, when=_provider_is("duckdns"), help="In PEM form; only for an authority of your own.",
        ),
        Question(
            "resolvers", "Which DNS servers shall the cluster ask for public names?", list_of(ADDRESS), required=False,
            advanced=True,
            help="Pi-hole asks them, and so does what must not ask Pi-hole, such as the checks of certificates. Three"
            " at most; without them, public ones.",
        ),
    )
}  # fmt: skip


def duckdns_name(domain: str) -> str:
    """The DuckDNS name that `domain` is, or lies below: ``home`` for ``a.home.duckdns.org``."""
    return domain.removesuffix(SUFFIX).rpartition(".")[2]


def duckdns_names(answers: Answers) -> list[str]:
    """The one or two DuckDNS names of the cluster, without .duckdns.org."""
    given = answers["domains"]
    return list(dict.fromkeys(duckdns_name(given[key]) for key in ("external_domain", "internal_domain")))


def mistakes(given: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the names as far as they are answered. Pure."""
    names = {key: given[key] for key in ("external_domain", "internal_domain") if given.get(key)}
    found = [
        Problem(f"domains.{key}", what, fix)
        for key, name in names.items()
        for what, fix in _single(name, str(given.get("provider")))
    ]
    if len(names) == 2:
        found += _together(names["external_domain"], names["internal_domain"])
    return found


def _single(name: str, provider: str) -> list[tuple[str, str]]:
    found = []
    if name.endswith(".local"):
        found.append((f"{name} ends in .local, which devices look up in another way", "Choose another ending."))
    if provider == "duckdns" and not name.endswith(SUFFIX):
        found.append((f"{name} is not a DuckDNS name", f"It must end in {SUFFIX}."))
    elif provider == "duckdns" and name.removesuffix(SUFFIX).count(".") > 1:
        found.append(
            (f"{name} lies too deep for DuckDNS's certificate check", f"At most one label more: a.home{SUFFIX}.")
        )
    return found


def _together(external: str, internal: str) -> list[Problem]:
    if internal == external:
        return [
            Problem("domains.internal_domain", f"{internal} is also the public name",
                    "Private apps need a name of their own, or they could not be told apart.")
        ]  # fmt: skip
    if external.endswith(f".{internal}"):
        return [
            Problem("domains.internal_domain", f"{internal} holds the public name {external}",
                    "Everything below the private name is answered inside only: choose a name beside it.")
        ]  # fmt: skip
    return []


def _resolvers(given: Sequence[str], pihole: str | None) -> list[Problem]:
    found = []
    if pihole in given:
        what = f"{pihole} will be Pi-hole's own address, which would ask itself"
        found.append(Problem("domains.resolvers", what, "Name DNS servers outside this cluster."))
    if len(given) > 3:
        found.append(Problem("domains.resolvers", f"{len(given)} are more than a pod can use", "Name three at most."))
    return found


def authority(answers: Answers) -> str:
    """What `acme_ca_file` holds, as a ClusterIssuer wants it (base64 of PEM); empty when no file was named.

    Raises `WizardError` when the file can't be read or holds no certificate.
    """
    file = answers["domains"].get("acme_ca_file")
    if not file:
        return ""
    try:
        text = Path(file).read_bytes()
    except OSError as error:
        raise WizardError(f"{file} could not be read.", f"{error.strerror}.", "Name another file.") from None
    if b"-----BEGIN CERTIFICATE-----" not in text:
        raise WizardError(
            f"{file} holds no certificate.", "It must begin with -----BEGIN CERTIFICATE-----.",
            "Name the file in PEM form as domains.acme_ca_file.",
        )  # fmt: skip
    return base64.b64encode(text).decode()


@dataclass(frozen=True)
class DomainFacts:
    """The DuckDNS names that the token was proved for."""

    proved: Sequence[str] = ()


class Domains(Step[DomainFacts]):
    """Proves the token on the person's own names, before anything relies on it."""

    name: ClassVar[str] = "domains"
    title: ClassVar[str] = "Domains"
    intro: ClassVar[str] = (
        "Apps are reached by name, and a name that is yours can have certificates. The token is tried out now, so that"
        " no certificate waits in vain later."
    )
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())

    def validate(self, answers: Answers) -> list[Problem]:
        given = answers.get("domains", {})
        return [
            *mistakes(given),
            *_resolvers(given.get("resolvers") or (), answers.get("addresses", {}).get("dns_address")),
        ]

    def check(self, ctx: Context) -> DomainFacts:
        given = ctx.answers["domains"]
        if given["provider"] == "duckdns" and len(duckdns_names(ctx.answers)) == 1 and not ctx.scratch.get("one name"):
            ctx.scratch["one name"] = True
            ctx.note(
                "One DuckDNS name for both",
                f"{given['external_domain']} and {given['internal_domain']} share one TXT record, so their certificates"
                " are made one after the other. A second DuckDNS name costs nothing and avoids that.",
            )
        return DomainFacts(tuple(ctx.state.recall("domains", "proved") or ()))

    def plan(self, facts: DomainFacts, answers: Answers) -> list[Change]:
        if answers["domains"]["provider"] != "duckdns":
            return []
        names = duckdns_names(answers)
        if set(names) <= set(facts.proved):
            return []
        return [
            Change(
                "domains/prove",
                f"try the DuckDNS token: set a TXT record on {' and '.join(names)}, and clear it again",
                lambda ctx: prove(ctx, names),
            )
        ]


def prove(ctx: Context, names: Sequence[str]) -> None:
    """Sets and clears a TXT record on every name. Raises `WizardError` naming those that were refused."""
    given = ctx.answers["domains"]
    client = duckdns.DuckDns(ctx.world, ctx.secret("domains", QUESTIONS["token"]), given["duckdns_api"] or duckdns.URL)
    refused = [name for name in names if not _try(ctx, client, name)]
    if refused == list(names):
        raise WizardError(
            f"DuckDNS refused the token for {' and '.join(refused)}.",
            "The token is not right, or these names belong to another account.",
            "Compare the token and the list of names at https://www.duckdns.org, and add what is missing.",
        )
    if refused:
        raise WizardError(
            f"DuckDNS refused the name {' and '.join(refused)}.",
            "The token is right: it works for the other name. This one is not in your account.",
            "Add it at https://www.duckdns.org; if somebody else has it, choose another one.",
        )
    ctx.state.remember("domains", "proved", value=list(names))


def _try(ctx: Context, client: duckdns.DuckDns, name: str) -> bool:
    ctx.progress(None, f"DuckDNS: {name}")
    if not client.set_txt(name, f"homelab-{secrets.token_hex(8)}"):
        return False
    if not client.clear_txt(name):
        raise WizardError(
            f"DuckDNS set a TXT record on {name}, but did not clear it.", "",
            "It does no harm: certificates overwrite it. Run the same command again.",
        )  # fmt: skip
    return True
