"""An HTTPS server with a certificate of its own CA, as a home's headscale or a kubeadm cluster has."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority that writes PEM files into a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self._sign(self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject: x509.Name, public: Any, *extensions: Any) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        )  # fmt: skip
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name: str) -> Path:
        """A file with certificate and key for 127.0.0.1, called `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        file = self.folder / f"{name}.pem"
        file.write_bytes(
            self._sign(subject, key.public_key(), names).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return file


Answer = Callable[[Any], tuple[int, Any, dict[str, str]]]


class Site:
    """`answer(seen)` decides what is answered: status, body (bytes, or data for JSON) and headers."""

    def __init__(self, folder: Path, *, client_certificates: bool = False) -> None:
        self.ca = Authority(folder, f"ca-{folder.name}")
        self.seen: list[dict[str, Any]] = []
        self.answer: Answer = lambda seen: (200, {"path": seen["path"]}, {})
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca.issue("server"))
        if client_certificates:
            context.load_verify_locations(self.ca.file)
            context.verify_mode = ssl.CERT_REQUIRED
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda request, address: None  # a client that refuses the certificate is no news
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def _handler(site) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                seen = {
                    "method": self.command,
                    "path": self.path,
                    "headers": {k.title(): v for k, v in self.headers.items()},
                    "body": body,
                }
                site.seen.append(seen)
                status, data, headers = site.answer(seen)
                raw = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = any  # noqa: N815, A003

            def log_message(self, *args: object) -> None:
                """Nothing."""

        return Handler

    def kubeconfig(self, *, token: str = "") -> Path:
        """A kubeconfig in kubeadm's form: everything inside, the user known by certificate or by `token`."""

        def inline(path: Path) -> str:
            return base64.b64encode(path.read_bytes()).decode()

        mine = self.ca.issue("admin")
        user = {"token": token} if token else {"client-certificate-data": inline(mine), "client-key-data": inline(mine)}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [
                {"name": "c", "cluster": {"server": self.url, "certificate-authority-data": inline(self.ca.file)}}
            ],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }  # fmt: skip
        file = self.ca.folder / "kubeconfig"
        file.write_text(json.dumps(config))
        return file

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    server = Site(tmp_path)
    yield server
    server.close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Site]:
    """The same, asking for a client certificate as the Kubernetes API does."""
    (tmp_path / "api").mkdir()
    server = Site(tmp_path / "api", client_certificates=True)
    yield server
    server.close()
