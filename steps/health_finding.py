"""What is known about one Pi when its health is judged, and what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from steps.facts import NodeFacts

GB = 10**9
MB = 2**20


@dataclass(frozen=True)
class Finding:
    """Something wrong with one Pi, left out when `name` is in machines.ignore_health.

    ``block`` stops the step, ``warn`` is told, ``mend`` is what the step itself offers to put right.
    """

    name: str
    address: str
    sentence: str
    fix: str
    severity: Literal["block", "warn", "mend"] = "block"


@dataclass(frozen=True)
class Patient:
    """One Pi, and what is not in its facts: its role, this computer's clock when they were read, its disk's pace."""

    facts: NodeFacts
    control_plane: bool
    now: float = 0.0  # Unix time
    fsync_seconds: float | None = None
    pinned: tuple[str, ...] = ()  # the host keys approved for it, each as ``ssh-ed25519 AAAA…``
