"""About how long a step takes. Data: `assets/times.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from wizard import assets, yamllines


@cache
def minutes() -> Mapping[str, tuple[int, int]]:
    """Least and most minutes of each step that is known."""
    (document,) = yamllines.documents(assets.text("times.yaml"))
    return {step: (int(least), int(most)) for step, (least, most) in document.data.items()}


def usually(step: str) -> str:
    """Such as ``usually 4 to 12 min``; empty for a step that nothing is known about."""
    if step not in minutes():
        return ""
    least, most = minutes()[step]
    return f"usually {least} to {most} min" if least < most else f"usually {most} min"


def longest(step: str) -> int:
    """The most minutes that it usually takes; 0 for a step that nothing is known about."""
    return minutes().get(step, (0, 0))[1]


def overdue(step: str, seconds: float) -> bool:
    """Whether that is longer than the step usually takes."""
    return step in minutes() and seconds > minutes()[step][1] * 60
