"""What GitHub, GitLab and Gitea have in common: whose token it is, a repository, and the keys that open it.

A token is only ever sent over https. Every method raises `ApiError` for what the forge refuses, in words, and what
`World.http` raises when no answer comes.
"""

from __future__ import annotations

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from wizard.secret import Secret
from wizard.web.api import ApiError, reason
from wizard.world import Request, Response, World


@dataclass(frozen=True)
class Account:
    """Whose token it is. `scopes` is None where the forge does not tell them."""

    login: str
    scopes: tuple[str, ...] | None = None
    expires: str = ""  # the day on which the token ends (2027-01-31); empty: never, or not told


@dataclass(frozen=True)
class Project:
    """A repository at a forge. `id` is how the API calls it in its paths."""

    id: str
    path: str  # me/homelab
    ssh_url: str  # ssh://git@git.example.org/me/homelab.git
    private: bool
    empty: bool  # as far as the forge has noticed
    archived: bool = False
    manages: bool = True  # whether the token's user may add deploy keys


@dataclass(frozen=True)
class DeployKey:
    id: str
    title: str
    key: str  # ssh-ed25519 AAAA…; a comment may follow
    writable: bool

    def same(self, public: str) -> bool:
        """Whether it is this public key, whatever the comments say."""
        return self.key.split()[:2] == public.split()[:2]


@dataclass(frozen=True)
class Refusal:
    """What a refusal means: the first whose status (0: any) and pattern fit the answer is it.

    The sentences may hold {title}, {host} and {token}, which says how to get a token that is right.
    """

    status: int
    pattern: str
    what: str
    fix: str


@dataclass(frozen=True)
class Answer:
    """The JSON of an answer, None when it was empty, and its headers (small letters)."""

    data: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Forge(ABC):
    """A client for the forge at `host` (name, port and path: ``git.example.org:3000/git``) and the owner of `token`."""

    world: World
    host: str
    token: Secret | None = None
    ca_file: str | None = None

    title: ClassVar[str]
    public: ClassVar[str]  # the host that everybody means; empty: each has one of his own
    advice: ClassVar[str]  # how to get a token: where, and its exact scopes; {host}
    api: ClassVar[str]  # the API's path
    refusals: ClassVar[tuple[Refusal, ...]]

    # -- what each forge does its own way ------------------------------------------------------------------

    @abstractmethod
    def account(self) -> Account:
        """Whose token it is."""

    @abstractmethod
    def lacking(self, account: Account, owner: str, *, create: bool) -> list[str]:
        """The scopes that the token lacks, as far as the forge tells them. Pure."""

    @abstractmethod
    def project(self, owner: str, name: str) -> Project | None:
        """The repository; None when there is none that the token may see."""

    @abstractmethod
    def create(self, account: Account, owner: str, name: str, *, private: bool) -> Project:
        """Makes the repository, with nothing in it. `owner` is the token's user or an organization."""

    @abstractmethod
    def keys(self, project: Project) -> list[DeployKey]:
        """Its deploy keys."""

    @abstractmethod
    def add_key(self, project: Project, title: str, key: str) -> None:
        """Adds a deploy key that may write."""

    @abstractmethod
    def remove_key(self, project: Project, key: DeployKey) -> None: ...

    @abstractmethod
    def guarded(self, project: Project, branch: str) -> str:
        """Why a deploy key can't push to `branch`, as far as it can be seen ahead; empty when nothing is known."""

    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprints (``SHA256:…``) of the host keys that the forge itself publishes by its API, if it does."""
        return ()

    # -- sending -------------------------------------------------------------------------------------------

    @property
    def base(self) -> str:
        return f"https://{self.host}{self.api}"

    def token_advice(self) -> str:
        return self.advice.format(host=self.host)

    def get(self, path: str) -> Answer:
        return self._answer(self._send("GET", path, None), "GET", path)

    def find(self, path: str) -> Answer | None:
        """As `get`; None for what is not there (404)."""
        response = self._send("GET", path, None)
        return None if response.status == 404 else self._answer(response, "GET", path)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer."""
        return self._answer(self._send(method, path, body), method, path).data

    def _send(self, method: str, path: str, body: Any) -> Response:
        headers = {"Accept": "application/json", "User-Agent": "homelab-wizard"}  # GitHub refuses those without a name
        request = Request(
            method, self.base + path, json=body, token=self.token, headers=headers, ca_file=self.ca_file
        )  # fmt: skip
        return self.world.http(request)

    def _answer(self, response: Response, method: str, path: str) -> Answer:
        if not 200 <= response.status < 300:
            raise self.refused(response, f"{method} {path}")
        try:
            data = json.loads(response.body) if response.body.strip() else None
        except ValueError:
            raise ApiError(
                f"What answers at {self.base} is not {self.title}.", f"It sent: {reason(response.body)}",
                "Check the address: a router's or proxy's page may be answering there.",
            ) from None  # fmt: skip
        return Answer(data, dict(response.headers))

    def refused(self, response: Response, asked: str) -> ApiError:
        """The error for an answer that is a refusal, in words."""
        said = reason(response.body)
        if when := _limit(response, said):
            return ApiError(
                f"{self.title} takes no more requests from here for now.", f"It says: {said}", when,
                status=response.status,
            )  # fmt: skip
        for one in (*self.refusals, *_COMMON):
            fits = one.status in (0, response.status) or (one.status == 500 and response.status > 500)
            if fits and re.search(one.pattern, said, re.IGNORECASE):
                words = {"title": self.title, "host": self.host, "token": self.token_advice()}
                why = f"It says: {said}" if said else f"It answered {asked} with status {response.status}."
                return ApiError(one.what.format(**words), why, one.fix.format(**words), status=response.status)
        return ApiError(
            f"{self.title} answered {asked} with status {response.status}.", f"It says: {said}" if said else "",
            "Run the same command again; when it stays so, make repository and deploy key by hand.",
            status=response.status,
        )  # fmt: skip


