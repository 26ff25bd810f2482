"""A forge that answers from a recorded contract (tests/cases/forges), over https with a certificate of its own CA."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wizard import yamlfile

FOLDER = Path(__file__).parents[2] / "cases" / "forges"
TOKEN = "a-token-that-nobody-must-see"


def contract(forge: str) -> dict[str, dict[str, Any]]:
    """The exchanges of one forge, by name."""
    return {one["name"]: one for one in yamlfile.load((FOLDER / f"{forge}.yaml").read_text())}


class Recorded:
    """Answers each request with the next recorded exchange that was `expect`ed for it; others fail the test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.expected, self.unexpected = folder, [], []  # type: ignore[var-annotated]
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                found = server.answer(self.command, self.path, body, self.headers.get("Authorization"))
                answer = found.get("answer", "")
                data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(found["status"])
                for name, value in (found.get("headers") or {}).items():
                    self.send_header(name, value)
                if found["status"] != 204:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if found["status"] != 204:
                    self.wfile.write(data)

            do_GET = do_POST = do_DELETE = _serve  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Nothing."""

        self.ca_file = str(folder / "ca.pem")
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.socket = _context(folder).wrap_socket(self.http.socket, server_side=True)
        self.host = f"127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def expect(self, prefix: str, exchanges: dict[str, dict[str, Any]], *names: str) -> None:
        """These exchanges, in this order where they ask the same; `prefix` is the API's path."""
        self.expected = [{**exchanges[name], "prefix": prefix} for name in names]

    def answer(self, method: str, path: str, body: Any, authorization: str | None) -> dict[str, Any]:
        for one in self.expected:
            if one["asked"] == f"{method} {path.removeprefix(one['prefix'])}" and one.get("sent") == body:
                if authorization != f"Bearer {TOKEN}":
                    break
                self.expected.remove(one)
                return one  # type: ignore[no-any-return]
        self.unexpected.append(f"{method} {path} {body}")
        return {"status": 418, "answer": {"message": f"nobody expected {method} {path} {body}"}}

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        assert not self.unexpected, "asked something else"


def _context(folder: Path) -> ssl.SSLContext:
    """TLS with a certificate for 127.0.0.1, its own authority in ``ca.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    form = serialization
    (folder / "ca.pem").write_bytes(certificate.public_bytes(form.Encoding.PEM))
    secret = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context
