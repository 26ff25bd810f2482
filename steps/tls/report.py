"""`homelab certificates`: every certificate of the gateways, and how many more Let's Encrypt gives out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from steps import flux
from steps import repository_access as access
from steps.tls import look, meter, store
from steps.tls.look import Certificate
from steps.tls.meter import Issued, Meter
from wizard.context import Context
from wizard.errors import Blocked

KINDS = {look.STAGING: "staging: browsers warn", look.PRODUCTION: "production"}


@dataclass(frozen=True)
class Report:
    """What there is; no meters for an authority of one's own."""

    certificates: Sequence[Certificate]
    meters: Sequence[Meter] = ()

    @property
    def good(self) -> bool:
        """Whether there are certificates, and all of them are good."""
        return bool(self.certificates) and all(one.good for one in self.certificates)

    def text(self) -> str:
        if not self.certificates:
            return "There are no certificates yet: the gateways have not asked for any."
        used = {one.names: one for one in self.meters}
        return "\n".join(line for one in self.certificates for line in _lines(one, used.get(one.names)))

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        meters = {one.names: one for one in self.meters}
        return {
            "certificates": [
                {"name": one.name, "names": list(one.names), "issuer": one.issuer, "ready": one.good,
                 "why": one.why, "until": one.until, "renewal": one.renewal, **_used(meters.get(one.names))}
                for one in self.certificates
            ],
        }  # fmt: skip


def _lines(one: Certificate, used: Meter | None) -> Iterator[str]:
    yield f"{', '.join(one.names)} ({one.name})"
    to_come = "" if one.wanted in ("", one.issuer) else f", and is to come from {one.wanted}"
    yield f"  {KINDS.get(one.issuer, one.issuer)}{to_come}"
    yield f"  not ready: {one.why}" if one.why else "  ready"
    if one.until:
        renewed = f", renewed by itself from {one.renewal[:10]} on" if one.renewal else ""
        yield f"  valid until {one.until[:10]}{renewed}"
    if used:
        yield f"  production certificates for these names: {used.text}"


def _used(one: Meter | None) -> dict[str, Any]:
    if one is None:
        return {}
    return {"used": one.used, "limit": meter.LIMIT, "free": one.free.isoformat() if one.free else None}


def report(ctx: Context) -> Report:
    """Looks at the cluster and at what is remembered of earlier ones. Raises `Blocked` where there are none."""
    refuse_without(ctx)
    cluster = flux.reach(ctx)
    found = look.certificates(cluster)
    issued = everything(ctx)
    own = ctx.answers["domains"].get("acme_directory")
    meters = [] if own else [meter.meter(issued, one.names, datetime.now(UTC)) for one in found]
    return Report(found, meters)


def everything(ctx: Context) -> list[Issued]:
    """Every production certificate that this or an earlier cluster was given, as far as it is known here."""
    authority = str(ctx.answers["domains"].get("acme_directory") or "")
    return meter.together(look.issued(flux.reach(ctx), authority), store.recall(ctx).issued)


def refuse_without(ctx: Context) -> None:
    """Raises `Blocked` when there is no cluster, or the answers choose no certificates at all."""
    access.refuse_without(ctx)
    if ctx.answers.get("domains", {}).get("provider", "none") == "none":
        raise Blocked(
            "This cluster has no certificates.", "Its names are looked after by nobody (domains.provider).",
            "Choose duckdns or cloudflare as domains.provider, and run homelab.",
        )  # fmt: skip
