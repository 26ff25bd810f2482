"""Prints the table of docs/doctor.md out of assets/why/causes.yaml.

    python -m tools.doctor_table

tests/test_docs.py holds that every line of it is in the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from steps.why.finding import Words, catalogue
from wizard import assets

_COMMANDS = ("kubectl", "flux ", "cmctl", "homelab ")


def lines() -> Iterator[str]:
    """Every line of the table, with a heading for each part of the file."""
    for line in assets.text("why/causes.yaml").splitlines():
        if part := re.match(r"# -- (.+?) -+$", line):
            yield from ("", f"### {_upper(part[1])}", "", "| code | what it means | what to do |", "|---|---|---|")
        elif code := re.match(r"([a-z]+(?:-[a-z]+)*):$", line):
            yield row(code[1], catalogue()[code[1]])


def row(code: str, words: Words) -> str:
    """One code as people read it: what is filled in later is an ellipsis."""
    fix = _plain(words.fix)
    fix = fix if fix.startswith(_COMMANDS) else _upper(fix)
    end = "" if fix.startswith(_COMMANDS) or fix.endswith((".", "?")) else "."
    return f"| `{code}` | {_upper(_plain(words.means))}. | {fix}{end} |"


def _plain(text: str) -> str:
    without = re.sub(r"^\{(about|name|node)\}: ", "", text)
    return re.sub(r"\{[a-z]+\}", "…", without).replace("|", "\\|")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    print("\n".join(lines()))
