"""Hand edits and homelab's own changes meet in a real repository: both survive, and what can't is asked about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steps.repository import Repository
from steps.repository_edits import QUESTION
from tests.steps.repository_home import Home, again, git, kept, new, replaced
from wizard import events
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, WizardError
from wizard.question import Prompt
from wizard.repo import Repo
from wizard.ui.lines import meaning

POOL = "infrastructure/metallb-config/pool.yaml"
PLACE = f"{POOL}#IPAddressPool/homelab.spec.addresses.0"
TRAEFIK = "infrastructure/traefik/internal.yaml"
HELLO = "apps/hello/hello.yaml"
EDITED = """\
# My own release, tuned one evening.
kind: HelmRelease
apiVersion: helm.toolkit.fluxcd.io/v2
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A repository that homelab has just written."""
    made = new(tmp_path_factory.mktemp("first"))
    made.run()
    return kept(made)


@pytest.fixture
def home(first: Home) -> Home:
    return again(first)


def commits(home: Home) -> list[str]:
    return git(home.far, "log", "--format=%an", "main").split("\n")[:-1]


def clash(home: Home) -> None:
    """The person and the answers change the pool, each in another way."""
    home.edit(replaced(POOL, ("10.0.0.69", "10.0.0.80")))
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"


def test_edits_and_changed_answers_both_survive(home: Home) -> None:
    text = home.show(TRAEFIK)

    def by_hand(work: Path) -> None:
        body = text.replace("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n", EDITED)
        body = body.replace("replicas: 1", "replicas: 2 # one more").replace("10.0.0.60", '"10.0.0.60"   # fixed')
        (work / TRAEFIK).write_text(body + "    tolerations: []\n")
        (work / "mine.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: mine}\n")

    home.edit(by_hand)
    edited = home.show(TRAEFIK)
    assert home.plan() == [], "an edit alone is nothing to do"
    home.answers["addresses"]["internal_address"] = "10.0.0.65"
    assert f"keep what was changed by hand in 1 file ({TRAEFIK})" in home.plan()[0]
    home.run()
    assert home.show(TRAEFIK) == edited.replace("10.0.0.60", "10.0.0.65") and "mine" in home.show("mine.yaml")
    assert commits(home) == ["homelab-edits", "homelab-wizard", "Ann", "homelab-wizard"]
    assert git(home.far, "show", f"main~1:{TRAEFIK}") == text.replace("10.0.0.60", "10.0.0.65"), "what homelab wants"
    assert TRAEFIK in git(home.far, "log", "-1", "--format=%B", "main")
    assert home.plan() == []
    home.answers["addresses"]["internal_address"] = "10.0.0.60"
    home.run()
    assert home.show(TRAEFIK) == edited and home.plan() == []


def test_without_a_decision_nothing_is_pushed_and_the_answer_is_named(home: Home) -> None:
    clash(home)
    before = git(home.far, "rev-parse", "main")
    with pytest.raises(Blocked) as caught:
        home.run()
    assert PLACE in caught.value.what and f"[{PLACE}]" in caught.value.fix
    assert caught.value.answers == ("repository.edits",)
    assert git(home.far, "rev-parse", "main") == before


@pytest.mark.parametrize(
    ("answer", "pool", "others"),
    [("mine", "10.0.0.80", "mine"), ("homelab", "10.0.0.66", "homelab"), ([PLACE], "10.0.0.66", "mine")],
)
def test_a_decision_holds_and_is_not_asked_for_again(home: Home, answer: Any, pool: str, others: str) -> None:
    home.edit(replaced(POOL, ("10.0.0.69", "10.0.0.80")))
    home.edit(replaced("README.md", ("# ", "# My own: ")))
    home.edit(replaced(TRAEFIK, ("loadBalancerIPs: 10.0.0.60", "loadBalancerIPs: 10.0.0.63")))
    home.answers["addresses"] |= {"pool": "10.0.0.60-10.0.0.66", "internal_address": "10.0.0.65"}
    home.answers["repository"]["edits"] = answer
    ctx = home.run()
    assert f"10.0.0.60-{pool}" in home.show(POOL)
    assert ("10.0.0.65" if others == "homelab" else "10.0.0.63") in home.show(TRAEFIK)
    assert home.show("README.md").startswith("# My own: ")
    assert ctx.answers["repository"]["edits"] is None, "the next conflict is another question"
    del home.answers["repository"]["edits"]
    assert home.plan() == []
    home.answers["domains"]["internal_domain"] = "inside.home.lab.test"
    home.run()
    assert f"10.0.0.60-{pool}" in home.show(POOL), "a later change asks nothing and changes nothing of it"


class Person:
    """Tries again after the first failure, and takes homelab's side of what is marked."""

    def __init__(self, marks: Callable[[Prompt], list[object]]) -> None:
        self.marks, self.prompts, self.failures = marks, list[Prompt](), list[str]()

    def ask(self, prompt: Prompt) -> object:
        self.prompts.append(prompt)
        return self.marks(prompt)

    def confirm(self, approval: object) -> bool:
        return True

    def failed(self, step: str, error: Exception) -> Any:
        self.failures.append(str(error))
        return "retry" if len(self.failures) == 1 else "stop"


