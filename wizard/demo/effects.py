"""What a script does to a simulated Pi, as `assets/machines/effects.yaml` says it (format: README.md beside it)."""

from __future__ import annotations

import base64
import fnmatch
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from wizard import assets, yamlfile
from wizard.errors import WizardError

_PLACE = re.compile(
    r"\{(arg\d|args|list-of-args|stdin|now|uuid|token|host-key|address|mac"
    r"|(?:section|base64|packages|version|api) [^{}]+)\}"
)
_READING = frozenset({"when", "seconds", "lines", "out", "code"})


@dataclass(frozen=True)
class Effect:
    """One thing that a script does, in the order of the fields."""

    when: Mapping[str, str] = field(default_factory=dict)  # section -> text in it; "!text": not in it; "": empty
    seconds: float = 0.0
    lines: Sequence[str] = ()
    set: Mapping[str, str] = field(default_factory=dict)
    append: Mapping[str, str] = field(default_factory=dict)
    sub: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # section -> pattern -> replacement
    remove: Sequence[str] = ()
    restore: Sequence[str] = ()  # sections as they were at the start; "*" at the end of a name stands for anything
    cluster: Sequence[Mapping[str, Any]] = ()
    tailnet: str = ""
    out: str = ""
    code: int = 0

    @property
    def writes(self) -> bool:
        """Whether anything but the output comes of it."""
        return bool(self.set or self.append or self.sub or self.remove or self.restore or self.cluster or self.tailnet)


@cache
def table() -> Mapping[str, tuple[Effect, ...]]:
    """Every known script. Raises `WizardError` naming the entry that has another shape."""
    found: dict[str, tuple[Effect, ...]] = {}
    for name, raw in yamlfile.load(assets.text("machines/effects.yaml")).items():
        entries = raw if isinstance(raw, list) else [raw or {}]
        try:
            found[name] = tuple(Effect(**entry) for entry in entries)
        except TypeError as error:
            raise WizardError(f"assets/machines/effects.yaml: {name} can't be read.", f"{error}.") from None
    return found


def of(script: str) -> tuple[Effect, ...]:
    """The effects of `script`. Raises `WizardError` for one that nobody described: a demo must not pretend."""
    try:
        return table()[script]
    except KeyError:
        raise WizardError(
            f"The demo does not know what the script {script!r} does.", "",
            "Describe it in assets/machines/effects.yaml; the README.md there says how.",
        ) from None  # fmt: skip


@dataclass
class Filling:
    """What the placeholders of one run stand for."""

    sections: Mapping[str, str]
    address: str
    mac: str
    args: Sequence[str] = ()
    stdin: str = ""
    api: Callable[[str], Any] = lambda path: None  # what the simulated Kubernetes API has at a path

    def text(self, template: str) -> str:
        return _PLACE.sub(lambda match: self._one(match[1]), template)

    def tree(self, value: Any) -> Any:
        """`value` with every text in it filled, keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.tree(item) for key, item in value.items()}
        return [self.tree(item) for item in value] if isinstance(value, list) else value

    def _one(self, name: str) -> str:
        word, _, rest = name.partition(" ")
        if word in ("section", "base64"):
            text = self.sections.get(rest, "").strip("\n")
            return text if word == "section" else base64.b64encode(text.encode()).decode()
        if word == "packages":
            return self._packages(rest)
        if word == "version":
            return self._version(rest)
        if word == "api":
            return json.dumps(self.api(rest) or {})
        if name == "args":
            return " ".join(self.args)
        if name == "list-of-args":
            return json.dumps(list(self.args))
        if name.startswith("arg"):
            number = int(name.removeprefix("arg"))
            return self.args[number - 1] if 0 < number <= len(self.args) else ""
        made = {
            "stdin": lambda: self.stdin, "address": lambda: self.address, "mac": lambda: self.mac,
            "now": lambda: f"{time.time():.9f}", "uuid": lambda: str(uuid.uuid4()), "token": lambda: uuid.uuid4().hex,
            "host-key": _new_host_key,
        }  # fmt: skip
        return made[name]()

    def _version(self, package: str) -> str:
        """The installed version of `package` without its revision, from the newest line of dpkg-query about it."""
        found = re.findall(rf"^{re.escape(package)} ([^ -]+)", self.sections.get("packages", ""), re.MULTILINE)
        return found[-1] if found else ""

    def _packages(self, version: str) -> str:
        """The arguments ``NAME=VERSION`` or ``NAME`` as lines of dpkg-query, `version` for those without one."""
        wanted = [word.partition("=") for word in self.args[2:]]  # a unit and a digest come first
        return "".join(f"{name} {own or version} ii \n" for name, _, own in wanted)


def _new_host_key() -> str:
    """A line such as ssh-keygen writes into a .pub file; nobody has the private key."""
    blob = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00 " + uuid.uuid4().bytes + uuid.uuid4().bytes
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def applies(effect: Effect, sections: Mapping[str, str], args: Sequence[str] = ()) -> bool:
    """Whether every condition in `when` holds now."""
    now = {**sections, "args": " ".join(args)}
    return all(_holds(now.get(name, ""), wanted) for name, wanted in effect.when.items())


def _holds(text: str, wanted: str) -> bool:
    if not wanted:
        return not text.strip()
    return wanted[1:] not in text if wanted.startswith("!") else wanted in text


def change(effect: Effect, sections: dict[str, str], filling: Filling, start: Mapping[str, str] | None = None) -> None:
    """Carries `effect` out on `sections`, which were `start` once."""
    for name, text in effect.set.items():
        sections[filling.text(name)] = filling.text(text)
    for name, text in effect.append.items():
        name, before = filling.text(name), sections.get(filling.text(name), "")
        sections[name] = before + ("\n" if before and not before.endswith("\n") else "") + filling.text(text)
    for name, pairs in effect.sub.items():
        for pattern, replacement in pairs.items():
            if name in sections:
                found = re.compile(filling.text(pattern), re.MULTILINE)
                sections[name] = found.sub(filling.text(replacement), sections[name])
    for name in effect.remove:
        sections.pop(filling.text(name), None)
    for pattern in effect.restore:
        for name in fnmatch.filter({*sections, *(start or {})}, filling.text(pattern)):
            if start and name in start:
                sections[name] = start[name]
            else:
                sections.pop(name, None)
