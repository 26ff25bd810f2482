"""Which networks may be looked through: one rule for the question, the answers file, the real look and the demo's."""

from __future__ import annotations

from ipaddress import IPv4Network

from wizard import ipv4
from wizard.errors import WizardError


def looked_through(network: str) -> IPv4Network:
    """`network`, to be looked through. Raises `WizardError` for one that its question would refuse."""
    try:
        return IPv4Network(ipv4.looked_through(network))
    except ValueError as error:
        refused = WizardError(f"{network} is not looked through.", f"{error}.", "Or name the Pis by their addresses.")
        refused.answers = ("machines.network", "node-add.network")
        raise refused from None
