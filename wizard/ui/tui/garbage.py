"""Python's search for garbage goes through all that was ever made, which a person at the keys would notice."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_off() -> Iterator[None]:
    """No search until `look_from_here` is called or the block ends."""
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


def look_from_here() -> None:
    """Only what is made from now on is searched: what was read and made for the first frame stays anyway."""
    if not gc.isenabled():  # otherwise it is not put off, and what there is may be garbage
        gc.freeze()
        gc.enable()
