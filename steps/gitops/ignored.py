"""Which files Flux leaves out: those of its own list, and those that `.sourceignore` names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

ALWAYS = (  # source-controller's own list, as far as it can be YAML
    ".git/", ".gitmodules", ".gitattributes", ".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml",
    "appveyor.yml", ".drone.yml", "cloudbuild.yaml", "codeship-services.yml", "codeship-steps.yml", ".goreleaser.yml",
    ".sops.yaml", ".flux.yaml",
)  # fmt: skip


def matcher(files: Mapping[str, str]) -> Callable[[str], bool]:
    """Tells whether Flux leaves out a path. Every `.sourceignore` counts for its own folder."""
    rules = [("", line) for line in ALWAYS]
    for name in sorted(files):
        if posixpath.basename(name) == ".sourceignore":
            rules += [(posixpath.dirname(name), line) for line in files[name].splitlines()]
    return lines(rules)


def lines(rules: Iterable[tuple[str, str]]) -> Callable[[str], bool]:
    """The same for lines as in .gitignore, each with the folder that it is for. The last one that fits counts."""
    known = [(folder, *_pattern(line)) for folder, line in rules if line.strip() and not line.startswith("#")]

    @lru_cache(maxsize=4096)
    def left_out(path: str) -> bool:
        found = False
        for folder, pattern, keeps in known:
            begin = f"{folder}/" if folder else ""
            if path.startswith(begin) and pattern.match(path[len(begin) :]):
                found = not keeps
        return found

    return left_out


def _pattern(line: str) -> tuple[re.Pattern[str], bool]:
    line = line.rstrip()
    keeps = line.startswith("!")
    line = line.removeprefix("!")
    anchored = "/" in line.rstrip("/")
    body = line.strip("/")
    made = "".join(_REPLACED.get(part, re.escape(part)) for part in re.split(r"(\*\*/|/\*\*|\*\*|\*|\?)", body) if part)
    end = r"/.*" if line.endswith("/") else r"(/.*)?"
    return re.compile(f"{'' if anchored else '(.*/)?'}{made}{end}$"), keeps


_REPLACED = {"**/": "(.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
