"""Web addresses as a person types them: ready for paths to be added, or one sentence about what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

_HOST = re.compile(r"\[[0-9a-fA-F:.]+\]|(?![0-9.]+$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*|(\d{1,3}\.){3}\d{1,3}")


def of(*schemes: str) -> Callable[[str], str]:
    """What reads the address of a server with one of `schemes`, to which paths can be added.

    It raises `ValueError` with one sentence that never quotes what might be a password.
    """
    wanted = f"an address that begins with {' or '.join(s + '://' for s in schemes)}"

    def parse(text: str) -> str:
        if "@" in re.split("[/?#]", text.partition("://")[2])[0]:
            raise ValueError("a user, a password or token must not be part of an address")
        if re.search(r'[\s\\<>"{}|^`]', text):
            raise ValueError(f"{text!r} is not a web address: it holds a space or a sign that has no place in one")
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise ValueError("this is not a web address: its host, or the port after it, can't be read") from None
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"{text!r} is not {wanted}")
        if not _HOST.fullmatch(parts.netloc.removesuffix(f":{port}").lower()) or port == 0:
            raise ValueError(f"{text!r} has no host such as git.example.org or 192.168.1.50, or a port that can't be")
        if parts.query or parts.fragment:
            raise ValueError(f"leave out what comes after the {'?' if parts.query else '#'}")
        return text.rstrip("/")

    return parse
