"""Does the world see a TXT record that was just set? The same DNS servers are asked that the cluster will ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wizard.context import Context
from wizard.errors import Interrupted, WizardError
from wizard.question import Answers
from wizard.wait import until
from wizard.world import DnsAnswer

RESOLVERS = ("1.1.1.1", "8.8.8.8")  # those of the templates: what is proved here is what cert-manager will see
PATIENCE = 150.0  # seconds: providers need up to a minute, and a server may remember for another that there was nothing
SILENCES = 2  # rounds without an answer from anybody: asking on is in vain
ANSWER = "domains.resolvers"
WORDS = {
    "NXDOMAIN": "says that there is no such name",
    "SERVFAIL": "could not find out (SERVFAIL)",
    "REFUSED": "refuses to answer (REFUSED)",
    "": "does not answer",
}


def resolvers(answers: Answers) -> tuple[str, ...]:
    """The DNS servers to ask: those of the answers, else public ones."""
    return tuple(answers["domains"].get("resolvers") or RESOLVERS)


def wait_for_text(ctx: Context, name: str, text: str) -> None:
    """Waits until every server that answers shows `text` as a TXT record of `name`.

    Some that stay silent or behind are a note, as long as one shows it. Raises `WizardError` that says who saw what.
    """
    servers, seen = resolvers(ctx.answers), dict[str, DnsAnswer]()
    rounds = 0

    def look() -> bool:
        nonlocal rounds
        rounds += 1
        for server in servers:
            if text not in seen.get(server, DnsAnswer()).records:
                ctx.progress(None, f"asking {server} for {name}")
                seen[server] = ctx.world.dns(server, name, "TXT")
        if rounds >= SILENCES and not any(one.code for one in seen.values()):
            raise _silent(servers)
        good = [server for server in servers if text in seen[server].records]
        return bool(good) and all(server in good or not seen[server].code for server in servers)

    try:
        until(
            ctx, f"the TXT record of {name} to be seen", look, deadline=PATIENCE, every=3,
            why=lambda: told(seen, text), fix="DNS can be slow: wait some minutes and run the same command again.",
        )  # fmt: skip
    except Interrupted:
        raise
    except WizardError:
        if not any(text in one.records for one in seen.values()):
            raise
    late = {server: one for server, one in seen.items() if text not in one.records}
    if late and not ctx.scratch.get("dns told"):  # the next name would say the same
        ctx.scratch["dns told"] = True
        ctx.note(
            "Not every DNS server shows the record",
            f"{told(late, text)} Others do, so the name is yours. Certificates are looked up at the same servers: if"
            f" they don't come, name only those that answer as {ANSWER}.",
        )  # fmt: skip


def told(seen: Mapping[str, DnsAnswer], text: str) -> str:
    """Which server saw what. Pure."""
    return " ".join(f"{server} {_said(answer, text)}." for server, answer in seen.items())


def _said(answer: DnsAnswer, text: str) -> str:
    if text in answer.records:
        return "shows it"
    if answer.code in WORDS:
        return WORDS[answer.code]
    return "shows an older text" if answer.records else "shows no TXT record there"


def _silent(servers: Sequence[str]) -> WizardError:
    error = WizardError(
        f"No DNS server can be asked from here: {' and '.join(servers)} {'does' if len(servers) == 1 else 'do'} not"
        " answer.",
        "Your network may let only its own DNS server be asked. The cluster would wait for its certificates in vain.",
        f"Allow DNS (port 53) to them in your router, or name DNS servers that answer as {ANSWER}, such as the"
        " router's address.",
    )  # fmt: skip
    error.answers = (ANSWER,)
    return error
