"""What belongs into the repository, what lies there, and what has to be done about the difference."""

from __future__ import annotations

import difflib
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from steps import domains, nodes
from steps import repository_access as access
from steps.gitops import components
from steps.gitops.checks import leaks
from steps.gitops.forge import forge_of
from steps.gitops.render import fill_secret, render, secret_files
from steps.gitops.settings import Settings, from_answers
from steps.gitops.tree import Finding
from steps.gitops.validate import errors, validate
from steps.repository_questions import provider
from wizard import sops, yamlfile
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.repo import GONE, Author, Repo
from wizard.secret import Secret

AUTHOR = Author("homelab-wizard", "homelab-wizard@homelab.invalid")
WORD = "apps/hello/word.sops.yaml"
YIELDING = frozenset(
    {"README.md", ".gitattributes", "renovate.json", ".gitlab-ci.yml"}
)  # when a person has one of his own, it stays


@dataclass(frozen=True)
class Difference:
    """Paths to write, to take away, and those that a person has changed since, too."""

    write: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


def blob_id(text: str) -> str:
    """git's name for this content."""
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def compare(
    wanted: Mapping[str, str], now: Mapping[str, str], last: Mapping[str, str], sealed: Mapping[str, bool]
) -> Difference:
    """The difference, each side as path -> content id. Pure.

    `wanted` is what is rendered, `now` what lies there, `last` what this program wrote last (`GONE`: took away),
    `sealed` the encrypted files and whether they hold what they must. What only the person changed stays as it is.
    """
    write: list[str] = []
    gone: list[str] = []
    conflicts: list[str] = []
    for path, new in wanted.items():
        old, ours = now.get(path, GONE), last.get(path, GONE)
        if old == new:
            continue
        if old == ours:
            write.append(path)
        elif new != ours and path not in YIELDING:
            conflicts.append(path)
    for path, good in sealed.items():
        if not good:
            untouched = now.get(path, GONE) == last.get(path, GONE)
            (write if untouched else conflicts).append(path)
    for path, ours in last.items():
        if ours != GONE and path not in wanted and path not in sealed and path in now:
            (gone if now[path] == ours else conflicts).append(path)
    return Difference(tuple(sorted(write)), tuple(sorted(gone)), tuple(sorted(conflicts)))


def settings(ctx: Context) -> Settings:
    """What to render. The age key's recipient is empty as long as there is no key."""
    recipient = str(ctx.state.recall("repository", "age_recipient") or "")
    names = nodes.hostnames(ctx)
    made = from_answers(
        ctx.answers, cluster=ctx.state.cluster, age_recipient=recipient, names=names,
        acme_ca=domains.authority(ctx.answers),
    )  # fmt: skip
    url, where = access.address(ctx), provider(ctx.answers["repository"])
    return replace(made, git_url=url, forge=forge_of(url, "" if where == "git" else where))


def word(ctx: Context) -> str:
    """The word by which the proof recognises this cluster; empty as long as none was made up."""
    return str(ctx.state.recall("proof", "nonce") or "")