def _limit(response: Response, said: str) -> str:
    """When to come again; empty when this is no limit on requests."""
    headers = response.headers
    spent = response.status in (403, 429) and headers.get("x-ratelimit-remaining") == "0"
    if not (response.status == 429 or spent or re.search(r"rate limit", said, re.IGNORECASE)):
        return ""
    if re.fullmatch(r"\d+", headers.get("retry-after", "")):
        minutes = max(1, round(int(headers["retry-after"]) / 60))
        return f"Run the same command again in {minutes} minute{'' if minutes == 1 else 's'}."
    if re.fullmatch(r"\d+", headers.get("x-ratelimit-reset", "")):
        at = time.strftime("%H:%M", time.localtime(int(headers["x-ratelimit-reset"])))
        return f"Run the same command again after {at}."
    return "Run the same command again in an hour."


def ssh_form(url: str) -> str:
    """An SSH address as ``ssh://``: forges also show ``git@git.example.org:me/homelab.git``."""
    found = re.fullmatch(r"(?:([^@/:]+)@)?([^/:]+):(?!//)/?(.+)", url)
    return f"ssh://{found[1] or 'git'}@{found[2]}/{found[3]}" if found else url


def missing(needed: Sequence[str], scopes: tuple[str, ...] | None, implied: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What of `needed` is neither in `scopes` nor implied by one of them; nothing when they are not known."""
    if scopes is None:
        return []
    held = {*scopes, *(word for scope in scopes for word in implied.get(scope, ()))}
    return [scope for scope in needed if scope not in held]


_COMMON = (
    Refusal(401, "", "{title} at {host} does not accept the token.", "Make a new one. {token}"),
    Refusal(403, "", "The token may not do that at {host}.", "{token}"),
    Refusal(404, "", "{host} knows no such owner or repository, or the token may not see it.",
            "Compare repository.owner and repository.name with what {title} shows. {token}"),
    Refusal(409, "", "{host} says that it is there already.", "Run the same command again: it looks first."),
    Refusal(500, "", "{title} at {host} has trouble of its own.", "Run the same command again in some minutes."),
)  # fmt: skip
