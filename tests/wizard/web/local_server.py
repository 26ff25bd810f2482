"""A small server on this computer that answers as a web service does, for the tests of its client."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from wizard import yamlfile
from wizard.realworld import RealWorld
from wizard.secret import Secret
from wizard.web.headscale import Headscale
from wizard.web.oauth import Grant
from wizard.web.tailscale import Tailscale

KEY = "a-key-for-the-api"
CASES = Path(__file__).parents[2] / "cases/tailnet"


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    found: list[dict[str, Any]] = yamlfile.load((CASES / f"{name}.yaml").read_text())
    return found


class Server:
    """Answers from `answers`: (method, path) -> body, or (status, body). Keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.retry_after = ""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(length).decode()
                form = self.headers.get("Content-Type") == "application/x-www-form-urlencoded"
                body = parse_qs(text) if form else json.loads(text) if text else None
                server.asked.append((self.command, self.path, body))
                status, answer = server.answer(self.command, self.path, self.headers.get("Authorization", ""))
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                if server.retry_after:
                    self.send_header("Retry-After", server.retry_after)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, method: str, path: str, authorization: str) -> tuple[int, Any]:
        if path.startswith("/api/") and "oauth" not in path and authorization != f"Bearer {KEY}":
            return 401, b"Unauthorized"
        found = self.answers.get((method, path), (404, {"message": "not found"}))
        return found if isinstance(found, tuple) else (200, found)


def headscale(server: Server, key: str = KEY) -> Headscale:
    return Headscale(RealWorld(), server.url, Secret(key))


def tailscale(server: Server, key: str = KEY, grant: Grant | None = None) -> Tailscale:
    return Tailscale(RealWorld(), Secret(key), server.url, grant)


GRANT = Grant(Secret(KEY), 3600, frozenset({"all"}), ("tag:ci", "tag:homelab"))
