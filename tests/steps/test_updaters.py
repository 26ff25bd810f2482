"""The CronJobs that keep the public address known: their real scripts, with the real curl, against local servers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.golden.repositories import repository
from wizard import yamlfile

TOKEN = "a-token-that-nobody-may-see"
ZONE, RECORD = "023e105f4ecef8ad9ca31a8372d0c353", "372e67954025e0ba6aaa6d586b9e0b59"
HERE = "198.51.100.7"


class Provider:
    """Cloudflare's API with one zone, its page that tells the caller's address, and DuckDNS' update."""

    def __init__(self) -> None:
        self.zone = "attic.test"
        self.records: dict[str, dict[str, Any]] = {}
        self.changes: list[tuple[str, str, Any]] = []
        self.page, self.duck = f"fl=1\nip={HERE}\nuag=curl\n", "OK"
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                status, text = provider.answer(self.command, self.path, self.headers.get("Authorization"), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PATCH = _serve  # noqa: N815

            def log_message(self, *args: object) -> None:
                """Nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def answer(self, method: str, path: str, authorization: str | None, body: Any) -> tuple[int, str]:
        parts, query = urlsplit(path), parse_qs(urlsplit(path).query, keep_blank_values=True)
        if parts.path == "/trace":
            return 200, self.page
        if parts.path == "/update":
            self.changes.append((method, parts.path, query))
            return 200, self.duck
        if authorization != f"Bearer {TOKEN}":
            return 403, _json([], [{"code": 9109, "message": "Invalid access token"}])
        if parts.path == "/zones":
            there = query["name"] == [self.zone]
            return 200, _json([{"id": ZONE, "name": self.zone, "account": {"id": "f" * 32}}] if there else [])
        if method == "GET":
            return 200, _json([one for one in self.records.values() if [one["name"]] == query["name"]])
        self.changes.append((method, parts.path, body))
        return 200, _json({"id": RECORD})


def _json(result: Any, errors: Any = ()) -> str:
    answer = {"result": result, "success": not errors, "errors": errors, "messages": []}
    return json.dumps(answer, separators=(",", ":"))


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.http.shutdown()
    made.http.server_close()


def run(name: str, folder: Path, **env: str) -> tuple[int, str]:
    """Runs the updater of the golden repository `name`: its exit code and what it printed.

    Neither an argument of curl nor what it printed holds the token.
    """
    kind = name.partition("-")[0]
    job = yamlfile.load(repository(name)[f"apps/{kind}/updater.yaml"])
    [container] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    given = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    seen, curl = folder / "seen", folder / "curl"
    curl.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{seen}\nexec {shutil.which("curl")} "$@"\n')
    curl.chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    done = subprocess.run(
        [*container["command"], *container["args"]], env={**given, "TOKEN": TOKEN, **env, "PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert TOKEN not in said and TOKEN not in seen.read_text()
    return done.returncode, said


def cloudflare(provider: Provider, folder: Path, **env: str) -> tuple[int, str]:
    return run("cloudflare-full", folder, **{"API": provider.url, "MIRROR": f"{provider.url}/trace", **env})


def test_cloudflare_gets_a_record_for_all_public_names(provider: Provider, tmp_path: Path) -> None:
    code, said = cloudflare(provider, tmp_path)
    assert (code, said) == (0, f"cloudflare: *.home.attic.test leads to {HERE}\n")
    wanted = {"type": "A", "name": "*.home.attic.test", "content": HERE, "ttl": 300, "proxied": False}
    assert provider.changes == [("POST", f"/zones/{ZONE}/dns_records", wanted)]


@pytest.mark.parametrize(("old", "changes"), [(HERE, 0), ("203.0.113.9", 1)], ids=["as it was", "moved"])
def test_cloudflares_record_is_changed_only_when_the_address_has(
    old: str, changes: int, provider: Provider, tmp_path: Path
) -> None:
    provider.records["other"] = {"id": "e" * 32, "name": "www.home.attic.test", "type": "A", "content": "192.0.2.1"}
    provider.records["ours"] = {"id": RECORD, "name": "*.home.attic.test", "type": "A", "content": old, "proxied": True}
    assert cloudflare(provider, tmp_path)[0] == 0
    change = ("PATCH", f"/zones/{ZONE}/dns_records/{RECORD}", {"content": HERE})
    assert provider.changes == [change] * changes


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"page": "<html>no</html>"}, "tells no IPv4 address"),
        ({"page": "ip=2001:db8::1\n"}, "tells no IPv4 address"),
        ({"zone": "cellar.test"}, "the token shows no zone for home.attic.test"),
    ],
)
def test_cloudflares_updater_says_why_it_fails(
    changed: dict[str, str], words: str, provider: Provider, tmp_path: Path
) -> None:
    for key, value in changed.items():
        setattr(provider, key, value)
    code, said = cloudflare(provider, tmp_path)
    assert code == 1 and words in said and provider.changes == []


def test_cloudflares_refusal_is_shown(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        provider, "answer", lambda *asked: Provider.answer(provider, asked[0], asked[1], "no", asked[3])
    )
    code, said = cloudflare(provider, tmp_path)
    assert code == 1 and "Invalid access token" in said and provider.changes == []


@pytest.mark.parametrize(("answer", "code"), [("OK", 0), ("KO", 1)])
def test_duckdns_is_told_of_the_public_name_only(answer: str, code: int, provider: Provider, tmp_path: Path) -> None:
    provider.duck = answer
    assert run("duckdns-full", tmp_path, API=provider.url) == (code, f"duckdns: {answer}\n")
    assert provider.changes == [("GET", "/update", {"domains": ["attic"], "token": [TOKEN], "ip": [""]})]
