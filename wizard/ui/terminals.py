"""What a terminal can show, as far as its environment tells, and other words for what it can't."""

from __future__ import annotations

import codecs
from collections.abc import Mapping

LINES_ONLY = frozenset({"", "dumb", "unknown", "ansi", "emacs", "network"})  # and vt100 and its like, on serial lines

# What stands for a character where there is only ASCII. A mark keeps its meaning.
ASCII = {
    "✓": "ok", "▶": ">", "·": "-", "…": "...", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'", "•": "*", "⏎": "/",
    "→": "->", "←": "<-", "×": "x", "≥": ">=", "≤": "<=", "│": "|", "─": "-", "✔": "ok", "✗": "x",
}  # fmt: skip


def draws(environment: Mapping[str, str]) -> bool:
    """Whether a full screen can be drawn there."""
    name = environment.get("TERM", "")
    return name not in LINES_ONLY and not name.startswith("vt")


def only_ascii(environment: Mapping[str, str]) -> bool:
    """Whether nothing but ASCII is understood: a locale that says so, or none on a terminal of lines.

    LC_CTYPE tells nothing: without a locale, Python sets it for itself.
    """
    locale = environment.get("LC_ALL") or environment.get("LANG") or ""
    return locale in ("C", "POSIX") or (not locale and "TERM" in environment and not draws(environment))


def in_ascii(text: str) -> str:
    return text.encode("ascii", "homelab-ascii").decode("ascii")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(ASCII.get(each, "?") for each in error.object[error.start : error.end]), error.end


codecs.register_error("homelab-ascii", _replaced)
