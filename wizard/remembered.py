"""What the state remembers, as sections of a status: the journey, what is known, backups, and what ends when. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from wizard import validity
from wizard.report import moment
from wizard.state import State
from wizard.status import Row, Section, Status
from wizard.step import AnyStep


def status(state: State, order: Sequence[AnyStep], go_on: str, today: date | None = None) -> Status:
    """Everything that this computer knows of the cluster without asking it."""
    left = [step for step in order if step.name not in state.done]
    return Status(
        state.cluster, tuple(sections(state, order, today or datetime.now(UTC).date())), str(state.path),
        next_step=left[0].title if left else "", next_name=left[0].name if left else "", go_on=go_on,
    )  # fmt: skip


def sections(state: State, order: Sequence[AnyStep], today: date) -> list[Section]:
    found = [
        Section("journey", "Steps", tuple(journey(state, order))),
        Section("known", "Known", tuple(known(state))),
        Section("ends", "What ends when", tuple(ends(state, today))),
        Section("backups", "Copies", tuple(backups(state))),
    ]
    return [section for section in found if section.rows]


def journey(state: State, order: Sequence[AnyStep]) -> list[Row]:
    """Each step with the time at which it was last seen done; one row once all are."""
    if order and all(step.name in state.done for step in order):
        last = max(state.done[step.name] for step in order)
        return [Row("good", "journey", f"all {len(order)} steps done, the last one {moment(last)}")]
    return [
        Row("good", step.name, f"done {moment(state.done[step.name])}") if step.name in state.done
        else Row("warn", step.name, f"skipped by you, {moment(state.skipped[step.name])}") if step.name in state.skipped
        else Row("note", step.name, "not done yet")
        for step in order
    ]  # fmt: skip


def known(state: State) -> list[Row]:
    """Who the Pis are, which cluster it is, and the commit that was pushed last."""
    rows = [
        Row("note", f"node {seen.get('hostname', address)}", str(address))
        for address, seen in (state.recall("machines") or {}).items() if isinstance(seen, Mapping)
    ]  # fmt: skip
    for label, path in (("cluster UID", ("cluster", "uid")), ("last commit", ("repository", "commit"))):
        if value := state.recall(*path):
            rows.append(Row("note", label, str(value)))
    return rows


def ends(state: State, today: date) -> list[Row]:
    """Certificates of the control planes, keys to the tailnet and the token for names, as last seen."""
    keys = [*validity.tailnet_keys(state, today), *validity.token_for_names(state, today)]
    return [*validity.certificates(state, today, moment), *keys]


def backups(state: State) -> list[Row]:
    return [*_age_key(state), *_snapshots(state), *_backup(state, datetime.now(UTC))]


def _age_key(state: State) -> list[Row]:
    """Where the copy of the key is that opens the repository's secrets."""
    if not state.recall("repository", "age_recipient"):
        return []
    copy = state.recall("repository", "age_key_copy")
    if not isinstance(copy, Mapping):
        fix = "Name a place as repository.age_key_copy in an answers file: without the key nobody opens the secrets."
        return [Row("warn", "age key's copy", "none", fix)]
    return [Row("good", "age key's copy", f"{copy.get('file')}, {moment(str(copy.get('at')))}")]


def _snapshots(state: State) -> list[Row]:
    """The snapshots of etcd that were seen to arrive; later ones of the timer are only on the Pis."""
    rows = []
    for address, seen in (state.recall("snapshots") or {}).items():
        try:
            at = moment(datetime.fromtimestamp(float(seen["time"]), UTC).isoformat())
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        host = state.recall("machines", address, "hostname") or address
        also = f", also {seen['also']}" if seen.get("also") else ", nowhere else"
        rows.append(Row("good" if seen.get("also") else "warn", "etcd snapshot seen", f"{at} on {host}{also}"))
    return rows


OLD = 30  # days after which a backup is worth a warning


def _backup(state: State, now: datetime) -> list[Row]:
    """How old the newest file of `homelab backup` is; a cluster without one is told how to make one."""
    if not state.recall("cluster", "uid"):
        return []
    seen, fix = state.recall("backup"), "Make one, and keep it away from here: homelab backup FILE"
    try:
        days = (now - datetime.fromisoformat(str(seen["at"]))).days
    except (TypeError, KeyError, ValueError):
        return [Row("warn", "backup", "none", fix)]
    age = "today" if days < 1 else f"{days} day{'' if days == 1 else 's'} old"
    rest = "" if seen.get("etcd") else ", without the cluster's data"
    text = f"{moment(str(seen['at']))} ({age}) in {seen.get('file')}{rest}"
    return [Row("warn", "backup", text, fix) if days >= OLD or rest else Row("good", "backup", text)]
