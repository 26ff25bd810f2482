"""Changing an earlier answer: what comes of it is told first, a no loses nothing, a yes goes on from the right step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wizard.test_engine import Front, Run
from tests.wizard.test_revising import FIRST, SALT, Dough, Loaf, run_of
from wizard.context import Context
from wizard.errors import Blocked, Declined
from wizard.events import StepChanged
from wizard.follow import following
from wizard.question import BACK, INTEGER, NAME, SECRET, Question, Revise
from wizard.secret import Secret, SecretRef


def test_a_change_of_what_was_done_is_told_in_full_before_it_is_made(tmp_path: Path) -> None:
    asked = ("rye", "300", "round", "poppy", "(default)", Revise("dough", "flour"), "oat", "(default)", SALT)
    run = run_of(tmp_path, *asked)
    run.ctx.state.remember("machines", "h1", "hostname", value="boreas")
    run.engine.run()
    (revision,) = run.front.revisions
    assert (revision.title, revision.ask, revision.before, revision.after) == ("Dough", "Which flour?", "Rye", "Oat")
    assert [(each.step, each.ask) for each in revision.dropped] == [("Loaf", "Which seeds?")]
    assert [each.ask for each in revision.again] == ["Its label?"] and "proposal" in revision.again[0].why
    assert revision.looked_at == ("Dough",)
    assert [[change.sentence for change in each.changes] for each in revision.outlooks] == [["mix oat"]]
    assert revision.names == {"h1": "boreas"}
    assert run.world.made == ["rye", "oat", "loaf-oat"]
    assert run.saved().answers["loaf"] == {"shape": "round", "label": "oat", "word": SecretRef("prompt")}
    assert run.front.prompts[-2].default == "oat"  # proposed anew, not as it was
    assert list(run.saved().done) == ["dough", "loaf"]


def test_a_no_leaves_everything_as_it_was_and_goes_on_where_the_person_stood(tmp_path: Path) -> None:
    asked = ("rye", "300", "round", "poppy", "(default)", Revise("dough", "flour"), "oat", SALT)
    run = run_of(tmp_path, *asked)
    run.front.changing = False
    run.engine.run()
    assert len(run.front.revisions) == 1
    assert run.front.asked[-1] == "word" and run.world.made == ["rye", "loaf-rye"]
    assert run.saved().answers["dough"] == {"flour": "rye", "water": 300}
    assert run.saved().answers["loaf"]["seeds"] == "poppy"


def test_looking_at_what_would_change_writes_nothing_and_begins_no_step(tmp_path: Path) -> None:
    run = run_of(tmp_path, "rye", "300", Revise("dough", "flour"), "oat", *FIRST[2:])
    run.front.changing = False
    files: list[bytes] = []
    asked = run.front.revise
    run.front.revise = lambda revision: files.append(run.path.read_bytes()) or asked(revision)  # type: ignore[method-assign]
    steps_before = [e for e in run.events if isinstance(e, StepChanged)]
    assert steps_before == []
    run.engine.run()
    assert files and b"oat" not in files[0] and "dough" in run.state.done
    dough = [e.status for e in run.events if isinstance(e, StepChanged) and e.step == "dough"]
    assert dough == ["asking", "checking", "planning", "applying", "verifying", "done"]


def test_a_step_that_no_longer_takes_the_answer_refuses_it_with_its_own_words(tmp_path: Path) -> None:
    class Set(Dough):
        def check(self, ctx: Context) -> list[str]:
            found = super().check(ctx)
            if found and ctx.answers["dough"]["flour"] not in found:
                error = Blocked("The dough has risen.", "Its flour can't change any more.", "Begin anew.")
                error.answers = ("dough.flour",)
                raise error
            return found

    front = Front("rye", "300", BACK, BACK, "oat", "rye", "300", *FIRST[2:])
    run = Run(tmp_path, Set(), Loaf(), front=front)
    run.engine.run()
    refused = front.prompts[5]
    assert refused.problem == "The dough has risen. Its flour can't change any more. Begin anew."
    assert refused.review and refused.default == "rye"
    assert front.revisions == [] and run.state.answers["dough"]["flour"] == "rye"


def test_a_step_that_can_not_be_looked_at_now_is_told_as_such(tmp_path: Path) -> None:
    class Away(Dough):
        def check(self, ctx: Context) -> list[str]:
            if ctx.dry_run:
                raise Blocked("The kitchen is locked.", "", "Open it.")
            return super().check(ctx)

    run = Run(tmp_path, Away(), Loaf(), front=Front("rye", "300", Revise("dough", "water"), "310", *FIRST[2:]))
    run.engine.run()
    (revision,) = run.front.revisions
    assert [str(each.blocked) for each in revision.outlooks] == ["The kitchen is locked. Open it."]
    assert run.state.answers["dough"]["water"] == 310


def test_an_answer_that_becomes_a_mistake_is_asked_again_with_the_reason(tmp_path: Path) -> None:
    asked = ("rye", "300", "tin", "poppy", Revise("dough", "water"), "500", "round", "rye", SALT)
    run = run_of(tmp_path, *asked)
    run.engine.run()
    (revision,) = run.front.revisions
    assert [(each.ask, each.why) for each in revision.again] == [("Which shape?", "it would run over. Take another.")]
    again = run.front.prompts[run.front.asked.index("shape", 3)]
    assert (again.problem, again.default) == ("it would run over. Take another.", "tin")
    assert run.state.answers["loaf"]["shape"] == "round"


def test_changing_what_was_not_done_needs_no_question(tmp_path: Path) -> None:
    run = run_of(tmp_path, *FIRST[:3], Revise("loaf", "shape"), "square", *FIRST[3:])
    run.engine.run()
    assert run.front.revisions == [] and run.state.answers["loaf"]["shape"] == "square"


def test_another_secret_is_used_and_never_shown(tmp_path: Path) -> None:
    class Key(Dough):
        questions = (*Dough.questions, Question("key", "The key?", SECRET))

        def check(self, ctx: Context) -> list[str]:
            seen.append(ctx.secret("dough", self.questions[2]).reveal())
            return super().check(ctx)

    seen: list[str] = []
    given = ("rye", "300", Secret("old-old-old"), Revise("dough", "key"), Secret("new-new-new"), *FIRST[2:])
    run = Run(tmp_path, Key(), Loaf(), front=Front(*given))
    run.engine.run()
    (revision,) = run.front.revisions
    assert (revision.before, revision.after) == ("known, not shown", "another one")
    assert seen[-1] == "new-new-new" and seen.count("new-new-new") >= 2  # tried out, then used
    assert "new-new-new" not in run.path.read_text()


def test_a_no_to_an_approval_still_ends_the_run(tmp_path: Path) -> None:
    run = run_of(tmp_path, "rye", "300")
    run.front.refuse = lambda approval: True
    with pytest.raises(Declined):
        run.engine.run()


def test_an_advanced_answer_can_be_changed_by_name(tmp_path: Path) -> None:
    class Deep(Dough):
        questions = (*Dough.questions, Question("rest", "How long?", INTEGER, default=3, advanced=True))

    run = Run(tmp_path, Deep(), Loaf(), front=Front("rye", "300", Revise("dough", "rest"), "5", *FIRST[2:]))
    run.engine.run()
    assert run.state.answers["dough"]["rest"] == 5 and run.front.revisions[0].before == "3"


def test_what_is_made_of_what_is_made_of_it_follows_too() -> None:
    class Chain(Loaf):
        questions = (
            Question("a", "A?", NAME, follows=("dough.flour",)), Question("b", "B?", NAME, follows=("loaf.a",)),
            Question("c", "C?", NAME),
        )  # fmt: skip

    before = {"dough": {"flour": "rye"}, "loaf": {"a": "x", "b": "y", "c": "z"}}
    found = following([Dough(), Chain()], before, {**before, "dough": {"flour": "oat"}}, "dough.flour")
    assert list(found.made) == [("loaf", "a"), ("loaf", "b")]