@dataclass(frozen=True)
class Content:
    """The repository as it must be and as it is at `base` (None: empty)."""

    ctx: Context
    repo: Repo
    base: str | None
    settings: Settings

    @cached_property
    def rendered(self) -> dict[str, str]:
        return render(self.settings)

    @cached_property
    def now(self) -> dict[str, str]:
        return self.repo.files(self.base) if self.base else {}

    @cached_property
    def last(self) -> dict[str, str]:
        return self.repo.last_written(AUTHOR, self.base) if self.base else {}

    def difference(self) -> Difference:
        sealed = {path: self._holds(path, self.now.get(path)) for path in secret_files(self.settings)}
        wanted = {path: blob_id(text) for path, text in self.rendered.items()}
        return compare(wanted, self.now, self.last, sealed)

    # -- secrets -------------------------------------------------------------------------------------------

    def _opened(self, path: str, blob: str | None) -> dict[str, Any] | None:
        if blob is None:
            return None
        key = self.ctx.state.path.parent / "age.key"
        plain = sops.decrypt(self.ctx.world, path, self.repo.read(blob), key)
        try:
            values = yamlfile.load(plain)["stringData"] if plain else None
        except (ValueError, KeyError, TypeError):
            return None
        for value in (values or {}).values():
            Secret(str(value))  # masked from here on, wherever it may turn up
        return values if isinstance(values, dict) else None

    def _holds(self, path: str, blob: str | None) -> bool:
        """Whether the encrypted file opens with our key and holds what it must."""
        values = self._opened(path, blob)
        if values is None:
            return False
        given = self._given(path)
        return all(values.get(key) for key in _keys(path, self.settings)) and all(
            values.get(key) == secret.reveal() for key, secret in given.items()
        )

    def _given(self, path: str) -> dict[str, Secret]:
        """The values of that file that are known beforehand; all others are made up once."""
        if path.endswith("/token.sops.yaml"):
            return {"token": domains.token(self.ctx)}
        if path == WORD:
            return {"word": Secret(word(self.ctx))}
        return {}

    def seal(self, path: str, config: str) -> str:
        """The encrypted file at `path`: given secrets, values that are there already, and new ones."""
        template = secret_files(self.settings)[path]
        examples = yamlfile.load(template)["stringData"]
        old = self._opened(path, self.now.get(path)) or {}
        values = {key: old.get(key) or _new(key, str(example)) for key, example in examples.items()}
        values |= {key: secret.reveal() for key, secret in self._given(path).items()}
        return sops.encrypt(self.ctx.world, config, path, fill_secret(template, values))

    # -- checking and writing ------------------------------------------------------------------------------

    def edited(self, paths: tuple[str, ...]) -> str:
        """What a person changed and what would be written instead, as a diff. Encrypted files are only named."""
        now, wanted = self.now, self.rendered
        parts: list[str] = []
        for path in paths:
            if components.is_secret(path):
                parts.append(f"{path}: encrypted, not shown")
                continue
            theirs = self.repo.read(now[path]).splitlines() if path in now else []
            ours = wanted.get(path, "").splitlines()
            parts += difflib.unified_diff(theirs, ours, f"{path} (as it is)", f"{path} (homelab)", lineterm="", n=1)
        return "\n".join(parts)

    def write(self) -> str:
        """Writes the difference as one commit on top of `base`; its id, or that of `base` where there is none.

        Raises `Blocked` rather than overwrite.
        """
        difference = self.difference()
        if difference.conflicts:
            raise conflict(difference.conflicts)
        if self.base and not (difference.write or difference.gone):
            return self.base
        rendered, config = self.rendered, self._config()
        sealed = {path: self.seal(path, config) for path in difference.write if components.is_secret(path)}
        kept = {path: self.repo.read(self.now[path]) for path in secret_files(self.settings) if path in self.now}
        refuse(validate({**rendered, **kept, **sealed}))
        files = {path: rendered[path] for path in difference.write if path in rendered} | sealed
        count = counted(len(files) + len(difference.gone), "file")
        message = f"{'Update' if self.base else 'Describe'} the cluster {self.settings.cluster}: {count}\n"
        commit = self.repo.commit(AUTHOR, message, files, difference.gone, self.base)
        self._no_plain_secret(commit)
        return commit

    def _config(self) -> str:
        """The rules for sops as they will be in the repository: a person may have added a key of his own."""
        now, last = self.now.get(".sops.yaml"), self.last.get(".sops.yaml")
        return self.repo.read(now) if now and now != last else self.rendered[".sops.yaml"]

    def _no_plain_secret(self, commit: str) -> None:
        """The last look before a push: no commit on its way may hold a plain Secret."""
        for _, path, blob in self.repo.outgoing(self.base, commit):
            if blob != GONE and any(leaks.leaks(path, self.repo.read(blob))):
                raise WizardError(
                    f"Not pushed: {path} holds a Secret that is not encrypted.", "A push can't be taken back.",
                    "Run the same command again; when it stays so, this is a mistake in homelab.",
                )  # fmt: skip


def _keys(path: str, settings: Settings) -> list[str]:
    return list(yamlfile.load(secret_files(settings)[path])["stringData"])


def _new(key: str, example: str) -> str:
    """A value for `key`: names stay as the template has them, passwords are made up."""
    if not key.endswith(("password", "token")):
        return example
    return Secret(secrets.token_urlsafe(18)).reveal()


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def conflict(paths: tuple[str, ...]) -> Blocked:
    return Blocked(
        f"{counted(len(paths), 'file')} in the repository changed by hand would have to change here as well:"
        f" {', '.join(paths)}.",
        "Nothing is overwritten.",
        "Put your change aside (git log -p FILE shows it), restore the file as homelab wrote it, push, and run the same"
        " command again; or answer so that homelab wants what you wrote.",
    )


def refuse(findings: list[Finding]) -> None:
    """Raises `Blocked` with every mistake, if there is one."""
    if mistakes := errors(findings):
        raise Blocked(
            f"The repository would hold {counted(len(mistakes), 'mistake')}; nothing was pushed.",
            "\n".join(finding.sentence() for finding in mistakes),
            "Correct the answers that lead to this.",
        )
