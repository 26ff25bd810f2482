"""The clients of GitHub, GitLab, Gitea and Forgejo against what those have answered (tests/cases/forges)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wizard.web.recorded import TOKEN, Recorded, contract
from wizard.errors import WizardError
from wizard.realworld import RealWorld
from wizard.secret import Secret
from wizard.web.api import ApiError
from wizard.web.forge import Account, DeployKey, Forge, Project, ssh_form
from wizard.web.gitea import Forgejo, Gitea
from wizard.web.github import GitHub
from wizard.web.gitlab import GitLab

KINDS: dict[str, type[Forge]] = {"github": GitHub, "gitlab": GitLab, "gitea": Gitea}
CONTRACTS = {name: contract(name) for name in KINDS}
OURS = "ssh-ed25519 AAAAOURS"
FORGES = pytest.mark.parametrize("forge", list(KINDS))
Talk = Callable[..., Forge]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    made = Recorded(tmp_path_factory.mktemp("forge"))
    yield made
    made.close()


@pytest.fixture
def talk(server: Recorded) -> Talk:
    """``talk("github", "an exchange", …)``: the client, and a server that expects these exchanges and no others."""

    def begin(forge: str, *names: str) -> Forge:
        server.expect(KINDS[forge].api, CONTRACTS[forge], *names)
        return KINDS[forge](RealWorld(), server.host, Secret(TOKEN), server.ca_file)

    return begin


def project(path: str = "me/homelab", **fields: Any) -> Project:
    return Project(**{"id": path, "path": path, "ssh_url": "", "private": True, "empty": True,
                      **fields})  # fmt: skip


HERE = {"github": project(), "gitlab": project(id="7"), "gitea": project()}
AT = {"github": "git@github.com:", "gitlab": "git@gitlab.com:", "gitea": "ssh://git@198.18.0.1:2223/"}


# -- whose token it is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forge", "names", "account", "lacking"),
    [
        ("github", ["whose token it is, classic"], Account("me", ("read:org", "repo"), "2027-01-31"), []),
        ("github", ["whose token it is, fine-grained"], Account("me", None, "2027-01-31"), []),
        ("github", ["small scopes, classic"], Account("me", ("public_repo", "user")), ["repo"]),
        ("gitlab", ["the token itself", "whose token it is"], Account("me", ("api",), "2027-01-31"), []),
        ("gitlab", ["a token with small scopes", "whose token it is"], Account("me", ("read_api", "write_repository")),
         ["api"]),
        ("gitea", ["whose token it is", "the scopes, told by a refusal"],
         Account("me", ("write:repository", "write:user")), []),
        ("gitea", ["whose token it is", "small scopes, told by a refusal"],
         Account("me", ("read:repository", "read:user")), ["write:repository", "write:user"]),
        ("gitea", ["whose token it is", "a token that may do everything"], Account("me"), []),
    ],
)  # fmt: skip
def test_whose_token_it_is_and_what_it_lacks(
    talk: Talk, forge: str, names: list[str], account: Account, lacking: list[str]
) -> None:
    client = talk(forge, *names)
    assert client.account() == account
    assert client.lacking(account, "me", create=True) == lacking


def test_an_organization_takes_another_scope() -> None:
    client = Gitea(RealWorld(), "git.example.org")
    account = Account("me", ("write:repository", "write:user"))
    assert client.lacking(account, "Me", create=True) == []
    assert client.lacking(account, "club", create=True) == ["write:organization"]
    assert client.lacking(account, "club", create=False) == []
    assert client.lacking(Account("me", ("all",)), "club", create=True) == []


# -- repositories ------------------------------------------------------------------------------------------------


@FORGES
def test_a_repository_that_is_not_there(talk: Talk, forge: str) -> None:
    assert talk(forge, "no such repository").project("me", "homelab") is None


@FORGES
def test_an_empty_repository(talk: Talk, forge: str) -> None:
    found = talk(forge, "an empty repository").project("me", "homelab")
    assert found == project(id=HERE[forge].id, ssh_url=ssh_form(f"{AT[forge]}me/homelab.git"))


@FORGES
def test_a_repository_is_made_for_the_tokens_user(talk: Talk, forge: str) -> None:
    made = talk(forge, "a repository is made").create(Account("me"), "Me", "homelab", private=True)
    assert (made.path, made.private, made.empty, made.manages) == ("me/homelab", True, True, True)
    assert made.ssh_url == ssh_form(f"{AT[forge]}me/homelab.git")


@pytest.mark.parametrize(
    ("forge", "names", "owner"),
    [
        ("github", ["a repository of an organization is made"], "club"),
        ("gitlab", ["the group", "a repository of a group is made"], "club/pis"),
        ("gitea", ["a repository of an organization is made"], "club"),
    ],
)
def test_a_repository_is_made_for_an_organization(talk: Talk, forge: str, names: list[str], owner: str) -> None:
    made = talk(forge, *names).create(Account("me"), owner, "homelab", private=True)
    assert made.path == f"{owner}/homelab" and made.ssh_url.endswith(f"{owner}/homelab.git")


def test_what_is_in_the_way_is_seen(talk: Talk) -> None:
    assert getattr(talk("github", "an archived repository").project("me", "homelab"), "archived", None) is True
    assert getattr(talk("gitea", "an archived repository").project("me", "homelab"), "archived", None) is True
    assert getattr(talk("github", "a public repository").project("me", "homelab"), "private", None) is False
    assert getattr(talk("github", "a repository of somebody else").project("me", "homelab"), "manages", None) is False
    developer = talk("gitlab", "a repository of a group").project("club/pis", "homelab")
    assert developer is not None and not developer.manages and not developer.empty


@pytest.mark.parametrize(
    ("forge", "exchange", "words"),
    [
        ("github", "no rules", ""), ("github", "a branch that wants pull requests", "a pull request"),
        ("gitlab", "no protected branch", ""), ("gitlab", "a branch to which maintainers push", ""),
        ("gitlab", "a branch to which nobody pushes", "Nobody"), ("gitea", "no protected branch", ""),
        ("gitea", "a protected branch", "Nobody"), ("gitea", "a branch for some people", "Deploy keys are not among"),
        ("gitea", "a branch for deploy keys too", ""),
    ],
)  # fmt: skip
def test_a_guarded_branch(talk: Talk, forge: str, exchange: str, words: str) -> None:
    said = talk(forge, exchange).guarded(HERE[forge], "main")
    assert words in said and bool(said) == bool(words)


# -- keys --------------------------------------------------------------------------------------------------------


@FORGES
def test_deploy_keys(talk: Talk, forge: str) -> None:
    assert talk(forge, "no deploy keys").keys(HERE[forge]) == []
    ours, theirs = talk(forge, "deploy keys").keys(HERE[forge])
    assert ours.same(f"{OURS} any comment") and not theirs.same(OURS)
    assert (ours.writable, theirs.writable) == (True, False)
    talk(forge, "a deploy key is added").add_key(HERE[forge], "homelab-wizard homelab", OURS)
    talk(forge, "a key is removed").remove_key(HERE[forge], theirs)


def test_a_key_is_the_same_whatever_its_comment() -> None:
    assert DeployKey("1", "", "ssh-ed25519 AAAA me@here", True).same("ssh-ed25519 AAAA")
    assert not DeployKey("1", "", "ssh-ed25519 AAAA", True).same("ssh-ed25519 AAAB")


def test_github_publishes_its_host_keys(talk: Talk) -> None:
    assert (
        "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
        in talk("github", "the host keys it publishes").fingerprints()
    )
    assert Gitea(RealWorld(), "git.example.org").fingerprints() == ()


# -- refusals ----------------------------------------------------------------------------------------------------

CREATE = lambda client: client.create(Account("me"), "me", "homelab", private=True)  # noqa: E731
IN_CLUB = lambda client: client.create(Account("me"), "club", "homelab", private=True)  # noqa: E731
ELSEWHERE = lambda client: client.create(Account("me"), "nobody", "homelab", private=True)  # noqa: E731
WHO = lambda client: client.account()  # noqa: E731
LIST = lambda client: client.keys(HERE["github"])  # noqa: E731
ADD = lambda client: client.add_key(  # noqa: E731
    HERE["gitlab" if isinstance(client, GitLab) else "github"], "homelab-wizard homelab", OURS
)
REFUSALS = [
    ("github", "a wrong or expired token", WHO, "does not accept the token", "Administration: Read and write"),
    ("github", "too small a permission, fine-grained", CREATE, "may not do that", "Administration: Read and write"),
    ("github", "keys that the token may not see, fine-grained", LIST, "may not do that", "Administration"),
    ("github", "it is there already", CREATE, "which the token may not see", "Give the token access"),
    ("github", "an organization that wants single sign-on", IN_CLUB, "not let into that organization", "Configure SSO"),
    ("github", "an organization that forbids classic tokens", IN_CLUB, "does not allow this kind", "fine-grained"),
    ("github", "no such organization", IN_CLUB, "no such owner", "repository.owner"),
    ("github", "a key that another repository has", ADD, "another repository or account", "once only"),
    ("github", "an owner who has forbidden deploy keys", ADD, "forbidden deploy keys", "organization's settings"),
    ("github", "too many requests", WHO, "no more requests", "again after "),
    ("github", "too many requests at once", WHO, "no more requests", "again in 2 minutes"),
    ("github", "out of order", WHO, "trouble of its own", "in some minutes"),
    ("gitlab", "a wrong token", WHO, "does not accept the token", "scope api"),
    ("gitlab", "an expired token", WHO, "has expired", "scope api"),
    ("gitlab", "a revoked token", WHO, "was revoked", "scope api"),
    ("gitlab", "it is there already", CREATE, "which the token may not see", "another repository.name"),
    ("gitlab", "no more repositories for this user", CREATE, "does not let the token's user", "repository.owner"),
    ("gitlab", "a key that another account has", ADD, "another repository or account", "key_file"),
    ("gitlab", "too many requests", WHO, "no more requests", "in 1 minute."),
    ("gitlab", "out of order", WHO, "trouble of its own", "in some minutes"),
    ("gitea", "a wrong token", WHO, "does not accept the token", "repository: read and write"),
    ("gitea", "a token that may not even tell whose it is", WHO, "too small", "user: read and write"),
    ("gitea", "too small a scope to make a repository", CREATE, "too small", "user: read and write"),
    ("gitea", "too small a scope for an organization", IN_CLUB, "too small", "organization: read and write"),
    ("gitea", "no such organization", ELSEWHERE, "no such owner", "repository.owner"),
    ("gitea", "it is there already", CREATE, "which the token may not see", "another repository.name"),
]


@pytest.mark.parametrize(
    ("forge", "exchange", "ask", "what", "fix"), REFUSALS, ids=[f"{r[0]}, {r[1]}" for r in REFUSALS]
)
def test_a_refusal_is_named(
    talk: Talk, forge: str, exchange: str, ask: Callable[[Forge], Any], what: str, fix: str
) -> None:
    with pytest.raises(ApiError) as caught:
        ask(talk(forge, exchange))
    error = caught.value
    assert what in error.what and fix in error.fix, str(error)
    assert error.status == CONTRACTS[forge][exchange]["status"]
    assert TOKEN not in str(error) and "{" not in str(error)
    assert error.why.startswith("It says: ")


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["no such group"], "no such owner"),
        (["the group", "a namespace that is not for the token's user"], "does not let"),
    ],
)
def test_a_group_that_is_not_open_to_the_tokens_user_is_named(talk: Talk, names: list[str], what: str) -> None:
    with pytest.raises(ApiError, match=what):
        talk("gitlab", *names).create(
            Account("me"), "nobody" if len(names) == 1 else "club/pis", "homelab", private=True
        )


def test_gitlab_names_a_scope_that_does_not_even_tell_whose_token_it_is(talk: Talk) -> None:
    with pytest.raises(ApiError, match="scope is too small"):
        talk("gitlab", "a token with small scopes", "a token that may not even tell whose it is").account()


def test_every_exchange_is_used_somewhere() -> None:
    text = Path(__file__).read_text()
    unused = {
        f"{forge}: {name}" for forge, exchanges in CONTRACTS.items() for name in exchanges if f'"{name}"' not in text
    }
    assert unused == {  # what the client avoids by looking first; kept since they tell how Gitea is
        "gitea: the same key again", "gitea: a name that is taken", "gitea: a read-only key is added",
        "gitea: a key that is none", "gitea: a key that is gone",
    }  # fmt: skip


# -- the way there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forge", "base"),
    [
        (GitHub(RealWorld(), "github.com"), "https://api.github.com"),
        (GitHub(RealWorld(), "git.example.org"), "https://git.example.org/api/v3"),
        (GitLab(RealWorld(), "gitlab.com"), "https://gitlab.com/api/v4"),
        (Gitea(RealWorld(), "home.test:3000/git"), "https://home.test:3000/git/api/v1"),
        (Forgejo(RealWorld(), "codeberg.org"), "https://codeberg.org/api/v1"),
    ],
)
def test_where_the_api_is(forge: Forge, base: str) -> None:
    assert forge.base == base and base.startswith("https://")
    assert forge.host in forge.token_advice() and "{" not in forge.token_advice()


def test_a_certificate_that_nobody_vouches_for_gets_no_token(server: Recorded) -> None:
    with pytest.raises(WizardError, match=r"certificate of 127\.0\.0\.1 is not trusted"):
        Gitea(RealWorld(), server.host, Secret(TOKEN)).account()


def test_a_page_of_something_else_is_told(server: Recorded) -> None:
    server.expect("/api/v1", {"x": {"asked": "GET /user", "status": 200, "answer": "<html>Your router</html>"}}, "x")
    with pytest.raises(ApiError, match="is not Gitea") as caught:
        Gitea(RealWorld(), server.host, Secret(TOKEN), server.ca_file).account()
    assert "Your router" in caught.value.why


@pytest.mark.parametrize(
    ("shown", "url"),
    [
        ("git@github.com:me/homelab.git", "ssh://git@github.com/me/homelab.git"),
        ("ssh://git@198.18.0.1:2223/me/homelab.git", "ssh://git@198.18.0.1:2223/me/homelab.git"),
        ("forgejo@git.home.test:/me/homelab.git", "ssh://forgejo@git.home.test/me/homelab.git"),
        ("git.home.test:me/homelab.git", "ssh://git@git.home.test/me/homelab.git"),
    ],
)
def test_the_ssh_address_that_a_forge_shows(shown: str, url: str) -> None:
    assert ssh_form(shown) == url
