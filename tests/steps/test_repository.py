"""The step Repository with real git, real sops and a real age key, against a bare repository in a folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steps import repository_access as access
from steps.repository import QUESTIONS, Repository, describe
from steps.repository_content import Content, Difference, compare, settings
from wizard import events, sops, yamlfile
from wizard.context import Approval, Context
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, Declined, TrustError, WizardError
from wizard.host.base import HostKey
from wizard.question import Prompt
from wizard.realworld import RealWorld
from wizard.repo import GONE
from wizard.secret import SecretRef
from wizard.state import State

TOKEN = "0b5e7c1e-duck-token-4711"
NONE = {"provider": "none", "external_domain": "home.lab.test", "internal_domain": "internal.home.lab.test"}
DUCKDNS = {
    "provider": "duckdns", "external_domain": "attic.duckdns.org", "internal_domain": "attic-internal.duckdns.org",
    "email": "me@home.test", "issuer": "staging", "duckdns_api": None,
}  # fmt: skip


class Front:
    """Says no to what is dangerous."""

    def ask(self, prompt: Prompt) -> object:
        raise AssertionError(prompt.question.key)

    def confirm(self, approval: Approval) -> bool:
        return False

    def failed(self, step: str, error: WizardError) -> Any:
        return "stop"


class ShowingWorld(RealWorld):
    """The real world, but for a git server that shows `keys`."""

    keys: tuple[HostKey, ...] = ()

    def host_keys(self, address: str, port: int = 22) -> tuple[HostKey, ...]:
        return self.keys


@dataclass
class Home:
    """One person's state folder, and the repository it points to."""

    folder: Path
    answers: dict[str, dict[str, Any]]
    heard: list[events.Event] = field(default_factory=list)

    @property
    def far(self) -> Path:
        return self.folder / "far.git"

    def context(self) -> Context:
        state = State(self.folder / "state" / "state.yaml", "attic")
        if state.path.exists():
            state = State.open(state.path, "attic", lock=False)
        state.answers = {step: dict(part) for step, part in self.answers.items()}
        bus = events.Bus()
        bus.listen(self.heard.append)
        return Context(ShowingWorld(), state, Front(), bus)

    def run(self, **consent: Any) -> Context:
        ctx = self.context()
        Engine([Repository()], ctx, Consent(yes=True, **consent)).run_step(Repository())
        return ctx

    def plan(self) -> list[str]:
        ctx = self.context()
        return [change.sentence for change in Repository().plan(Repository().check(ctx), ctx.answers)]

    def show(self, path: str) -> str:
        return git(self.far, "show", f"main:{path}")

    def files(self) -> list[str]:
        return git(self.far, "ls-tree", "-r", "--name-only", "main").split()

    def edit(self, change: Callable[[Path], None]) -> None:
        """Ann edits the repository by hand and pushes."""
        work = self.folder / "work"
        if not work.exists():
            git(self.folder, "clone", "-q", str(self.far), str(work))
        git(work, "checkout", "-q", "-B", "main")
        if git(self.far, "branch"):
            git(work, "pull", "-q", "--ff-only", "origin", "main")
        change(work)
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", "by hand")
        git(work, "push", "-q", "origin", "HEAD:main")


def git(folder: Path, *words: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@home.test"]
    return subprocess.run(
        ["git", *who, "-C", str(folder), *words], capture_output=True, text=True, check=True, env=env
    ).stdout


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("DUCK", TOKEN)
    made = Home(tmp_path, {
        "machines": {"hosts": ["10.0.0.11", "10.0.0.12"]},
        "addresses": {"pool": "10.0.0.60-10.0.0.69", "internal_address": "10.0.0.60",
                      "external_address": "10.0.0.61", "dns_address": "10.0.0.62"},
        "domains": dict(NONE),
        "repository": {"url": f"file://{tmp_path}/far.git", "branch": "main", "apps": ["hello"], "key_file": None,
                       "known_hosts": None, "chart_mirror": None, "chart_mirror_insecure": False,
                       "gateway_api_git": None},
    })  # fmt: skip
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(made.far))
    return made


def test_an_empty_repository_is_written_once(home: Home) -> None:
    sentences = home.plan()
    assert [sentence.split()[0] for sentence in sentences] == ["create", "make", "begin", "commit"]
    assert sentences[-1].startswith(f"commit and push to file://{home.far}@main: what is missing there of 23 files (")
    assert not (home.folder / "state").exists(), "planning writes nothing"
    ctx = home.run()
    assert ctx.state.recall("repository", "commit") == git(home.far, "rev-parse", "main").strip()
    assert f"--name={ctx.state.recall('proof', 'nonce')}" in home.show("apps/hello/hello.yaml")
    assert ctx.state.recall("repository", "age_recipient") in home.show(".sops.yaml")
    assert git(home.far, "log", "--format=%an", "main").strip() == "homelab-wizard"
    assert home.plan() == []
    before = git(home.far, "rev-parse", "main")
    home.run()
    assert git(home.far, "rev-parse", "main") == before


