"""Writes what is left to do in the repository as commits, checked before they are pushed.

Where a person's edits are to be kept there are two: the first says what homelab wants, and is what the next merge
begins with; the second puts the edits back. Both are pushed at once, so that the cluster only ever sees the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from steps import repository_access as access
from steps.gitops.checks import leaks
from steps.gitops.merge import Conflict
from steps.gitops.tree import Finding
from steps.gitops.validate import errors, validate
from steps.repository_content import AUTHOR, Content
from steps.repository_edits import NAME, counted, decision, stop
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.refusals import GitRefused
from wizard.repo import GONE, Author, Repo

KEEPER = Author("homelab-edits", AUTHOR.email)  # another name, or its commits would count as homelab's own wish
Files = Mapping[str, str | None]  # path -> text, None: there is no such file


@dataclass(frozen=True)
class Writer:
    """What `content` differs in, on its way into commits."""

    content: Content
    message: str = ""  # of the commit that says what homelab wants; empty: the usual one
    settled: Callable[[Conflict], bool] = lambda conflict: False  # what stays the person's without a question

    def look(self) -> None:
        """Raises `Blocked` when something has to be decided first, or when the outcome would be wrong."""
        content, difference = self.content, self.content.difference
        unsettled = [one for one in difference.conflicts if not self.settled(one)]
        if unsettled and decision(content.ctx.answers) is None and not content.only:
            raise stop(content.ctx, unsettled)
        outcome: dict[str, str | None] = dict.fromkeys(difference.gone)
        outcome |= {path: content.rendered.get(path) for path in difference.write}
        outcome |= {path: one.merged.text for path, one in difference.both.items()}
        if outcome and not content.sealed & outcome.keys():  # those are checked once they are encrypted
            self.check(outcome)

    def write(self) -> str:
        """Writes the commits on top of `content.base`; the id of the last one, or `base` when nothing is left to do.

        Raises as `look` does.
        """
        self.look()
        content, config = self.content, self._config()
        if content.base and content.difference.empty:
            return content.base
        first, second = self._wanted(config), self._kept(config)
        self.check({**first, **second})
        verb = "Update" if content.base else "Describe"
        message = f"{verb} the cluster {content.settings.cluster}: {counted(len(first), 'file')}\n"
        commit = content.repo.commit(AUTHOR, self.message or message, *split(first), content.base)
        if second:
            commit = self._put_back(second, commit)
        self._no_plain_secret(commit)
        return commit

    def _put_back(self, texts: Files, commit: str) -> str:
        content = self.content
        message = "\n".join(["Keep what was changed by hand", "", *sorted(texts)]) + "\n"
        both = content.difference.both
        back = [path for path in texts if both[path].merged.text == both[path].theirs and path in content.now]
        files, gone = split({path: text for path, text in texts.items() if path not in back})
        return content.repo.commit(KEEPER, message, files, gone, commit, back=back, of=content.base)

    def _wanted(self, config: str) -> dict[str, str | None]:
        """Every file that is to change, as homelab has it."""
        content, difference = self.content, self.content.difference
        made: dict[str, str | None] = dict.fromkeys(difference.gone)
        for path in difference.write:
            if path in content.sealed:
                plain = content.vault.filled(path, content.vault.opened(path, content.now.get(path)))
                made[path] = content.vault.encrypted(path, plain, config)
            else:
                made[path] = content.rendered[path]
        return made | {path: self._sealed(path, one.wanted, config) for path, one in difference.both.items()}

    def _kept(self, config: str) -> dict[str, str | None]:
        """The files that must not stay as homelab has them, as they must be."""
        content = self.content
        made: dict[str, str | None] = {}
        for path, one in content.difference.both.items():
            if one.merged.text == one.theirs:
                made[path] = content.text(path, content.now)
            elif one.merged.text != one.wanted:
                made[path] = self._sealed(path, one.merged.text, config)
        return made

    def _sealed(self, path: str, text: str | None, config: str) -> str | None:
        return self.content.vault.encrypted(path, text, config) if path in self.content.sealed and text else text

    def _config(self) -> str:
        """The rules for sops as they will be in the repository: a person may have added a key of their own."""
        path, content = ".sops.yaml", self.content
        both = content.difference.both.get(path)
        there = None if path in content.difference.write else content.text(path, content.now)
        return (both.merged.text if both else there) or content.rendered[path]

    # -- the last look ---------------------------------------------------------------------------------------

    def check(self, outcome: Files) -> None:
        """Raises `Blocked` for what would be wrong at the head of the branch.

        In files that stay as they are, only what would be wrong anew counts.
        """
        content = self.content
        names = [path for path in content.now if path.endswith((".yaml", ".yml"))]
        there = dict.fromkeys(content.now, "") | content.repo.texts({path: content.now[path] for path in names})
        after = {path: text for path, text in {**there, **outcome}.items() if text is not None}
        found = errors(validate(after, own=False))
        known = {(one.file, one.what) for one in validate(there, own=False)} if found else set()
        changed = {path for path, text in outcome.items() if there.get(path) != text}
        refuse(
            [one for one in found if one.file in changed or (one.file, one.what) not in known],
            "Correct it in the repository, or in the answers that lead to this.",
            again=(NAME,) if decision(content.ctx.answers) else (),
        )

    def _no_plain_secret(self, commit: str) -> None:
        """No commit on its way may hold a plain Secret, what is put back included."""
        content = self.content
        for _, path, blob in content.repo.outgoing(content.base, commit):
            for found in leaks.leaks(path, content.repo.read(blob) if blob != GONE else ""):
                raise WizardError(
                    f"Not pushed: {found.sentence()}", "A push can't be taken back.",
                    "When you have not written it there yourself, this is a mistake in homelab.",
                )  # fmt: skip


def pushed(
    ctx: Context, content: Callable[[Repo, str | None], Content], before: Callable[[], None] = lambda: None
) -> str:
    """Commits what `content` differs in, and lands it; the commit. `before` is done between writing and pushing."""

    def write() -> str:
        repo = access.repo(ctx)
        base = access.heads(ctx).get(repo.branch)
        if base and not repo.has(base):
            repo.fetch()
        ctx.progress(None, "encrypting secrets and checking every file")
        commit = Writer(content(repo, base)).write()
        before()
        return commit

    return land(ctx, write)


def land(ctx: Context, write: Callable[[], str]) -> str:
    """Pushes the commit that `write` makes on top of the branch as it is then; the commit.

    When somebody else is faster, it is written again on top of theirs; nothing is ever forced.
    """
    repo = access.repo(ctx)
    for left in (2, 1, 0):
        commit = write()
        try:
            repo.push(commit)
            break
        except GitRefused as error:
            if error.kind != "moved" or not left:
                raise
            ctx.line(None, f"somebody else has pushed to {repo.branch}: looking again")
    ctx.state.remember("repository", "commit", value=commit)
    ctx.line(None, f"pushed {commit[:12]} to {access.place(repo.url, ctx.answers)}")
    return commit


def split(files: Files) -> tuple[dict[str, str], list[str]]:
    """What is to be written, and what is to be taken away."""
    return {path: text for path, text in files.items() if text is not None}, [p for p, t in files.items() if t is None]


def refuse(
    findings: list[Finding], fix: str = "Correct the answers that lead to this.", again: tuple[str, ...] = ()
) -> None:
    """Raises `Blocked` with every mistake, if there is one. Trying again asks for the answers `again`."""
    if mistakes := errors(findings):
        error = Blocked(
            f"The repository would hold {counted(len(mistakes), 'mistake')}; nothing was pushed.",
            "\n".join(finding.sentence() for finding in mistakes), fix,
        )  # fmt: skip
        error.answers = again
        raise error
