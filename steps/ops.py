"""What steps do on a Pi, each by a script of `assets/node`: files written whole, long work that nothing cuts off."""

from __future__ import annotations

import base64
import hashlib
import re

from steps import node_words, nodes
from wizard import assets
from wizard.context import Context
from wizard.errors import CommandFailed
from wizard.host.base import Result, Script

_INCLUDE = re.compile(r"^\. ([a-z/-]+\.sh)$", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NOTABLE = re.compile(
    r"^(Get:\d+|Fetched|Unpacking|Setting up|Preparing|Processing|\[[a-z-]+(/[a-z-]+)?\])|^waiting for ", re.ASCII
)


def text(name: str) -> str:
    """The script ``assets/node/NAME.sh``, with the text of another where a line says ``. OTHER.sh``."""
    return _INCLUDE.sub(lambda line: text(line[1].removesuffix(".sh")), assets.text(f"node/{name}.sh"))


def run(
    ctx: Context,
    address: str,
    name: str,
    *args: str,
    stdin: bytes = b"",
    timeout: float = 120.0,
    check: bool = True,
    source: str = "",
) -> Result:
    """Runs the script ``assets/node/NAME.sh`` on the host. `args` are visible there: a secret goes into `stdin`.

    `source` is the file to take when it is not called like what it is used for.
    """  # fmt: skip
    script = Script(name, text(source or name), tuple(args), stdin, timeout)
    return nodes.host(ctx, address).run(script, check=check)


def follow(
    ctx: Context, address: str, name: str, *args: str, stdin: bytes = b"", timeout: float = 120.0, check: bool = True
) -> Result:
    """Like `run`, with every line of output in the log and notable ones as progress."""
    return _with_lines(ctx, address, Script(name, text(name), tuple(args), stdin, timeout), check)


def detached(
    ctx: Context, address: str, unit: str, name: str, *args: str, timeout: float = 1800.0, check: bool = True
) -> Result:
    """Like `follow`, as the systemd unit `unit`: a lost connection does not stop it, and it is never begun twice."""
    whole = text(name)
    digest = hashlib.sha256("\0".join([whole, *args]).encode()).hexdigest()[:16]
    script = Script(name, text("detached"), (unit, digest, *args), whole.encode(), timeout)
    return _with_lines(ctx, address, script, check)


def attach(ctx: Context, address: str, unit: str, *, timeout: float = 1800.0) -> Result:
    """Follows what runs as the unit `unit` to its end; returns at once when nothing does."""
    script = Script("attach", text("detached"), (unit, "any"), timeout=timeout)
    return _with_lines(ctx, address, script, True)


def write_file(ctx: Context, address: str, path: str, text: str, mode: str = "0644") -> None:
    """Makes `text` (and a newline at its end) the content of `path`, atomically. Folders are made where missing."""
    body = text if not text or text.endswith("\n") else text + "\n"
    run(ctx, address, "write", path, mode, stdin=body.encode())


def keep_original(ctx: Context, address: str, path: str, text: str, mode: str = "0644") -> None:
    """Writes `text` to `path` unless there is such a file already."""
    run(ctx, address, "write", path, mode, "once", stdin=text.encode())


def write_keyring(ctx: Context, address: str, path: str, data: bytes) -> None:
    """Makes `data` the content of `path`, atomically, readable for all."""
    run(ctx, address, "write_binary", path, "0644", stdin=base64.b64encode(data))


def remove(ctx: Context, address: str, *paths: str) -> None:
    """Removes files; nothing happens where one is not there."""
    run(ctx, address, "remove", *paths)


def _with_lines(ctx: Context, address: str, script: Script, check: bool) -> Result:
    def on_line(raw: str) -> None:
        line = _COLOUR.sub("", raw)
        ctx.line(address, line)
        if _NOTABLE.match(line):
            ctx.progress(address, line[:100])

    try:
        return nodes.host(ctx, address).run(script, on_line=on_line, check=check)
    except CommandFailed as error:
        node_words.explain(error, ctx.name_of(address))
        raise