def test_secrets_are_encrypted_kept_and_opened_only_by_the_age_key(home: Home) -> None:
    home.answers["domains"] = {**DUCKDNS, "token": SecretRef("env", "DUCK")}
    home.answers["repository"]["apps"] = ["hello", "pihole", "monitoring"]
    home.run()
    paths = [path for path in home.files() if path.endswith(".sops.yaml") and path != ".sops.yaml"]
    assert len(paths) == 4
    assert TOKEN not in git(home.far, "log", "-p", "--all")
    assert home.plan() == [], "the same secrets are not encrypted again"
    key = home.folder / "state" / "age.key"
    for path, name in (("apps/duckdns/token.sops.yaml", "token"), ("apps/pihole/admin.sops.yaml", "password")):
        value = yamlfile.load(sops.decrypt(RealWorld(), path, home.show(path), key) or "")["stringData"][name]
        assert value == TOKEN if name == "token" else len(value) >= 20
    password = home.show("apps/pihole/admin.sops.yaml")
    os.environ["DUCK"] = "another-token-0815"
    assert "write 2 files (apps/duckdns/token.sops.yaml" in home.plan()[0]
    home.run()
    assert home.show("apps/pihole/admin.sops.yaml") == password
    assert home.plan() == []


def test_changed_answers_change_what_they_must_and_nothing_else(home: Home) -> None:
    home.run()
    home.edit(lambda work: (work / "mine.txt").write_text("mine\n") and None)
    home.edit(lambda work: (work / "apps/hello/routes.yaml").write_text("# mine\n") and None)
    assert home.plan() == [], "what only the person changed stays"
    home.answers["addresses"]["internal_address"] = "10.0.0.65"
    assert "write 2 files (README.md, infrastructure/traefik/internal.yaml)" in home.plan()[0]
    home.answers["repository"]["apps"] = ["hello", "monitoring"]
    home.run()
    assert home.show("mine.txt") == "mine\n" and home.show("apps/hello/routes.yaml") == "# mine\n"
    home.answers["repository"]["apps"] = ["hello"]
    home.run()
    assert not [path for path in home.files() if "monitoring" in path or "prometheus" in path]


def test_a_change_by_hand_is_never_overwritten(home: Home) -> None:
    home.run()
    file = "infrastructure/metallb-config/pool.yaml"

    def by_hand(work: Path) -> None:
        (work / file).write_text((work / file).read_text().replace("10.0.0.69", "10.0.0.80"))

    home.edit(by_hand)
    before = git(home.far, "rev-parse", "main")
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    with pytest.raises(Blocked, match="changed by hand") as caught:
        home.run()
    assert file in caught.value.what
    assert git(home.far, "rev-parse", "main") == before
    note = next(event for event in home.heard if isinstance(event, events.Note) and event.title == "Changed by hand")
    assert "-    - 10.0.0.60-10.0.0.80" in note.text and "+    - 10.0.0.60-10.0.0.66" in note.text


def test_a_readme_and_other_files_that_were_there_first_stay(home: Home) -> None:
    home.edit(lambda work: (work / "README.md").write_text("# my own\n") and None)
    home.run()
    assert home.show("README.md") == "# my own\n"
    assert home.plan() == []


def test_flux_own_folder_is_left_alone(home: Home) -> None:
    home.run()

    def bootstrap(work: Path) -> None:
        (work / "clusters/attic/flux-system").mkdir()
        (work / "clusters/attic/flux-system/gotk-sync.yaml").write_text("kind: whatever\n")

    home.edit(bootstrap)
    assert home.plan() == []


def test_a_push_that_loses_the_race_overwrites_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Content.write

    def slow(content: Content) -> str:
        commit = write(content)
        home.edit(lambda work: (work / "theirs.txt").write_text("first\n") and None)
        return commit

    monkeypatch.setattr(Content, "write", slow)
    with pytest.raises(WizardError, match="Somebody else has pushed"):
        home.run()
    assert home.files() == ["theirs.txt"]
    monkeypatch.undo()
    home.run()
    assert home.show("theirs.txt") == "first\n" and home.plan() == []


def test_no_commit_with_a_plain_secret_is_pushed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.answers["domains"] = {**DUCKDNS, "token": SecretRef("env", "DUCK")}
    monkeypatch.setenv("DUCK", TOKEN)
    plain = "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: duckdns}\nstringData: {token: abc}\n"
    monkeypatch.setattr(Content, "seal", lambda content, path, config: plain)
    with pytest.raises(Blocked, match="mistakes"):
        home.run()
    monkeypatch.setattr("steps.repository_content.validate", lambda files: [])
    with pytest.raises(WizardError, match=r"Not pushed: .* holds a Secret that is not encrypted"):
        home.run()
    assert git(home.far, "branch") == ""


def test_killed_between_key_and_evidence_the_same_key_is_used(home: Home) -> None:
    (home.folder / "state").mkdir()
    recipient = sops.make_key(home.folder / "state" / "age.key")
    assert home.run().state.recall("repository", "age_recipient") == recipient


