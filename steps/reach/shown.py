"""The certificate that a probe was shown: whose it is, for which names, until when. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wizard.question import Answers

if TYPE_CHECKING:
    from cryptography.x509 import Name

AUTHORITY = "Let's Encrypt"  # what its issuers call themselves; with an ACME directory of one's own it is another
DEFAULT = "TRAEFIK DEFAULT CERT"  # the name in what Traefik shows while it has no certificate


@dataclass(frozen=True)
class Certificate:
    """What matters of a certificate. `issuer` is its organisation and name; `names` may begin with ``*.``."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    end: datetime

    def covers(self, host: str) -> bool:
        """Whether the certificate is for `host`; a ``*`` stands for one label."""
        return any(covers(name, host) for name in self.names)


def covers(name: str, host: str) -> bool:
    """Whether a certificate's `name`, which may begin with ``*.``, is also for `host`."""
    return name == host or (name[:2] == "*." and name[2:] == host.partition(".")[2])


def read(pem: str) -> Certificate | None:
    """The certificate in `pem`, whose line breaks may be written as ``|``; None when it is none."""
    from cryptography import x509

    try:
        made = x509.load_pem_x509_certificate(pem.replace("|", "\n").encode())
    except ValueError:
        return None
    try:
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = tuple(names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        dns = ()
    return Certificate(_text(made.subject), _text(made.issuer), dns, made.not_valid_after_utc)


def _text(name: Name) -> str:
    from cryptography.x509.oid import NameOID

    kinds = (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    return " ".join(str(one.value) for kind in kinds for one in name.get_attributes_for_oid(kind))


def judged(pem: str, host: str, *, trusted: bool, answers: Answers, now: datetime) -> tuple[str, bool]:
    """What is to be said of the certificate in a few words, and whether it is as it must be."""
    made = read(pem)
    if made is None:
        return "unreadable", False
    wants_production = answers["domains"].get("issuer") == "production"
    if DEFAULT in made.subject:
        return "Traefik's own", False
    if not made.covers(host):
        return f"for {', '.join(made.names) or made.subject}", False
    if made.end <= (now if now.tzinfo else now.replace(tzinfo=UTC)):
        return f"ended {made.end:%Y-%m-%d}", False
    until, own = f"until {made.end:%Y-%m-%d}", bool(answers["domains"].get("acme_directory"))
    if "STAGING" in made.issuer.upper() or (own and not wants_production and not trusted):
        return f"staging, {until}", not wants_production
    if not trusted:
        return f"not trusted: {made.issuer}", False
    return (f"valid, {until}", True) if own or AUTHORITY in made.issuer else (f"by {made.issuer}", False)


def data(made: Certificate) -> dict[str, Any]:
    """Whose it is, for which names, until when, as evidence."""
    return {"issuer": made.issuer, "names": list(made.names), "until": made.end.isoformat(timespec="seconds")}
