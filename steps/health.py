"""Whether the Pis are fit for a cluster: pure checks over facts, each with a name by which it can be ignored.

docs/health.md is the table of them for people.
"""

from __future__ import annotations

from collections.abc import Sequence

from steps import health_hardware, health_system, health_twins
from steps.health_finding import Finding, Patient

CHECKS = {**health_hardware.CHECKS, **health_system.CHECKS}
NAMES = (*CHECKS, *health_twins.VALUES)


def findings(patients: Sequence[Patient], ignore: Sequence[str] = ()) -> list[Finding]:
    """Everything that was found, Pi by Pi, then what Pis share; what is ignored left out."""
    found = [finding for patient in patients for check in CHECKS.values() for finding in check(patient)]
    found += health_twins.findings(patients)
    return [finding for finding in found if finding.name not in ignore]
