"""The address of a git repository as people write it, and as ssh, git and Flux all understand it: ``ssh://…``."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HOST = r"\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_SCP = re.compile(rf"(?:([^\s@/:]+)@)?({_HOST}):(?!//)([^\s]+)")  # git@github.com:me/homelab.git
_MIXED = re.compile(rf"ssh://(?:([^@/]+)@)?({_HOST}):([^\d\s@][^\s@]*)")  # ssh://git@github.com:me/homelab.git
_PAGE = re.compile(r"/(?:-/|tree/|blob/|src/|settings\b|pulls\b|issues\b).*")  # of a forge's page in the browser
FORGES = ("github.com", "gitlab.com", "codeberg.org")
EXAMPLE = "ssh://git@github.com/me/homelab.git"


def parse(raw: object) -> str:
    """The address as ``ssh://[USER@]HOST[:PORT]/PATH``. Raises ValueError with one sentence that says what is wrong.

    ``git@github.com:me/homelab.git`` and the https address that a browser shows are understood, too.
    """
    text = str(raw).strip()
    if not text or not text.isprintable() or " " in text:
        raise _none(text)
    if found := _MIXED.fullmatch(text) or _SCP.fullmatch(text):
        return _made(found[1] or "git", found[2], found[3])
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  (reading it checks it)
    except ValueError:
        raise ValueError(f"{text!r} has a port that is no number") from None
    web = parts.scheme in ("http", "https")
    if parts.password or (parts.username and web):
        raise ValueError("a password or token must not be part of an address; homelab pushes with a key, over SSH")
    if parts.scheme == "git":
        raise ValueError(f"git:// is not encrypted and can't be written to; give an SSH address such as {EXAMPLE}")
    if not parts.hostname or parts.query or parts.fragment or not (web or parts.scheme == "ssh"):
        raise _none(text)
    if web:
        return _made("git", parts.hostname, _PAGE.sub("", parts.path).rstrip("/").removesuffix(".git") + ".git")
    user = parts.username or ("git" if parts.hostname in FORGES else "")
    return _made(user, parts.netloc.rpartition("@")[2], parts.path)


def _none(text: str) -> ValueError:
    return ValueError(f"{text!r} is not the address of a git repository such as {EXAMPLE}")


def told(raw: object, value: str) -> str:
    """A sentence about what was made of `raw`; empty when it is what was given."""
    text = str(raw).strip().rstrip("/")
    if text == value:
        return ""
    has_port = text.startswith("http") and ":" in text.partition("://")[2]
    port = " If its SSH has a port of its own, name it: ssh://git@HOST:PORT/PATH." if has_port else ""
    return f"{text} is used as {value}: git and Flux reach it over SSH.{port}"


def _made(user: str, host: str, path: str) -> str:
    path = "/" + path.strip("/")
    if path in ("/", "/.git"):
        raise ValueError(f"the path of the repository is missing: {EXAMPLE} is an example")
    if path.startswith("/~"):
        raise ValueError("Flux does not understand ~ in an address: give the whole path of the repository")
    if host in FORGES and path.count("/") < 2:
        raise ValueError(f"owner or name is missing: {host} calls its repositories such as /me/homelab")
    return f"ssh://{user}{'@' if user else ''}{host}{path}"
