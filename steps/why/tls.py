"""Why there is no certificate: Certificate, Order, Challenge, and its TXT record as each DNS server shows it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from steps.why import workloads
from steps.why.finding import Finding, find
from steps.why.sight import Object, Sight, condition, is_true, meta, name, place, said, spec, status
from wizard.world import DnsAnswer

ISSUERS = {"ClusterIssuer": "clusterissuers", "Issuer": "issuers"}
OF = "cert-manager.io/certificate-name"
PATIENCE = 300.0  # seconds that an order may take without a word
NO_ANSWER = (
    r"i/o timeout|connection refused|no route to host|deadline exceeded|EOF|can't be reached|no such host|lookup"
)
ACCOUNT = (  # what an ACME server answers when an account is made
    ("acme-limited", r"rateLimited|too many"),
    ("acme-email", r"invalidContact|contact .*(invalid|not allowed)|unsupportedContact|e-?mail"),
    ("acme-untrusted", r"x509:|certificate signed by unknown authority"),
    ("acme-away", NO_ANSWER + r"|50[0-9]|malformed directory|404"),
    ("issuer-secret-missing", r"secret.* not found|failed to get External Account Binding"),
    ("acme-refused", r""),
)  # fmt: skip
ORDERS = (
    ("acme-limited", r"rateLimited|too many certificates|429"),
    ("solver-unfit", r"no configured challenge solvers|valid solver configuration"),
    ("caa-forbids", r"\bCAA\b"),
    ("acme-name", r"rejectedIdentifier|not end with a valid public suffix|policy forbids"),
    ("acme-untrusted", r"x509:"),
    ("acme-away", NO_ANSWER),
    ("acme-refused", r""),
)
PRESENTING = (
    ("dns-token-missing", r"secrets? \"[^\"]+\" not found|key \"[^\"]+\" not found in secret|error getting .* secret"),
    ("dns-token-refused", r"\bKO\b|Invalid request headers|Authentication error|10000|9109|Unauthorized|403|401"
                          r"|Invalid access token|not authorized"),
    ("dns-name-unfit", r"is no name that DuckDNS has|domain too deep|invalid domain"),
    ("dns-zone-missing", r"[Nn]o such zone|zone .* not found|Found no Zones"
                         r"|[Cc]ould not find (the )?(start of authority|zone)"),
    ("solver-down", r"could not find the requested resource|unable to handle the request|no endpoints available"
                    r"|failed to call webhook|is forbidden"),
    ("dns-api-away", r""),
)  # fmt: skip
JUDGED = (  # what the authority says after it has looked
    ("caa-forbids", r"\bCAA\b"),
    ("acme-limited", r"rateLimited"),
    ("txt-wrong", r"[Ii]ncorrect TXT record"),
    ("txt-missing", r"NXDOMAIN|No TXT record|no TXT"),
    ("dns-servers-fail", r"SERVFAIL|query timed out|DNS problem"),
    ("acme-refused", r""),
)


def certificate(sight: Sight, one: Object) -> Iterator[Finding]:
    """Why a Certificate is not ready, or will soon not be."""
    ready, end = condition(one, "Ready"), str(status(one).get("notAfter") or "")
    if is_true(one, "Ready") and not (end and sight.age(end) > 0):
        late = str(status(one).get("renewalTime") or "")
        if late and 86400 < sight.age(late) < float("inf"):
            deeper = list(_issuing(sight, one))
            yield from deeper or [find("certificate-late", name(one), [f"to be renewed since {late}"], end=end)]
        return
    deeper = list(_issuing(sight, one))
    if deeper:
        yield from (each.below(name(one)) for each in deeper)
    elif end and sight.age(end) > 0:
        yield find("certificate-ended", name(one), [f"valid until {end}", said(ready)], end=end)
    elif sight.age(str(meta(_newest(sight, one, "orders") or one).get("creationTimestamp"))) > PATIENCE:
        yield from _nobody(sight) or [find("unknown", name(one), [said(ready), said(condition(one, "Issuing"))])]


def _nobody(sight: Sight) -> list[Finding]:
    return [
        each for part in workloads.PARTS if part.code == "cert-manager-down" for each in workloads.down(sight, part)
    ]


def _issuing(sight: Sight, one: Object) -> Iterator[Finding]:
    yield from issuer_of(sight, one)
    newest, order = _newest(sight, one, "certificaterequests"), _newest(sight, one, "orders")
    if order is not None:
        yield from (each.below(name(order)) for each in of_order(sight, order))
    elif newest is not None and condition(newest, "Ready").get("reason") == "Failed":
        text = said(condition(newest, "Ready"))
        yield find(next(code for code, pattern in ORDERS if re.search(pattern, text)), name(newest), [text])


def _newest(sight: Sight, one: Object, plural: str) -> Object | None:
    """The newest request or order that was made for a Certificate."""
    mine = [each for each in sight.all(plural) if (place(each)[0], _notes(each, OF)) == place(one)]
    return max(mine, key=lambda each: str(meta(each).get("creationTimestamp")), default=None)


def issuer_of(sight: Sight, one: Object) -> Iterator[Finding]:
    """Why the issuer that a Certificate names is missing or not ready."""
    reference = spec(one).get("issuerRef") or {}
    kind, short = str(reference.get("kind") or "Issuer"), str(reference.get("name"))
    space = "" if kind == "ClusterIssuer" else place(one)[0]
    found = sight.one(ISSUERS.get(kind, "issuers"), space, short)
    if found is None:
        if ISSUERS.get(kind, "issuers") not in {*sight.unread, *sight.unknown}:
            yield find("issuer-missing", name(one), [f"it names {kind} {short}"], issuer=short)
    else:
        yield from issuer(sight, found)


def issuer(sight: Sight, one: Object) -> Iterator[Finding]:
    """Why an issuer can't be used."""
    ready = condition(one, "Ready")
    if is_true(one, "Ready"):
        return
    if not ready:
        if sight.age(str(meta(one).get("creationTimestamp"))) > 90:
            yield from _nobody(sight) or [find("unknown", name(one), ["cert-manager has not looked at it yet"])]
        return
    text = said(ready)
    if re.search(r"lookup \S+ on [\d.]+:53|server misbehaving", text) and (dns := workloads.dns(sight)):
        yield from dns
        return
    code = next(code for code, pattern in ACCOUNT if re.search(pattern, text))
    yield find(code, name(one), [text])


