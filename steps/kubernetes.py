"""Versions of Kubernetes: which one a cluster is to have, and which steps between two are allowed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wizard import assets
from wizard.question import TEXT, Answers, Kind

MINORS = ((1, 36), (1, 37))  # what this release knows how to set up


@dataclass(frozen=True, order=True)
class Version:
    """A version, such as 1.30.2."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Reads ``1.30.2``, ``v1.30.2`` and the package version ``1.30.2-1.1``. Raises ValueError."""
        found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(-\d+\.\d+)?", text.strip())
        if not found:
            raise ValueError(f"{text!r} is not a version such as {pinned()}")
        return cls(*(int(found[number]) for number in (1, 2, 3)))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def package(self) -> str:
        """The version of its packages at pkgs.k8s.io."""
        return f"{self}-1.1"


def pinned(_: object = None) -> str:
    """The version that this release sets up."""
    return str(assets.versions()["kubernetes"]["version"])


def wanted(answers: Answers) -> Version:
    """The version that this cluster is to have."""
    return Version.parse(str(answers.get("prepare", {}).get("kubernetes_version") or pinned()))


def _parse(raw: object) -> str:
    version = Version.parse(str(TEXT.parse(raw)))
    if (version.major, version.minor) not in MINORS:
        known = ", ".join(f"{major}.{minor}" for major, minor in MINORS)
        raise ValueError(f"this release knows Kubernetes {known}, not {version}")
    return str(version)


VERSION = Kind("version", _parse)