@pytest.mark.parametrize(("chosen", "pool"), [(1, "10.0.0.80"), (2, "10.0.0.66")])
def test_the_wizard_asks_what_is_to_stay(home: Home, chosen: int, pool: str) -> None:
    clash(home)
    ctx = home.context()
    person = Person(lambda prompt: [choice.value for choice in prompt.choices][:chosen])
    ctx.front = person
    Engine([Repository()], ctx, Consent(yes=True)).run()
    (prompt,), (failure,) = person.prompts, person.failures
    assert [choice.value for choice in prompt.choices] == ["mine", PLACE] and "changed by hand" in failure
    assert prompt.choices[1].help == "yours: 10.0.0.60-10.0.0.80; homelab's: 10.0.0.60-10.0.0.66"
    assert f"10.0.0.60-{pool}" in home.show(POOL) and home.plan() == []
    assert QUESTION.kind.parse(meaning(prompt, "2")) == [PLACE] and prompt.parse(meaning(prompt, "")) == "mine"


def test_lines_of_text_are_read_as_an_answer() -> None:
    parse = QUESTION.kind.parse
    assert [parse(raw) for raw in ("mine", "homelab", ["mine"], ["mine", PLACE], f"{PLACE}, README.md#line 2", [])] == [
        "mine", "homelab", "mine", [PLACE], [PLACE, "README.md#line 2"], "mine"
    ]  # fmt: skip
    for raw in (None, 3, [3], ["homelab", PLACE]):
        with pytest.raises(ValueError, match="homelab"):
            parse(raw)


# -- files that come and go ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "there"), [("mine", False), ("homelab", True)])
def test_a_file_that_was_taken_away_by_hand(home: Home, answer: str, there: bool) -> None:
    home.edit(lambda work: (work / POOL).unlink())
    assert home.plan() == [], "it stays away as long as homelab wants nothing else of it"
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    with pytest.raises(Blocked, match=f": {POOL}"):
        home.plan()
    home.answers["repository"]["edits"] = answer
    home.run()
    del home.answers["repository"]["edits"]
    assert (POOL in home.files()) is there and home.plan() == []


@pytest.mark.parametrize(("answer", "stays"), [("mine", True), ("homelab", False)])
def test_a_file_that_was_there_before_homelab_wanted_it(home: Home, tmp_path: Path, answer: str, stays: bool) -> None:
    def by_hand(work: Path) -> None:
        (work / POOL).parent.mkdir(parents=True)
        (work / POOL).write_bytes(b"# caf\xe9, no UTF-8\n" + pool.encode())
        (work / POOL).chmod(0o755)

    pool, home = home.show(POOL), new(tmp_path)
    home.edit(by_hand)
    mine = git(home.far, "rev-parse", f"main:{POOL}")
    with pytest.raises(Blocked, match=f": {POOL}"):
        home.run()
    home.answers["repository"]["edits"] = answer
    home.run()
    del home.answers["repository"]["edits"]
    assert (git(home.far, "rev-parse", f"main:{POOL}") == mine) is stays
    assert git(home.far, "ls-tree", "main", POOL).startswith("100755"), "it stays a file that can be run"
    assert home.plan() == []


