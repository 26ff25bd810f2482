"""GitHub, GitLab, Gitea and Forgejo as the demo knows them: any token is right and belongs to `you`.

What git does over SSH is held to it: a repository that was made here opens for its deploy keys only.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from wizard.host.base import Result
from wizard.world import Request, Response

USER = "you"


@dataclass
class Repository:
    """One at a simulated forge. Its contents are a bare repository in the demo's folder."""

    host: str
    path: str
    private: bool = True
    archived: bool = False
    guarded: bool = False  # its branches take no push
    keys: list[dict[str, Any]] = field(default_factory=list)  # id, title, key, writable

    @property
    def ssh_url(self) -> str:
        return f"ssh://git@{self.host}/{self.path}.git"


class SimForges:
    """Their state. `made` is told the address of each repository that is made, `fingerprint` tells a host's key."""

    def __init__(self, wrote: Callable[[str], None], made: Callable[[str], None], fingerprint: Callable[[str], str]):
        self.wrote, self.made, self.fingerprint = wrote, made, fingerprint
        self.repositories: dict[str, Repository] = {}  # ssh address -> repository
        self.scopes = "repo"  # of a classic token at GitHub, and what GitLab's has is "api"

    def http(self, request: Request) -> Response | None:
        """The answer; None when this is no request to a forge."""
        parts = urlsplit(request.url)
        for api, dialect in _DIALECTS:
            if found := re.fullmatch(api, f"{parts.netloc}{parts.path}"):
                host = "github.com" if found["host"] == "api.github.com" else found["host"]
                status, body = dialect(self, host, request.method, found["rest"], request.json or {})
                headers = {"x-oauth-scopes": self.scopes} if dialect is _github else {}
                return Response(status, b"" if body is None else json.dumps(body).encode(), headers)
        return None

    def make(self, host: str, path: str, private: bool) -> tuple[int, Repository]:
        one = Repository(host, path, private)
        if one.ssh_url in self.repositories:
            return 409, self.repositories[one.ssh_url]
        self.repositories[one.ssh_url] = one
        self.made(one.ssh_url)
        self.wrote(f"{host}: repository {path}")
        return 201, one

    def add(self, one: Repository, title: str, key: str, writable: bool) -> dict[str, Any]:
        made = {"id": 1 + max((known["id"] for known in one.keys), default=0), "title": title, "key": key,
                "writable": writable}  # fmt: skip
        one.keys.append(made)
        self.wrote(f"{one.host}: deploy key of {one.path}")
        return made

    def git(self, argv: Sequence[str], env: Mapping[str, str]) -> Result | None:
        """What the server says to git instead of letting it in; None when it lets it in."""
        one = next((self.repositories[word] for word in argv if word in self.repositories), None)
        if one is None:
            return None
        words = shlex.split(env.get("GIT_SSH_COMMAND", ""))
        file = Path(words[words.index("-i") + 1]).with_suffix(".pub") if "-i" in words else None
        public = file.read_text().split()[:2] if file and file.exists() else []
        key = next((known for known in one.keys if known["key"].split()[:2] == public), None)
        said = "git@{0}: Permission denied (publickey)." if key is None else ""
        if key and ("push" in argv or any("git-receive-pack" in word for word in argv)):
            said = "" if key["writable"] else "ERROR: The key you are authenticating with has been marked as read only."
            if not said and one.guarded and "push" in argv:
                said = "remote: error: GH006: Protected branch update failed for refs/heads/main."
        return Result(128, "", said.format(one.host) + "\n") if said else None


_Answer = tuple[int, Any]
_GONE: _Answer = (404, {"message": "Not Found"})


def _github(forge: SimForges, host: str, method: str, rest: str, sent: Mapping[str, Any]) -> _Answer:
    if rest == "/meta":
        return 200, {"ssh_key_fingerprints": {"SHA256_ED25519": forge.fingerprint(host).removeprefix("SHA256:")}}
    if re.fullmatch(r"/repos/[^/]+/[^/]+/rules/branches/.+", rest):
        return 200, []
    return _gitea(forge, host, method, rest, sent)


