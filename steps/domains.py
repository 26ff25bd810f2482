"""The names under which apps are reached: checked for what certificates need, their provider's token proved live."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from steps import dns_check, domain_proof, public_address, public_now
from steps.domain_mistakes import SUFFIX, WITH_CERTIFICATES, mistakes, resolver_mistakes
from wizard import validity
from wizard.context import Context
from wizard.errors import Blocked, Problem, WizardError
from wizard.question import (
    ADDRESS,
    CHOICE,
    DOMAIN,
    EMAIL,
    PATH,
    SECRET,
    URL,
    YES_NO,
    Answers,
    Choice,
    Question,
    list_of,
)
from wizard.secret import Secret
from wizard.step import Change, Step
from wizard.web import cloudflare, duckdns


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
                Choice("cloudflare", "Cloudflare", "a domain of your own that is there, with real certificates"),
                Choice("none", "nobody yet", "names of your own choice, plain HTTP, no certificates"),
            ),
        ),
        Question(
            "token", "What is your DuckDNS token?", SECRET, when=_provider_is("duckdns"),
            help="Shown at the top of https://www.duckdns.org once you are signed in.",
        ),
        Question(
            "cloudflare_token", "What is your Cloudflare API token?", SECRET, when=_provider_is("cloudflare"),
            help=f"Not the global key. {cloudflare.RIGHTS}",
        ),
        Question(
            "external_domain", "Under which name shall the public apps be reached?", DOMAIN,
            help="For example myhome.duckdns.org: an app is then at app.myhome.duckdns.org. With Cloudflare, a domain"
            " of yours or any name below it.",
        ),
        Question(
            "internal_domain", "Under which name shall the private apps be reached?", DOMAIN, default=_internal,
            help="With DuckDNS: a second name of yours, since one name has room for one certificate check at a time.",
            source="the public name", follows=("domains.external_domain",), needs=(),
        ),
        Question(
            "email", "Which e-mail address may Let's Encrypt write to?", EMAIL, when=_provider_is(*WITH_CERTIFICATES),
            help="It goes with the account there. It must be a real one, or the account is refused.",
        ),
        Question(
            "issuer", "Which certificates shall be asked for?", CHOICE, default="staging",
            when=_provider_is(*WITH_CERTIFICATES),
            choices=(
                Choice("staging", "staging", "browsers warn, but nothing is used up: begin with these"),
                Choice("production", "production", "real ones; only 5 a week for the same names"),
            ),
        ),
        Question(
            "certificates", "Which names shall the certificates have?", CHOICE, default="wildcard",
            when=_provider_is(*WITH_CERTIFICATES),
            choices=(
                Choice("wildcard", "one for all names below a domain", "two in all; no app's name becomes public"),
                Choice("single", "one for each app", "every app's name, private ones too, stands in public logs"),
            ),
            help="Each new app then waits for a certificate of its own: with DuckDNS, one after the other, some minutes"
            " each. Let's Encrypt gives out 5 a week for the same name, and 50 for all names below a domain.",
        ),
        Question(
            "wan_look", "May homelab ask your router for its address on the internet side?", YES_NO, default=False,
            when=_provider_is(*WITH_CERTIFICATES),
            help="By UPnP; it only reads, and changes nothing. With No, you read it off the router's page.",
        ),
        Question(
            "wan_address", "Which address does your router show as its own on the internet side?", ADDRESS,
            required=False, when=_provider_is(*WITH_CERTIFICATES), explain=public_now.wan_told,
            default=lambda ctx: public_now.wan(ctx) or None, source="your router",
            help=f"It tells whether ports can be forwarded to you at all. {public_address.WHERE} Leave it empty if you"
            " want nothing to be reached from the internet, or to find out later.",
        ),
        Question(
            "duckdns_api", "At which address is DuckDNS's API?", URL, default=duckdns.URL, advanced=True,
            when=_provider_is("duckdns"),
        ),
        Question(
            "cloudflare_api", "At which address is Cloudflare's API?", URL, default=cloudflare.URL, advanced=True,
            when=_provider_is("cloudflare"),
        ),
        Question(
            "acme_directory", "At which address is the certificate authority?", URL, required=False, advanced=True,
            when=_provider_is(*WITH_CERTIFICATES),
            help="The ACME directory of an authority of your own. Without it, Let's Encrypt is asked.",
        ),
        Question(
            "acme_ca_file", "Which file holds the certificate that vouches for that address?", PATH, required=False,
            advanced=True, when=_provider_is(*WITH_CERTIFICATES),
            help="In PEM form; only for an authority of your own.",
        ),
        Question(
            "resolvers", "Which DNS servers shall the cluster ask for public names?", list_of(ADDRESS), required=False,
            advanced=True,
            help="Pi-hole asks them, and so does what must not ask Pi-hole, such as the checks of certificates. Three"
            " at most; without them, public ones.",
        ),
    )
}  # fmt: skip


def single_names(answers: Answers) -> bool:
    """Whether each app gets a certificate of its own."""
    given = answers["domains"]
    return given.get("provider") in WITH_CERTIFICATES and given.get("certificates") == "single"


def duckdns_name(domain: str) -> str:
    """The DuckDNS name that `domain` is, or lies below: ``home`` for ``a.home.duckdns.org``."""
    return domain.removesuffix(SUFFIX).rpartition(".")[2]


def duckdns_names(answers: Answers) -> list[str]:
    """The one or two DuckDNS names of the cluster, without .duckdns.org."""
    given = answers["domains"]
    return list(dict.fromkeys(duckdns_name(given[key]) for key in ("external_domain", "internal_domain")))


def proved_names(answers: Answers) -> list[str]:
    """What the provider must show to be the person's own: DuckDNS names, or domains at Cloudflare. Else nothing."""
    given = answers["domains"]
    if given["provider"] == "duckdns":
        return duckdns_names(answers)
    return [given["external_domain"], given["internal_domain"]] if given["provider"] == "cloudflare" else []


