"""What is to blame for the red rows: one cause after the other, each taking the rows that it explains. Pure.

What does not even work at home is not the VPN's or the router's fault, so causes at home come first. A cause is a code
(`docs/proof.md` describes each), a sentence with its fix, and the rows that showed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from steps.public_now import Now
from steps.reach.judge import NO_CONNECTION, Cell
from steps.reach.rows import Kind, Vantage
from wizard import assets, yamlfile


@dataclass(frozen=True)
class Evidence:
    """What was looked at besides the probes, once something was wrong. Empty where it could not be looked at."""

    arp: Mapping[str, Sequence[str]] | None = None  # address -> who answers for it, in words; None: nobody was asked
    strangers: frozenset[str] = frozenset()  # addresses for which somebody answers who is no Pi
    idle: frozenset[str] = frozenset()  # addresses whose Service has no pod that is ready
    staged: frozenset[str] = frozenset()  # names whose certificate the cluster asks the test service for
    tailnet: Mapping[str, Any] = field(default_factory=dict)  # `tailscale status --json` of the probe on the VPN
    served: frozenset[str] | None = None  # routes that a connected machine serves, as the control server says
    approved: frozenset[str] | None = None  # routes that some machine may serve
    public: Now = field(default_factory=Now)  # the home's public address now, where it was looked up


@dataclass(frozen=True)
class Cause:
    """Why rows are red: `code` is a key of ``assets/probe/causes.yaml``, `words` fill what is said there."""

    code: str
    cells: tuple[Cell, ...]
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What is wrong and what to do."""
        probe = self.cells[0].probe
        known = {
            "address": probe.address, "host": probe.host, "gateway": f"traefik-{probe.side}",
            "seen": self.cells[0].seen, "wanted": " or ".join(probe.wanted),
        }  # fmt: skip
        return texts()[self.code].format(**{**known, **self.words})

    def sentence(self) -> str:
        return f"{self.text} Seen {'; '.join(told(cell) for cell in self.cells)}."


@cache
def texts() -> Mapping[str, str]:
    """Every code and what is said of it."""
    return {str(code): str(text) for code, text in yamlfile.load(assets.text("probe/causes.yaml")).items()}


@dataclass
class View:
    """All cells, and those that nothing explains yet."""

    cells: Sequence[Cell]
    evidence: Evidence
    external: str  # the address that the router forwards to
    left: list[Cell] = field(default_factory=list)

    def red(self, *kinds: Kind, place: Vantage | None = None) -> list[Cell]:
        """Unexplained red cells of these kinds, from `place`."""
        return [c for c in self.left if c.probe.kind in kinds and place in (None, c.probe.vantage)]

    def fine(self, place: Vantage, kind: Kind, address: str) -> bool:
        """Whether some probe of that kind to `address` is as it must be there."""
        return any(
            c.verdict == "ok" and (c.probe.vantage, c.probe.kind, c.probe.address) == (place, kind, address)
            for c in self.cells
        )


Rule = Callable[[View], Iterator[Cause]]


def explain(cells: Sequence[Cell], evidence: Evidence, external: str = "the external address") -> list[Cause]:
    """Every cause, the nearest to home first. Together they name each red cell once."""
    from steps.reach.causes_away import AWAY  # they build on this module
    from steps.reach.causes_home import AT_HOME

    view = View(cells, evidence, external, [cell for cell in cells if cell.verdict == "wrong"])
    found: list[Cause] = []
    for rule in (*AT_HOME, *AWAY, _unknown):
        for cause in rule(view):
            found.append(cause)
            view.left = [cell for cell in view.left if cell not in cause.cells]
    return found


def _unknown(view: View) -> Iterator[Cause]:
    for cell in list(view.left):
        yield Cause("unknown", (cell,), {"said": cell.raw.text or cell.raw.word})


def no_connection(cell: Cell) -> bool:
    return cell.raw.word in NO_CONNECTION


def told(cell: Cell) -> str:
    """A red cell in a few words."""
    probe = cell.probe
    place = {"LAN": "from the LAN", "VPN": "over the VPN", "outside": "from outside"}[probe.vantage]
    at = f" at {probe.address}:{probe.port}" if probe.address else f" for {probe.host}"
    return f"{place}: {probe.what}{at}, {cell.seen}"