def test_a_lost_age_key_stops_everything(home: Home) -> None:
    home.run()
    key = home.folder / "state" / "age.key"
    key.rename(home.folder / "kept")
    with pytest.raises(Blocked, match="missing"):
        home.plan()
    sops.make_key(key)
    with pytest.raises(Blocked, match="another one"):
        home.plan()


def test_another_branch_is_not_made_up(home: Home) -> None:
    home.run()
    home.answers["repository"]["branch"] = "trunk"
    with pytest.raises(Blocked, match="no branch trunk"):
        home.plan()


@pytest.mark.parametrize(
    ("now", "wanted", "last", "fate"),
    [
        (None, "a", None, "write"), ("a", "a", None, "-"), ("b", "a", None, "conflict"), ("a", "b", "a", "write"),
        ("x", "a", "a", "-"), ("x", "b", "a", "conflict"), (None, "a", "a", "-"), (None, "b", "a", "conflict"),
        (None, "a", GONE, "write"), ("a", None, "a", "gone"), ("x", None, "a", "conflict"), (None, None, "a", "-"),
        ("x", None, None, "-"), ("x", None, GONE, "-"),
    ],
)  # fmt: skip
def test_the_fate_of_a_file(now: str | None, wanted: str | None, last: str | None, fate: str) -> None:
    def side(value: str | None) -> dict[str, str]:
        return {} if value is None else {"f": value}

    found = compare(side(wanted), side(now), side(last), {})
    assert found == {
        "write": Difference(write=("f",)), "gone": Difference(gone=("f",)),
        "conflict": Difference(conflicts=("f",)), "-": Difference(),
    }[fate]  # fmt: skip


def test_a_sentence_names_the_first_files() -> None:
    assert (
        describe(Difference(("a", "b", "c", "d"), ("e",)))
        == "write 4 files (a, b, c and 1 more), take away 1 files (e)"
    )


# -- over SSH, as far as it goes without a server -------------------------------------------------------------

KEYS = (
    HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIGJkYmM2ZTBkZTg3ZGU4ZGU2MzhkZTg3ZGU4ZGU2", "SHA256:one"),
)  # fmt: skip


@pytest.fixture
def over_ssh(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    home.answers["repository"]["url"] = "ssh://git@127.0.0.1:1/me/home.git"
    monkeypatch.setattr(ShowingWorld, "keys", KEYS)
    return home


def test_an_unknown_git_server_is_shown_and_asked_about(over_ssh: Home) -> None:
    ctx = over_ssh.context()
    changes = Repository().plan(Repository().check(ctx), ctx.answers)
    assert [change.id for change in changes if change.danger] == ["repository/host-key"]
    assert changes[0].sentence == "trust the git server 127.0.0.1, which shows the key SHA256:one (ssh-ed25519)"
    with pytest.raises(Declined):
        over_ssh.run()


def test_an_approved_server_gets_a_key_of_its_own_and_the_person_is_told_where_to_add_it(over_ssh: Home) -> None:
    with pytest.raises(Blocked, match="could not be reached"):
        over_ssh.run(allow=frozenset({"repository/host-key"}))
    key = over_ssh.folder / "state" / "deploy_key"
    assert key.stat().st_mode & 0o777 == 0o600
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(key)], capture_output=True, text=True, check=True).stdout
    note = next(event for event in over_ssh.heard if isinstance(event, events.Note) and event.title == "Deploy key")
    assert " ".join(public.split()[:2]) in note.text
    assert (over_ssh.folder / "state" / "git_known_hosts").read_text().startswith("[127.0.0.1]:1 ssh-ed25519 ")


def test_a_changed_host_key_is_not_written_down_again(over_ssh: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = over_ssh.context()
    ctx.state.save()
    access.pin(ctx, KEYS)
    assert access.to_pin(ctx) == ()
    access.known_hosts(ctx).unlink()
    assert access.to_pin(ctx) == KEYS
    monkeypatch.setattr(ShowingWorld, "keys", (HostKey("ssh-ed25519", "AAAA", "SHA256:two"),))
    with pytest.raises(TrustError, match="does not show the host key"):
        access.to_pin(ctx)


def test_a_known_hosts_file_without_the_server_is_named(over_ssh: Home, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("")
    over_ssh.answers["repository"]["known_hosts"] = str(tmp_path / "known")
    with pytest.raises(Blocked, match=r"holds no host key of 127\.0\.0\.1, port 1"):
        over_ssh.plan()


# -- answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["main", "home/lab", "v1.0"])
def test_names_of_branches(name: str) -> None:
    assert QUESTIONS["branch"].kind.parse(name) == name


@pytest.mark.parametrize("name", ["", "-x", "a..b", "a b", "x.lock", "main/"])
def test_what_is_no_branch(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a branch"):
        QUESTIONS["branch"].kind.parse(name)


def test_an_unknown_app_is_a_mistake(home: Home) -> None:
    assert [p.path for p in Repository().validate({"repository": {"apps": ["hello", "plex"]}})] == ["repository.apps"]
    assert settings(home.context()).apps == ("hello",)
