"""Until when certificates are valid: a pure reader of PEM texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Certificate:
    """One certificate: the name of its file, its end in seconds since 1970, and whether it signs others."""

    name: str
    until: float
    authority: bool = False


def read_certificates(text: str) -> tuple[Certificate, ...]:
    """The certificates of `text`, each after a line ``== NAME``. What is no certificate is left out."""
    parts = re.split(r"^== (\S+)$", text, flags=re.M)[1:]
    found = (_read(name, pem) for name, pem in zip(parts[::2], parts[1::2], strict=True))
    return tuple(each for each in found if each)


def _read(name: str, pem: str) -> Certificate | None:
    if "BEGIN CERTIFICATE" not in pem:
        return None
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        found = x509.load_pem_x509_certificate(pem.strip().encode())
        until = found.not_valid_after_utc.timestamp()
        authority = found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        authority = False
    except (ValueError, UnsupportedAlgorithm):
        return None
    return Certificate(name, until, authority)


def first_end(certificates: Iterable[Certificate], *, authority: bool) -> float:
    """When the first of the authorities, or of the others, ends; 0 when there is none."""
    return min((each.until for each in certificates if each.authority == authority), default=0.0)
