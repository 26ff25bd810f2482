"""GitHub's REST API: https://docs.github.com/rest. The same serves GitHub Enterprise Server under /api/v3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from wizard.web.forge import Account, DeployKey, Forge, Project, Refusal, missing, ssh_form

# A fine-grained token has no scopes but permissions, which its answers don't list: what it lacks shows when it is used.
_IMPLIED = {"repo": ("public_repo",)}


@dataclass(frozen=True)
class GitHub(Forge):
    """A client for github.com, or for an Enterprise server."""

    title: ClassVar[str] = "GitHub"
    public: ClassVar[str] = "github.com"
    api: ClassVar[str] = "/api/v3"
    advice: ClassVar[str] = (
        "At https://{host}/settings/personal-access-tokens/new choose the owner, “All repositories”, and the repository"
        " permission “Administration: Read and write”; or a classic token with the scope repo."
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal(0, "SAML enforcement|SAML SSO", "The token is not let into that organization.",
                "At https://{host}/settings/tokens choose “Configure SSO” beside the token and authorize the"
                " organization."),
        Refusal(403, "forbids access via a (personal access token|fine-grained)",
                "That organization does not allow this kind of token.",
                "Make a fine-grained token whose resource owner is the organization. {token}"),
        Refusal(403, "not accessible by personal access token", "The token may not do that at {host}.",
                "Give it the repository permission “Administration: Read and write” for this owner. {token}"),
        Refusal(422, "name already exists", "There is a repository of that name, which the token may not see.",
                "Give the token access to it, or choose another repository.name. {token}"),
        Refusal(422, "key is already in use", "The key belongs to another repository or account at {host} already.",
                "GitHub takes a key once only. Remove it there, or leave repository.key_file out: a key of its own is"
                " then made."),
        Refusal(0, "deploy keys are disabled",
                "The owner of this repository has forbidden deploy keys.",
                "Allow them in the organization's settings (Repository, Deploy keys), or name another"
                " repository.owner."),
    )  # fmt: skip

    @property
    def base(self) -> str:
        return "https://api.github.com" if self.host == self.public else super().base

    def account(self) -> Account:
        answer = self.get("/user")
        told = answer.headers.get("x-oauth-scopes")  # classic tokens only
        scopes = None if told is None else tuple(scope.strip() for scope in told.split(",") if scope.strip())
        ends = answer.headers.get("github-authentication-token-expiration", "")
        return Account(str(answer.data["login"]), scopes, ends[:10])

    def lacking(self, account: Account, owner: str, *, create: bool) -> list[str]:
        return missing(["repo"], account.scopes, _IMPLIED)

    def project(self, owner: str, name: str) -> Project | None:
        found = self.find(f"/repos/{owner}/{name}")
        return _project(found.data) if found else None

    def create(self, account: Account, owner: str, name: str, *, private: bool) -> Project:
        mine = owner.lower() == account.login.lower()
        body = {"name": name, "private": private, "auto_init": False}
        return _project(self.send("POST", "/user/repos" if mine else f"/orgs/{owner}/repos", body))

    def keys(self, project: Project) -> list[DeployKey]:
        found = self.get(f"/repos/{project.id}/keys?per_page=100").data
        return [DeployKey(str(one["id"]), one["title"], one["key"], not one["read_only"]) for one in found]

    def add_key(self, project: Project, title: str, key: str) -> None:
        self.send("POST", f"/repos/{project.id}/keys", {"title": title, "key": key, "read_only": False})

    def remove_key(self, project: Project, key: DeployKey) -> None:
        self.send("DELETE", f"/repos/{project.id}/keys/{key.id}")

    def guarded(self, project: Project, branch: str) -> str:
        """The rules that are in force (every role may read them); not older branch protection, which needs a paid plan
        to be read in a private repository."""
        found = self.find(f"/repos/{project.id}/rules/branches/{branch}")
        kinds = {rule["type"] for rule in found.data or []} if found else set()
        words = [text for kind, text in _RULES.items() if kind in kinds]
        return f"Its rules want {' and '.join(words)}." if words else ""

    def fingerprints(self) -> tuple[str, ...]:
        told: dict[str, str] = self.get("/meta").data.get("ssh_key_fingerprints") or {}
        return tuple(f"SHA256:{value}" for kind, value in told.items() if kind.startswith("SHA256_"))


# rules that a push by a deploy key can't keep: type -> what they want
_RULES = {
    "pull_request": "a pull request", "update": "that nobody pushes", "creation": "that nobody begins the branch",
    "required_signatures": "signed commits", "required_status_checks": "status checks", "merge_queue": "a merge queue",
}  # fmt: skip


def _project(found: dict[str, Any]) -> Project:
    rights = found.get("permissions") or {}
    return Project(
        id=found["full_name"], path=found["full_name"], ssh_url=ssh_form(found["ssh_url"]),
        private=bool(found["private"]), empty=not found.get("size"),
        archived=bool(found.get("archived")),
        manages=bool(rights.get("admin", True)),
    )  # fmt: skip
