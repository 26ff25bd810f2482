"""Documents from readable examples: parts that are kept or left out, tables whose rows are data, example values.

A template is a whole document about an example. Its marks are HTML comments, which nobody sees on a page:

    <!-- with pihole and tailnet -->      up to <!-- end -->: kept when both hold; `without X` is the opposite
    - one line <!-- without tailnet -->   the same for a single line
    <!-- rows nodes -->                   the table below keeps its head, and gets these rows
    <!-- text chart -->                   the fenced block below gets this text
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

Rows = Sequence[Sequence[str]]
_CONDITION = re.compile(r"\s*<!-- (with|without) ([a-z ]+?) -->$")
_FILLED = re.compile(r"<!-- (rows|text) ([a-z ]+) -->$")
_END = "<!-- end -->"


def fill(
    template: str,
    holds: Mapping[str, bool],
    rows: Mapping[str, Rows],
    texts: Mapping[str, str],
    values: Mapping[str, str],
) -> str:
    """The document. Raises `LookupError` for a mark that names something unknown, or that is never ended."""
    lines = iter(_kept(template.splitlines(), holds))
    filled = "\n".join(chain.from_iterable(_filled(line, lines, rows, texts, values) for line in lines))
    return re.sub(r"\n{3,}", "\n\n", filled).strip("\n") + "\n"


def replaced(text: str, values: Mapping[str, str]) -> str:
    """`text` with every example value replaced; where one contains another, the longer one counts."""
    longest_first = sorted(values, key=lambda one: (-len(one), one))
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: values[found[0]], text) if values else text


def table_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") or "–" for cell in cells) + " |"


def _kept(lines: Iterable[str], holds: Mapping[str, bool]) -> Iterator[str]:
    block: bool | None = None  # whether the block that we are in is kept; None outside of one
    for line in lines:
        mark = _CONDITION.search(line)
        begins, ends = mark is not None and mark.start() == 0, line == _END
        if (begins and block is not None) or (ends and block is None):
            raise LookupError(f"a block within another one, or an end without one: {line}")
        if mark and begins:
            block = _holds(mark, holds)
        elif ends:
            block = None
        elif block is not False and (not mark or _holds(mark, holds)):
            yield line[: mark.start()] if mark else line
    if block is not None:
        raise LookupError(f"the last block has no {_END}")


def _holds(mark: re.Match[str], holds: Mapping[str, bool]) -> bool:
    return all(holds[name] for name in mark[2].split(" and ")) == (mark[1] == "with")


def _filled(
    line: str, lines: Iterator[str], rows: Mapping[str, Rows], texts: Mapping[str, str], values: Mapping[str, str]
) -> Iterator[str]:
    mark = _FILLED.fullmatch(line)
    if mark is None:
        yield replaced(line, values)
    elif mark[1] == "rows":
        yield next(lines)
        yield next(lines)
        yield from map(table_row, rows[mark[2]])
        yield from _filled(next((one for one in lines if not one.startswith("|")), ""), lines, rows, texts, values)
    else:
        yield next(lines)
        yield texts[mark[2]].rstrip("\n")
        yield next(one for one in lines if one == "```")
