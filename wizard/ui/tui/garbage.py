"""Python's search for garbage goes through all that was ever made, which a person at the keys would notice."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_put_off = False


@contextmanager
def put_off() -> Iterator[None]:
    """No search until `look_from_here` is called or the block ends."""
    global _put_off
    _put_off = True
    gc.disable()
    try:
        yield
    finally:
        _put_off = False
        gc.unfreeze()
        gc.enable()


def look_from_here() -> None:
    """From now on only what is made from now on is searched: what was read and made before mostly stays anyway."""
    if _put_off:  # otherwise what there is may be garbage
        if gc.isenabled():
            gc.collect(1)  # what is young and garbage already; takes 3 ms
        gc.freeze()
        gc.enable()
