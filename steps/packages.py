"""Packages of a node: signed repositories with pinned keys, pinned and held versions, and a busy package system."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from steps import ops
from steps.facts import NodeFacts
from steps.openpgp import Key, keys, readable
from wizard.context import Context
from wizard.errors import Blocked, TrustError, WizardError
from wizard.step import Change
from wizard.wait import until

UNIT = "homelab-apt"  # installations run as this systemd unit
LOCK_SECONDS = 1200.0  # a Pi's first unattended upgrade may well take a quarter of an hour


@dataclass(frozen=True)
class Repository:
    """A signed apt repository. `suite` is ``/`` where the packages lie flat in the folder `uri`.

    With a `package`, `suite` is taken only if it has that package, or else the first of `older` that has.
    """

    name: str  # of its files: homelab-NAME.sources
    title: str
    uri: str
    suite: str
    components: str
    key_url: str
    fingerprint: str  # the pinned key
    package: str = ""
    older: tuple[str, ...] = ()

    @property
    def sources_path(self) -> str:
        return f"/etc/apt/sources.list.d/homelab-{self.name}.sources"

    @property
    def keyring_path(self) -> str:
        return f"/etc/apt/keyrings/homelab-{self.name}.gpg"

    @property
    def suites(self) -> tuple[str, ...]:
        return (self.suite, *self.older)

    def sources(self, arch: str, suite: str = "") -> str:
        """The text of its sources file."""
        lines = ["# Written by homelab.", "Types: deb", f"URIs: {self.uri}", f"Suites: {suite or self.suite}"]
        lines += [f"Components: {self.components}"] if self.components else []
        return "\n".join([*lines, f"Architectures: {arch}", f"Signed-By: {self.keyring_path}"])


def trusted(repository: Repository, own_key: bytes) -> tuple[str, ...]:
    """The fingerprints that may sign: those of the person's own key file when there is one, else the pinned one."""
    return tuple(key.fingerprint for key in keys(own_key)) if own_key else (repository.fingerprint,)


def repository_changes(step: str, repository: Repository, facts: NodeFacts, own_key: bytes = b"") -> list[Change]:
    """What is left to do so that apt knows `repository` and trusts its key, and only that one. Pure.

    `own_key` is the content of a key file from the workstation, which then is what is trusted.
    """
    wanted = trusted(repository, own_key)
    right = [repository.sources(facts.arch, suite) for suite in repository.suites]
    there = _keyring(facts, repository)
    ended = any(key.ends and key.ends <= facts.clock_unix for key in there)
    known = tuple(key.fingerprint for key in there) == wanted and facts.files.get(repository.sources_path) in right
    if known and not ended:
        return []

    def do(ctx: Context) -> None:
        found = keys(own_key) if own_key else [_fetch(ctx, facts.address, repository)]
        for key in found:
            _refuse_ended(key, facts.clock_unix, repository, host=ctx.name_of(facts.address), own=bool(own_key))
        ops.write_keyring(ctx, facts.address, repository.keyring_path, b"".join(key.data for key in found))
        suite = _published(ctx, facts, repository) if repository.package else repository.suite
        ops.write_file(ctx, facts.address, repository.sources_path, repository.sources(facts.arch, suite))

    def undo(ctx: Context) -> None:
        ops.remove(ctx, facts.address, repository.sources_path, repository.keyring_path)

    name = f"{step}/repository-{repository.name}"
    if known:
        sentence = f"put in the key of the packages of {repository.title} anew: the copy of it that is there has ended"
        return [Change(name, sentence, do, facts.address)]
    sentence = f"add the package repository of {repository.title}, signed by the key {readable(wanted[0])}"
    return [Change(name, sentence, do, facts.address, undo)]


def installed(facts: NodeFacts, repository: Repository) -> tuple[str, ...]:
    """The fingerprints in the repository's keyring on the node; empty when there is none or it can't be read."""
    return tuple(key.fingerprint for key in _keyring(facts, repository))


