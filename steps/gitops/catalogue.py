"""The apps that homelab knows how to run: `assets/catalogue`, one file each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from wizard import assets, yamlfile

Internet = Literal["yes", "careful", "no"]
ARCHITECTURES = ("arm64", "amd64")  # of every image in the catalogue


@dataclass(frozen=True)
class Entry:
    """One app of the catalogue; `assets/catalogue/README.md` tells what each field means."""

    name: str
    title: str
    about: str
    port: int
    probe: str
    memory: str
    limit: str
    internet: Internet
    caution: str
    first: str
    sources: Sequence[str]
    image: str = ""
    user: int = 0  # 0: the image begins as root
    size: str = ""
    keeps: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    args: Sequence[str] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    https: bool = False

    @property
    def pin(self) -> str:
        """Its name below `apps` in versions.yaml."""
        return self.image or self.name


@cache
def catalogue() -> Mapping[str, Entry]:
    """Every entry by name, in order."""
    files = sorted((assets.root() / "catalogue").glob("*.yaml"))
    return {file.stem: Entry(file.stem, **yamlfile.load(file.read_text(encoding="utf-8"))) for file in files}