@pytest.mark.parametrize(("answer", "there"), [("mine", True), ("homelab", False)])
def test_a_file_that_homelab_takes_away_and_a_person_has_changed(home: Home, answer: str, there: bool) -> None:
    home.answers["repository"]["apps"] = ["hello", "pihole"]
    home.run()
    path = "apps/pihole/namespace.yaml"
    home.edit(replaced(path, ("metadata:", "metadata:  # mine")))
    home.answers["repository"]["apps"] = ["hello"]
    with pytest.raises(Blocked, match=f": {path}"):
        home.plan()
    home.answers["repository"]["edits"] = answer
    home.run()
    del home.answers["repository"]["edits"]
    assert [path for path in home.files() if "pihole" in path] == [path] * there
    assert home.plan() == []


def test_a_link_that_a_person_put_in_the_place_of_a_file_stays_one(home: Home) -> None:

    def by_hand(work: Path) -> None:
        (work / "mine.yaml").write_text((work / POOL).read_text())
        (work / POOL).unlink()
        (work / POOL).symlink_to("../../mine.yaml")

    home.edit(by_hand)
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    home.answers["repository"]["edits"] = "mine"
    home.run()
    assert git(home.far, "ls-tree", "main", POOL).startswith("120000")
    assert home.show(POOL) == "../../mine.yaml" and home.plan() == []


# -- what must not be pushed -----------------------------------------------------------------------------------


def test_what_comes_out_wrong_is_not_pushed(home: Home) -> None:
    clash(home)
    home.answers["addresses"]["internal_address"] = "10.0.0.65"
    home.edit(replaced(TRAEFIK, ("replicas: 1", "replicas: one")))
    home.answers["repository"]["edits"] = "mine"
    before = git(home.far, "rev-parse", "main")
    with pytest.raises(Blocked, match="1 mistake") as caught:
        home.plan()
    line = home.show(TRAEFIK)[: home.show(TRAEFIK).index("replicas")].count("\n") + 1
    assert f"{TRAEFIK}:{line}: " in caught.value.why and "Correct it in the repository" in caught.value.fix
    assert caught.value.answers == ("repository.edits",), "trying again asks what was decided"
    assert git(home.far, "rev-parse", "main") == before


def test_what_was_written_in_the_clear_by_hand_is_not_pushed_once_more(home: Home) -> None:
    home.edit(replaced(POOL, ("10.0.0.69", f"10.0.0.80 # glpat-{'a' * 20}")))
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    home.answers["repository"]["edits"] = "mine"
    before = git(home.far, "rev-parse", "main")
    with pytest.raises(WizardError, match=f"Not pushed: {POOL}:[0-9]+: .* token for GitLab") as caught:
        home.run()
    assert "glpat" not in str(caught.value) and git(home.far, "rev-parse", "main") == before


def test_mistakes_in_files_that_are_the_persons_own_stop_nothing(home: Home) -> None:
    home.edit(lambda work: (work / "mine.yaml").write_text("kind: Nonsense\n") and None)
    home.edit(replaced(HELLO, ("replicas: 1", "replicas: one")))
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    home.run()
    assert "10.0.0.66" in home.show(POOL) and "replicas: one" in home.show(HELLO)


def test_a_file_that_is_no_yaml_any_more_is_one_conflict(home: Home) -> None:
    home.edit(replaced(POOL, ("spec:", "spec: [")))
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    with pytest.raises(Blocked, match=f": {POOL}"):
        home.run()
    note = [event.text for event in home.heard if isinstance(event, events.Note)][-1]
    assert "It can't be read" in note and "+    - 10.0.0.60-10.0.0.66" in note
    home.answers["repository"]["edits"] = "homelab"
    home.run()
    assert "spec: [" not in home.show(POOL) and home.plan() == []


def test_killed_before_the_push_nothing_is_half_done(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    clash(home)
    home.answers["repository"]["edits"] = "mine"
    before = git(home.far, "rev-parse", "main")

    def killed(repo: Repo, commit: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Repo, "push", killed)
    with pytest.raises(KeyboardInterrupt):
        home.run()
    assert git(home.far, "rev-parse", "main") == before
    monkeypatch.undo()
    home.run()
    assert commits(home) == ["homelab-edits", "homelab-wizard", "Ann", "homelab-wizard"]