def _keyring(facts: NodeFacts, repository: Repository) -> list[Key]:
    try:
        return keys(base64.b64decode(facts.keyrings.get(repository.keyring_path, "")))
    except ValueError:
        return []


def _refuse_ended(key: Key, now: float, repository: Repository, *, host: str, own: bool) -> None:
    """Raises `Blocked` for a key that apt on the node would refuse. `now` is the node's own clock."""
    if not key.ends or key.ends > now:
        return
    where = "The one in apt_key_file is no other." if own else f"The one at {repository.key_url} is no other."
    raise Blocked(
        f"The key that signs the packages of {repository.title} ended on {_day(key.ends)}.",
        f"{where} By this Pi's clock it is {_day(now)}, and apt refuses what is signed by it.",
        "Export the key that its owner has renewed into that file." if own else
        "Its owner hands out the same key with a later end, as a rule within days: run the same command again then.",
        host=host,
    )  # fmt: skip


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _fetch(ctx: Context, address: str, repository: Repository) -> Key:
    """The repository's key, fetched by the node and checked here. Raises `TrustError` for any other key."""
    said = ops.run(ctx, address, f"prepare/fetch-key-{repository.name}", repository.key_url, source="prepare/fetch-key")
    try:
        found = keys(base64.b64decode(said.out))
    except ValueError as error:
        raise WizardError(
            f"There is no signing key at {repository.key_url}.", f"What came from there is something else: {error}.",
            "A web filter or a captive portal may answer instead; try again in another network.",
            host=ctx.name_of(address),
        ) from None  # fmt: skip
    for key in found:
        if key.fingerprint == repository.fingerprint:
            return key
    raise TrustError(
        f"The key of {repository.title}'s packages is not the expected one.",
        f"{repository.key_url} is {readable(found[0].fingerprint)}; pinned is {readable(repository.fingerprint)}.",
        "Nothing was installed. With a mirror of your own, give its key with apt_key_file.", host=ctx.name_of(address),
    )  # fmt: skip


def _published(ctx: Context, facts: NodeFacts, repository: Repository) -> str:
    """The first suite that has the repository's package, looked up by the node. Raises `Blocked` when none has."""
    package, suites = repository.package, repository.suites
    said = ops.run(
        ctx, facts.address, "prepare/suite", repository.uri, repository.components, facts.arch, package, *suites
    ).out.strip()
    if said in suites:
        return said
    raise Blocked(
        f"{repository.uri} has no package {package} for this system ({facts.os_id} {facts.os_codename}).",
        f"Looked for it in: {', '.join(suites)}.",
        "Name a repository that has it with containerd_apt, or write a system to the card that has been out longer.",
        host=ctx.name_of(facts.address),
    )  # fmt: skip


def version(text: str) -> tuple[int, ...]:
    """The numbers at the front of a package's version: ``2.2.4-1~debian.12~bookworm`` is (2, 2, 4)."""
    upstream = text.rpartition(":")[2].partition("-")[0].partition("~")[0]
    return tuple(int(number) for number in re.findall(r"\d+", upstream))


def install(ctx: Context, address: str, names: Sequence[str]) -> None:
    """Installs packages (``NAME`` or ``NAME=VERSION``), as a unit of its own that a lost connection doesn't stop."""
    wait_until_free(ctx, address)
    ops.detached(ctx, address, UNIT, "prepare/packages", *names)


def mend(ctx: Context, address: str) -> None:
    """Finishes what a killed installation left."""
    wait_until_free(ctx, address)
    ops.detached(ctx, address, UNIT, "prepare/dpkg")


def wait_until_free(ctx: Context, address: str) -> None:
    """Waits while something else uses apt or dpkg; the error names it."""
    holder = ""

    def free() -> bool:
        nonlocal holder
        holder = ops.run(ctx, address, "prepare/apt-lock").out.strip().partition("\n")[0]
        return not holder

    until(
        ctx, "the package system to be free", free, deadline=LOCK_SECONDS, every=3.0, host=address,
        why=lambda: f"It is used by process {holder}.",
        fix="Wait until the system's own updates have finished, or reboot this Pi, and run the same command again.",
    )  # fmt: skip