def token(ctx: Context) -> Secret:
    """The token of the provider of names."""
    return ctx.secret("domains", QUESTIONS["token" if ctx.answers["domains"]["provider"] == "duckdns" else
                                           "cloudflare_token"])  # fmt: skip


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
    """The names that the token was proved for; this home's public address: None as long as nobody was asked.

    `moved`: the router has another public address than then.
    """

    proved: Sequence[str] = ()
    public: str | None = None
    moved: bool = False


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
            *resolver_mistakes(given.get("resolvers") or (), answers.get("addresses", {}).get("dns_address")),
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
        public_now.wan(ctx)
        found = public_now.reachable(ctx)
        if found.text and not ctx.scratch.get("wan told"):
            ctx.scratch["wan told"] = True
            ctx.note("Your home's address", found.text)
        return DomainFacts(_proved(ctx), ctx.state.recall("domains", "public"), public_now.learnt_before(ctx))

    def plan(self, facts: DomainFacts, answers: Answers) -> list[Change]:
        names, changes = proved_names(answers), []
        if not set(names) <= set(facts.proved):
            changes.append(Change("domains/prove", _trying(answers, names), lambda ctx: prove(ctx, names)))
        if names and (facts.public is None or facts.moved):
            again = "" if facts.public is None else ", which has changed,"
            by = f"DuckDNS, which points {names[0]} at it" if _by_duckdns(answers) else "Cloudflare"
            changes.append(
                Change("domains/public-address", f"learn this home's public address{again} from {by}", learn)
            )
        return changes


def _proved(ctx: Context) -> tuple[str, ...]:
    """The names that this token was proved for; none once it has ended, or is another one."""
    names = tuple(ctx.state.recall("domains", "proved") or ())
    end = validity.parse(ctx.state.recall("domains", "token_ends"))
    if not (names and proved_names(ctx.answers)) or (end and end < datetime.now(UTC).date()):
        return ()
    return names if domain_proof.is_proved(ctx, token(ctx)) else ()


def refuse_unproved(ctx: Context) -> None:
    """Raises `Blocked` for a token that is not the one that was proved; before anything was, nothing is known."""
    if ctx.state.recall("domains", "proved_with") and not domain_proof.is_proved(ctx, token(ctx)):
        raise Blocked(
            f"This is not the {_provider(ctx.answers)} token that was tried.",
            "With a wrong one no certificate would be renewed.", "Run homelab: the step Domains tries it.",
        )  # fmt: skip


def _provider(answers: Answers) -> str:
    return "DuckDNS" if _by_duckdns(answers) else "Cloudflare"


def _by_duckdns(answers: Answers) -> bool:
    return bool(answers["domains"]["provider"] == "duckdns")


def _trying(answers: Answers, names: Sequence[str]) -> str:
    """What is going to be done with the token, where, and who must see it."""
    provider, servers = _provider(answers), " and ".join(dns_check.resolvers(answers))
    return f"try the {provider} token: set a TXT record on {' and '.join(names)}, see it at {servers}, take it away"


def learn(ctx: Context) -> None:
    """Remembers the public address; an empty one when the provider does not tell."""
    if _by_duckdns(ctx.answers):
        address = domain_proof.duckdns_client(ctx, token(ctx)).point_here(duckdns_names(ctx.answers)[0])
    else:
        address = cloudflare.public_address(ctx.world)
    ctx.state.remember("domains", "public", value=address)
    ctx.state.remember("domains", "public_wan", value=public_now.wan_seen(ctx))  # asked once for each that it has


def prove(ctx: Context, names: Sequence[str]) -> None:
    """Proves the token on `names`. Raises `WizardError` that says what is wrong."""
    by = {"duckdns": domain_proof.by_duckdns, "cloudflare": domain_proof.by_cloudflare}
    ctx.state.remember("domains", "token_ends", value="")  # Cloudflare alone tells when it does
    by[ctx.answers["domains"]["provider"]](ctx, token(ctx), names)
    domain_proof.remember_token(ctx, token(ctx))
    ctx.state.remember("domains", "proved", value=list(names))
