"""The REST API of Gitea and of Forgejo, which shares it (codeberg.org runs one): https://docs.gitea.com/api/."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from wizard.web.api import ApiError, reason
from wizard.web.forge import Account, DeployKey, Forge, Project, Refusal, missing, ssh_form

_KINDS = ("repository", "user", "organization", "issue", "misc", "notification", "package", "admin", "activitypub")
_IMPLIED = {f"write:{kind}": (f"read:{kind}",) for kind in _KINDS} | {
    "all": tuple(f"{right}:{kind}" for right in ("read", "write") for kind in _KINDS)
}


@dataclass(frozen=True)
class Gitea(Forge):
    """A client for a Gitea."""

    title: ClassVar[str] = "Gitea"
    public: ClassVar[str] = ""
    api: ClassVar[str] = "/api/v1"
    advice: ClassVar[str] = (
        "At https://{host}/user/settings/applications make a token with the permissions repository: read and write,"
        " user: read and write; for an organization's repository also organization: read and write."
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal(403, r"required scope", "The token's permissions are too small.", "{token}"),
        Refusal(409, "already exists", "There is a repository of that name, which the token may not see.",
                "Give the token's user access to it, or choose another repository.name. {token}"),
        Refusal(422, "key has already been added|key .*already exist|been used",
                "The key belongs to another repository or account at {host} already.",
                "Remove it there, or leave repository.key_file out: a key of its own is then made."),
        Refusal(403, "limit|reached", "{host} does not let the token's user make another repository.",
                "Name another repository.owner, or have the limit raised."),
    )  # fmt: skip

    def account(self) -> Account:
        return Account(str(self.get("/user").data["login"]), self._scopes())

    def _scopes(self) -> tuple[str, ...] | None:
        """The token's scopes, from a refusal: there is no call that tells them to the token itself.

        Whether there is news is a question that a token made for this may not ask; one that may is not told of.
        """
        response = self._send("GET", "/notifications/new", None)
        found = re.search(r"token scope=([\w:,-]+)", reason(response.body)) if response.status == 403 else None
        return tuple(found[1].split(",")) if found else None

    def lacking(self, account: Account, owner: str, *, create: bool) -> list[str]:
        needed = ["write:repository"]
        if create:
            needed.append("write:user" if owner.lower() == account.login.lower() else "write:organization")
        return missing(needed, account.scopes, _IMPLIED)

    def project(self, owner: str, name: str) -> Project | None:
        found = self.find(f"/repos/{owner}/{name}")
        return _project(found.data) if found else None

    def create(self, account: Account, owner: str, name: str, *, private: bool) -> Project:
        mine = owner.lower() == account.login.lower()
        body = {"name": name, "private": private, "auto_init": False, "default_branch": "main"}
        return _project(self.send("POST", "/user/repos" if mine else f"/orgs/{owner}/repos", body))

    def keys(self, project: Project) -> list[DeployKey]:
        found = self.get(f"/repos/{project.id}/keys?limit=50").data
        return [DeployKey(str(one["id"]), one["title"], one["key"], not one["read_only"]) for one in found]

    def add_key(self, project: Project, title: str, key: str) -> None:
        self.send("POST", f"/repos/{project.id}/keys", {"title": title, "key": key, "read_only": False})

    def remove_key(self, project: Project, key: DeployKey) -> None:
        self.send("DELETE", f"/repos/{project.id}/keys/{key.id}")

    def guarded(self, project: Project, branch: str) -> str:
        """A protected branch to which no deploy key may push."""
        try:
            rules = self.get(f"/repos/{project.id}/branch_protections").data or []
        except ApiError:  # not everybody who may push may read them
            return ""
        for rule in rules:
            if branch not in (rule.get("rule_name"), rule.get("branch_name")):
                continue
            if not rule.get("enable_push"):
                return "Nobody is allowed to push to it."
            if rule.get("enable_push_whitelist") and not rule.get("push_whitelist_deploy_keys"):
                return "Deploy keys are not among those who may push to it."
        return ""


@dataclass(frozen=True)
class Forgejo(Gitea):
    """A client for a Forgejo, codeberg.org unless another is named."""

    title: ClassVar[str] = "Forgejo"
    public: ClassVar[str] = "codeberg.org"


def _project(found: dict[str, Any]) -> Project:
    rights = found.get("permissions") or {}
    return Project(
        id=found["full_name"], path=found["full_name"], ssh_url=ssh_form(found["ssh_url"]),
        private=bool(found["private"]), empty=bool(found.get("empty")),
        archived=bool(found.get("archived")),
        manages=bool(rights.get("admin", True)),
    )  # fmt: skip
