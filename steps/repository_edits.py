"""What a person and homelab changed, each in another way: shown as a diff, and asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from steps.gitops.merge import Conflict
from wizard.context import Context
from wizard.errors import Blocked
from wizard.question import CHOICE, Answers, Choice, Kind, Question, list_of

MINE, HOMELAB = "mine", "homelab"
_SHOWN = "repository/conflicts"  # in ctx.scratch: those that the question is about
NAME = "repository.edits"


def _parse(raw: object) -> str | list[str]:
    parts = [part.strip() for part in raw.split(",") if part.strip()] if isinstance(raw, str) else raw
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError(
            f"this must be {MINE}, {HOMELAB}, or a list such as [infrastructure/x.yaml#Service/x.spec.type]"
        )
    marked = [part for part in parts if part != MINE]
    if HOMELAB in marked and len(marked) > 1:
        raise ValueError(f"{HOMELAB} stands for all of them, so it stands alone")
    return HOMELAB if HOMELAB in marked else marked or MINE


EDITS = Kind(
    list_of(CHOICE).name, _parse, lambda value: value if isinstance(value, str) else ", ".join(value), "many",
    {"anyOf": [{"enum": [MINE, HOMELAB]}, {"type": "array", "items": {"type": "string"}}]},
)  # fmt: skip
_REST = Choice(MINE, "what is not marked", "stays as you wrote it", chosen=True)
QUESTION = Question(
    "edits", "What of this shall be as homelab writes it?", EDITS, required=False, advanced=True,
    choices=lambda ctx: [_REST, *(_choice(one) for one in ctx.scratch.get(_SHOWN, ()))],
    help=f"Asked only when you and homelab changed the same thing. {MINE}: all stays as you wrote it; {HOMELAB}: all is"
    " as homelab writes it; or a list of FILE#WAY, for which homelab's is taken.",
)  # fmt: skip


def _choice(conflict: Conflict) -> Choice:
    label = f"{conflict.file} {conflict.way}".rstrip()
    if conflict.reason or not conflict.way:
        return Choice(conflict.key, label, conflict.reason or "the whole file")
    yours, ours = (" ".join(text.split()) or "nothing" for text in (conflict.theirs, conflict.wanted))
    return Choice(conflict.key, label, f"yours: {yours}; homelab's: {ours}")


def decision(answers: Answers) -> Callable[[Conflict], bool] | None:
    """Whether homelab's side of a conflict is taken; None as long as nobody has decided."""
    given = answers["repository"].get(QUESTION.key)
    if not given:
        return None
    return lambda conflict: given == HOMELAB or (isinstance(given, list) and conflict.key in given)


def decided(ctx: Context) -> None:
    """The decision is carried out: another conflict is another question."""
    if ctx.answers["repository"].get(QUESTION.key):
        ctx.keep("repository", QUESTION.key, None)


def hidden(conflict: Conflict) -> Conflict:
    """Without the texts, which are secret."""
    return replace(conflict, theirs="", wanted="", reason="It is encrypted and not shown.")


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def stop(ctx: Context, conflicts: Sequence[Conflict]) -> Blocked:
    """The error that names all of them and what to answer; the diff is shown before."""
    ctx.scratch[_SHOWN] = tuple(conflicts)
    legend = "- as it is in the repository, + as homelab would write it"
    ctx.note("Changed by hand", "\n\n".join([legend, *(one.diff() for one in conflicts)]))
    names = ", ".join(one.key for one in conflicts)
    places = counted(len(conflicts), "place")
    error = Blocked(
        f"{places} in the repository changed by hand would have to change here as well: {names}.",
        "Nothing is overwritten.",
        f"Try again to choose, or answer {NAME}: {MINE}, and all stays as you wrote it; {HOMELAB}, and all becomes as"
        f" homelab writes it; or a list of what shall become so: [{names}].",
    )
    error.answers = (NAME,)
    return error
