"""When certificates end: read from PEM texts, whatever else is in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from wizard.host.certificates import Certificate, first_end, read_certificates

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def pem(days: int, *, authority: bool | None = False) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(BEGIN).not_valid_after(BEGIN + timedelta(days))
    )  # fmt: skip
    if authority is not None:
        made = made.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def end(days: int) -> float:
    return (BEGIN + timedelta(days)).timestamp()


def test_the_first_that_ends_counts_authorities_by_themselves() -> None:
    text = "".join(
        f"== {name}\n{body}"
        for name, body in (
            ("ca.crt", pem(3650, authority=True)), ("etcd/ca.crt", pem(3000, authority=True)),
            ("apiserver.crt", pem(365)), ("etcd/peer.crt", pem(300, authority=None)), ("admin.conf", pem(364)),
        )
    )  # fmt: skip
    found = read_certificates(text)
    assert found[0] == Certificate("ca.crt", end(3650), True)
    assert [each.name for each in found] == ["ca.crt", "etcd/ca.crt", "apiserver.crt", "etcd/peer.crt", "admin.conf"]
    assert first_end(found, authority=False) == end(300)
    assert first_end(found, authority=True) == end(3000)


@pytest.mark.parametrize(
    "text",
    ["", "no certificates here", "== admin.conf\n", "== a.crt\nBEGIN CERTIFICATE", "== a.crt\n" + pem(1)[:200]],
    ids=["nothing", "other text", "no content", "a word of it", "cut short"],
)
def test_what_is_no_certificate_is_left_out(text: str) -> None:
    assert read_certificates(text) == ()
    assert first_end((), authority=False) == 0.0


def test_one_that_is_damaged_does_not_hide_the_others() -> None:
    assert [each.name for each in read_certificates(f"== a.crt\nBEGIN CERTIFICATE\n== b.crt\n{pem(5)}")] == ["b.crt"]