def _gitea(forge: SimForges, host: str, method: str, rest: str, sent: Mapping[str, Any]) -> _Answer:
    if rest == "/user":
        return 200, {"login": USER}
    if rest == "/notifications/new":
        return 403, {"message": "required=[read:notification], token scope=write:repository,write:user"}
    if found := re.fullmatch(r"/(?:user|orgs/([^/]+))/repos", rest):
        status, made = forge.make(host, f"{found[1] or USER}/{sent['name']}", bool(sent["private"]))
        return status, _shown(made) if status == 201 else {"message": "already exists"}
    found = re.fullmatch(r"/repos/([^/]+/[^/]+)(/keys|/branch_protections)?(?:/(\d+))?", rest)
    one = forge.repositories.get(f"ssh://git@{host}/{found[1]}.git") if found else None
    if found is None or one is None:
        return _GONE
    if found[2] == "/branch_protections":
        return 200, [{"rule_name": "main", "enable_push": False}] if one.guarded else []
    return _keys(forge, one, method, found[3], sent) if found[2] else (200, _shown(one))


def _gitlab(forge: SimForges, host: str, method: str, rest: str, sent: Mapping[str, Any]) -> _Answer:
    if rest == "/personal_access_tokens/self":
        return 200, {"scopes": ["api"], "expires_at": "2027-01-31"}
    if rest == "/user":
        return 200, {"username": USER}
    if rest == "/projects":
        return 201, _shown(forge.make(host, f"{USER}/{sent['path']}", sent["visibility"] == "private")[1])
    found = re.fullmatch(r"/projects/([^/]+)(/deploy_keys|/protected_branches)?(?:/([^/]+))?", rest)
    one = forge.repositories.get(f"ssh://git@{host}/{unquote(found[1])}.git") if found else None
    if found is None or one is None or found[2] == "/protected_branches":
        return _GONE
    return _keys(forge, one, method, found[3], sent) if found[2] else (200, _shown(one))


def _keys(forge: SimForges, one: Repository, method: str, key: str | None, sent: Mapping[str, Any]) -> _Answer:
    if method == "POST":
        writable = bool(sent.get("can_push", not sent.get("read_only", True)))
        return 201, forge.add(one, sent["title"], sent["key"], writable)
    if method == "DELETE":
        one.keys = [known for known in one.keys if str(known["id"]) != key]
        forge.wrote(f"{one.host}: deploy key of {one.path} removed")
        return 204, None
    return 200, [
        {**known, "read_only": not known["writable"], "can_push": known["writable"]} for known in one.keys
    ]  # fmt: skip


def _shown(one: Repository) -> dict[str, Any]:
    """A repository in the words of all of them at once."""
    return {
        "id": quote(one.path, safe=""), "full_name": one.path, "path_with_namespace": one.path, "ssh_url": one.ssh_url,
        "ssh_url_to_repo": one.ssh_url, "private": one.private, "visibility": "private" if one.private else "public",
        "archived": one.archived, "default_branch": "main", "empty": True, "empty_repo": True, "size": 0,
    }  # fmt: skip


_DIALECTS: tuple[tuple[str, Callable[[SimForges, str, str, str, Mapping[str, Any]], _Answer]], ...] = (
    (r"(?P<host>api\.github\.com)(?P<rest>/.*)", _github),
    (r"(?P<host>[^/]+)/api/v3(?P<rest>/.*)", _github),
    (r"(?P<host>[^/]+)/api/v4(?P<rest>/.*)", _gitlab),
    (r"(?P<host>[^/]+)/api/v1(?P<rest>/(?:user|repos|orgs|notifications)(?:/.*)?)", _gitea),
)
