"""GitLab's REST API: https://docs.gitlab.com/api/rest/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from wizard.web.forge import Account, DeployKey, Forge, Project, Refusal, missing, ssh_form

_MAINTAINER = 40  # access levels, https://docs.gitlab.com/api/access_requests/
_NOBODY = 0


@dataclass(frozen=True)
class GitLab(Forge):
    """A client for gitlab.com or a GitLab of one's own. An owner is a user or a group, subgroups included."""

    title: ClassVar[str] = "GitLab"
    public: ClassVar[str] = "gitlab.com"
    api: ClassVar[str] = "/api/v4"
    advice: ClassVar[str] = (
        "At https://{host}/-/user_settings/personal_access_tokens make a personal access token with the scope api"
        " (nothing smaller makes a repository)."
    )
    refusals: ClassVar[tuple[Refusal, ...]] = (
        Refusal(401, "expired", "The token for {host} has expired.", "Make a new one. {token}"),
        Refusal(401, "revoked", "The token for {host} was revoked.", "Make a new one. {token}"),
        Refusal(403, "insufficient_scope|insufficient_granular_scope|higher privileges",
                "The token's scope is too small.", "It must be api. {token}"),
        Refusal(400, "path has already been taken", "There is a repository of that name, which the token may not see.",
                "Give the token's user access to it, or choose another repository.name. {token}"),
        Refusal(400, "(fingerprint|key).*has already been taken",
                "The key belongs to another repository or account at {host} already.",
                "Remove it there, or leave repository.key_file out: a key of its own is then made."),
        Refusal(400, "namespace.*(not|can.t)|limit.reached", "{host} does not let the token's user make a repository"
                " there.", "Name another repository.owner, or make the repository by hand."),
    )  # fmt: skip

    def account(self) -> Account:
        token = self.get("/personal_access_tokens/self").data
        return Account(
            str(self.get("/user").data["username"]), tuple(token["scopes"]), str(token.get("expires_at") or "")[:10]
        )  # fmt: skip

    def lacking(self, account: Account, owner: str, *, create: bool) -> list[str]:
        return missing(["api"], account.scopes, {})

    def project(self, owner: str, name: str) -> Project | None:
        found = self.find(f"/projects/{quote(f'{owner}/{name}', safe='')}")
        return _project(found.data) if found else None

    def create(self, account: Account, owner: str, name: str, *, private: bool) -> Project:
        body = {"name": name, "path": name, "visibility": "private" if private else "public"}
        if owner.lower() != account.login.lower():
            body["namespace_id"] = self.get(f"/namespaces/{quote(owner, safe='')}").data["id"]
        return _project(self.send("POST", "/projects", body))

    def keys(self, project: Project) -> list[DeployKey]:
        found = self.get(f"/projects/{project.id}/deploy_keys?per_page=100").data
        return [DeployKey(str(one["id"]), one["title"], one["key"], bool(one.get("can_push"))) for one in found]

    def add_key(self, project: Project, title: str, key: str) -> None:
        self.send("POST", f"/projects/{project.id}/deploy_keys", {"title": title, "key": key, "can_push": True})

    def remove_key(self, project: Project, key: DeployKey) -> None:
        self.send("DELETE", f"/projects/{project.id}/deploy_keys/{key.id}")

    def guarded(self, project: Project, branch: str) -> str:
        """A branch to which nobody may push. Where maintainers may, so may the deploy key of one of them."""
        found = self.find(f"/projects/{project.id}/protected_branches/{quote(branch, safe='')}")
        levels = found.data.get("push_access_levels") or [] if found else []
        barred = levels and all(one.get("access_level") == _NOBODY and not one.get("deploy_key_id") for one in levels)
        return "Nobody is allowed to push to it." if barred else ""


def _project(found: dict[str, Any]) -> Project:
    rights = [part.get("access_level") or 0 for part in (found.get("permissions") or {}).values() if part]
    return Project(
        id=str(found["id"]), path=found["path_with_namespace"], ssh_url=ssh_form(found["ssh_url_to_repo"]),
        private=found.get("visibility") == "private", empty=bool(found.get("empty_repo")),
        archived=bool(found.get("archived")),
        manages=not rights or max(rights) >= _MAINTAINER,
    )  # fmt: skip
