"""The encrypted files of the repository: what they must hold, and what is there already. Plain text stays in memory."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steps import domains
from steps.gitops.render import fill_secret, secret_files
from steps.gitops.settings import Settings
from wizard import sops, yamlfile
from wizard.context import Context
from wizard.repo import Repo
from wizard.secret import Secret

OF_PROVIDER = "/token.sops.yaml"  # so ends each path where the token of the provider of names lies
WORD = "apps/hello/word.sops.yaml"


def word(ctx: Context) -> str:
    """The word by which the proof recognises this cluster; empty as long as none was made up."""
    return str(ctx.state.recall("proof", "nonce") or "")


@dataclass(frozen=True)
class Vault:
    """Opens, fills and encrypts them with the age key beside the state."""

    ctx: Context
    repo: Repo
    settings: Settings

    def opened(self, path: str, blob: str | None) -> str | None:
        """The plain text of the encrypted file `blob`; None when there is none, or another key is needed."""
        if blob is None:
            return None
        known: dict[str, str | None] = self.ctx.scratch.setdefault("repository/opened", {})
        if blob not in known:  # sops takes its time, and the same is looked at again and again
            key = self.ctx.state.path.parent / "age.key"
            known[blob] = sops.decrypt(self.ctx.world, path, self.repo.read(blob), key)
            for value in _values(known[blob]).values():
                Secret(str(value))  # masked from here on, wherever it may turn up
        return known[blob]

    def holds(self, path: str, plain: str | None) -> bool:
        """Whether the file with the text `plain` holds what it must."""
        values, given = _values(plain), self._given(path)
        return all(values.get(key) for key in self._examples(path)) and all(
            values.get(key) == secret.reveal() for key, secret in given.items()
        )

    def filled(self, path: str, *known: str | None) -> str:
        """The plain text that homelab wants there: given secrets, values that are `known` already, and new ones.

        Raises `Blocked` for a token that was not tried.
        """
        if path.endswith(OF_PROVIDER):
            domains.refuse_unproved(self.ctx)
        old: dict[str, Any] = {}
        for plain in known:
            old |= _values(plain)
        values = {key: old.get(key) or _new(key, str(example)) for key, example in self._examples(path).items()}
        values |= {key: secret.reveal() for key, secret in self._given(path).items()}
        return fill_secret(secret_files(self.settings)[path], values)

    def encrypted(self, path: str, plain: str, config: str) -> str:
        """`plain` for the recipients that `config`, a .sops.yaml, names."""
        return sops.encrypt(self.ctx.world, config, path, plain)

    def _examples(self, path: str) -> Mapping[str, Any]:
        return _values(secret_files(self.settings)[path])

    def _given(self, path: str) -> dict[str, Secret]:
        """The values of that file that are known beforehand; all others are made up once."""
        if path.endswith(OF_PROVIDER):
            return {"token": domains.token(self.ctx)}
        if path == WORD:
            return {"word": Secret(word(self.ctx))}
        return {}


def _values(plain: str | None) -> dict[str, Any]:
    try:
        values = yamlfile.load(plain)["stringData"] if plain else None
    except (ValueError, KeyError, TypeError):
        return {}
    return values if isinstance(values, dict) else {}


def _new(key: str, example: str) -> str:
    """A value for `key`: names stay as the template has them, passwords are made up."""
    if not key.endswith(("password", "token")):
        return example
    return Secret(secrets.token_urlsafe(18)).reveal()