# -- orders and challenges ---------------------------------------------------------------------------------------------


def of_order(sight: Sight, order: Object) -> Iterator[Finding]:
    state, reason = str(status(order).get("state") or ""), str(status(order).get("reason") or "")
    if state == "valid":
        return
    mine = [each for each in sight.all("challenges") if place(order)[1] in _owners(each)]
    deeper = [found for each in mine for found in challenge(sight, each)]
    if deeper:
        yield from deeper
        return
    events = [said(each) for each in sight.warnings("Order", *place(order))]
    if state in ("errored", "invalid", "expired") or events:
        text = " ".join([reason, *events]) or state
        table = JUDGED if state == "invalid" and not re.search("rateLimited|solver", text) else ORDERS
        yield find(next(code for code, pattern in table if re.search(pattern, text)), name(order), [text])


def challenge(sight: Sight, one: Object) -> Iterator[Finding]:
    """Why a challenge is not passed: not presented, not seen, or judged."""
    state, reason = str(status(one).get("state") or ""), str(status(one).get("reason") or "")
    text = " ".join([reason, *(said(each) for each in sight.warnings("Challenge", *place(one))[:2])]).strip()
    domain, key = str(spec(one).get("dnsName") or ""), str(spec(one).get("key") or "")
    if state == "valid" or not (state or text):
        return
    if state in ("invalid", "errored", "expired"):
        code = next(code for code, pattern in JUDGED if re.search(pattern, text))
        yield find(code, name(one), [text, *_seen(sight, domain, key)], domain=domain)
        return
    if "not yet propagated" in reason or (status(one).get("presented") and not re.search("[Ee]rror present", reason)):
        yield from _not_seen(sight, one, domain, key, reason)
        return
    if re.search(r"[Ee]rror presenting|PresentError|secret|webhook|could not find|unable to handle|KO|forbidden", text):
        code = next(code for code, pattern in PRESENTING if re.search(pattern, text))
        down = [each for part in workloads.PARTS if part.code == "solver-down" for each in workloads.down(sight, part)]
        yield from (down if code == "solver-down" and down else [find(code, name(one), [text], domain=domain)])
    elif text:
        yield find("unknown", name(one), [text])


def _not_seen(sight: Sight, one: Object, domain: str, key: str, reason: str) -> Iterator[Finding]:
    """A record that was set and is not seen: by whom not, and what is there instead."""
    answers, about = sight.texts.get(record(domain), {}), name(one)
    seen = [reason, *_seen(sight, domain, key)]
    others = [other for other in sight.all("challenges") if other is not one and _same_slot(domain, other)]
    rival = next((str(spec(other).get("dnsName")) for other in others), "")
    if not answers:
        if sight.age(str(meta(one).get("creationTimestamp"))) > 120:
            yield find("txt-one-slot" if rival else "txt-not-seen", about, seen, domain=domain, rival=rival)
        return
    showing = [server for server, answer in answers.items() if key in answer.records]
    silent = [server for server, answer in answers.items() if not answer.code]
    words = {"domain": domain, "rival": rival, "servers": ", ".join(s for s in answers if s not in showing)}
    if rival and not showing and any(answer.records for answer in answers.values()):
        yield find("txt-one-slot", about, seen, **words)
    elif len(silent) == len(answers):
        yield find("dns-servers-silent", about, seen, **words)
    elif not showing and any(answer.code == "SERVFAIL" for answer in answers.values()):
        yield find("dns-servers-fail", about, seen, **words)
    elif not showing:
        wrong = any(answer.records for answer in answers.values())
        yield find("txt-wrong" if wrong else "txt-missing", about, seen, **words)
    elif len(showing) < len(answers):
        yield find("txt-not-everywhere", about, seen, **words)
    else:
        yield find("txt-cluster-blind", about, seen, **words)


def record(domain: str) -> str:
    """Where the record of a domain is looked up; DuckDNS shows one text for a name and everything below it."""
    return f"_acme-challenge.{domain.removeprefix('*.')}"


def _same_slot(domain: str, other: Object) -> bool:
    """Whether another challenge that is under way shares the one TXT record that DuckDNS has for a name."""
    theirs = str(spec(other).get("dnsName") or "")
    if status(other).get("state") == "valid" or not (domain.endswith("duckdns.org") and theirs.endswith("duckdns.org")):
        return False
    return domain.split(".")[-3:] == theirs.split(".")[-3:]


def _seen(sight: Sight, domain: str, key: str) -> list[str]:
    return [f"{server} shows {_shown(answer, key)}" for server, answer in sight.texts.get(record(domain), {}).items()]


def _shown(answer: DnsAnswer, key: str) -> str:
    if key in answer.records:
        return "the record"
    if not answer.code:
        return "nothing: it does not answer"
    return f"another text: {answer.records[0][:20]}" if answer.records else f"no text ({answer.code})"


def _notes(one: Object, key: str) -> str:
    return str((meta(one).get("annotations") or {}).get(key) or "")


def _owners(one: Object) -> list[str]:
    return [str(each.get("name")) for each in meta(one).get("ownerReferences") or ()]
