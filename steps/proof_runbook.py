"""The proof's table in the repository's runbook: written there once it has become different, by a commit of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from steps import flux
from steps import repository_access as access
from steps.reach.runbook import FILE, Row, Told, rows
from steps.repository_commit import pushed
from steps.repository_content import Content, settings
from wizard.context import Context
from wizard.errors import WizardError
from wizard.repo import Repo
from wizard.step import Change


def place(ctx: Context) -> str:
    """The repository that the runbook lies in, as sentences name it; empty as long as there is none."""
    if not ctx.state.recall("repository", "commit"):
        return ""
    return access.place(access.address(ctx), ctx.answers)


def changes(recorded: Iterable[Mapping[str, Any]], told: Told, where: str) -> list[Change]:
    """The change that makes the runbook say what is recorded; none when only the day is another. Pure."""
    wanted = rows(recorded)
    if not where or wanted == told.rows:
        return []
    sentence = f"write who reaches what into {FILE}, push that to {where}, and let Flux know of it"
    return [Change("proof/runbook", sentence, lambda ctx: _write_and_settle(ctx, wanted))]


def _write_and_settle(ctx: Context, wanted: tuple[Row, ...]) -> None:
    """Without the wait, the step Flux would find the cluster one commit behind at the next run."""
    write(ctx, wanted)
    if flux.kubeconfig(ctx).exists():
        flux.settle(ctx)


def write(ctx: Context, wanted: tuple[Row, ...]) -> None:
    """Writes the table, and nothing else of what the repository may lack. Lines that a person changed stay."""
    before, now = Told.recalled(ctx), Told(wanted, f"{datetime.now(UTC):%Y-%m-%d}")

    def content(repo: Repo, base: str | None) -> Content:
        made = replace(settings(ctx, repo, base), reached=now.rows, measured=now.on)
        return Content(ctx, repo, base, made, only=frozenset({FILE}))

    try:  # remembered before the push: killed in between, the step Repository writes it
        pushed(ctx, content, before=lambda: now.remember(ctx))
    except WizardError:
        before.remember(ctx)
        raise
