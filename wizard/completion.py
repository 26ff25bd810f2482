"""Completions for bash, zsh and fish, made by shtab from the command line itself.

Names of clusters and Pis are asked for when TAB is pressed, by `homelab completion --list`, which reads states only.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SHELLS = ("bash", "zsh", "fish")
LISTS = ("clusters", "nodes", "addresses")

# What stands behind an option or in a place, by its name in the namespace.
FILES = frozenset({"state", "answers", "file", "what", "passphrase_file", "backup", "calendar", "bundle"})
FOLDERS = frozenset({"path"})
ASKED = {"cluster": "clusters", "node": "nodes", "skip": "addresses"}
FREE = frozenset((  # nothing here tells what these may be
    "to", "ca_hash", "uid", "allow", "confirm", "addresses", "passphrase_env", "app", "service", "image", "port",
    "data", "chart", "version", "backend", "name", "host", "size", "storage",
))  # fmt: skip


def script(parser: argparse.ArgumentParser, shell: str, words: Mapping[str, Sequence[str]]) -> str:
    """The completions of `parser` for `shell`. `words` are what may stand behind an option: ``{"until": steps}``."""
    import shtab

    for action in actions(parser):
        if action.dest in words:
            action.choices = words[action.dest]
        elif action.dest in FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.dest in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.dest in ASKED:
            asked = f"{parser.prog} completion --list {ASKED[action.dest]} 2>/dev/null"
            action.complete = shtab.cmd(asked)  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell))


def actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every option and place of `parser` and of its commands that wants a word."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in dict.fromkeys(action.choices.values()):
                yield from actions(below)
        elif action.nargs != 0 and action.help is not argparse.SUPPRESS:
            yield action


def names(what: str) -> list[str]:
    """The clusters that this computer remembers, or the names or addresses of their Pis. A strange state has none."""
    from wizard import opening

    known = opening.clusters()
    if what == "clusters":
        return known
    pis = [pi for cluster in known for pi in _machines(cluster).items()]
    found = (address if what == "addresses" else seen.get("hostname") for address, seen in pis)
    return sorted({str(name) for name in found if name})


def _machines(cluster: str) -> dict[str, dict[str, Any]]:
    from wizard import state, yamllines

    try:
        documents = yamllines.documents(state.path_for(cluster).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    data = documents[0].data if documents else None
    evidence = data.get("evidence") if isinstance(data, dict) else None
    machines = evidence.get("machines") if isinstance(evidence, dict) else None
    if not isinstance(machines, dict):
        return {}
    return {str(address): seen for address, seen in machines.items() if isinstance(seen, dict)}
