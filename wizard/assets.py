"""The files that are copied or rendered: beside the packages in a checkout, inside `wizard` in a wheel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent


@cache
def root() -> Path:
    """The folder of the assets."""
    installed = _HERE / "_assets"
    return installed if installed.is_dir() else _HERE.parent / "assets"


def text(name: str) -> str:
    """The text of the asset `name`, such as ``node/facts.sh``."""
    return (root() / name).read_text(encoding="utf-8")


@cache
def versions() -> Mapping[str, Any]:
    """Every pinned version, checksum and key fingerprint: `assets/versions.yaml`."""
    from wizard import yamlfile

    return dict(yamlfile.load(text("versions.yaml")))
