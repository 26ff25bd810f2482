"""What is said when a host does not do what it was asked, the same for a real one and a simulated one."""

from __future__ import annotations

from wizard.errors import CommandFailed, Unreachable
from wizard.host.base import Result, Script
from wizard.secret import redact


def command_failed(script: Script, result: Result, host: str) -> CommandFailed:
    """`script` ended as `result` says, which is not well."""
    said = [line for line in (result.err + "\n" + result.out).splitlines() if line.strip()]
    own = [line for line in result.err.splitlines() if line.strip()] or said
    return CommandFailed(
        f"The script {script.name} ended with exit code {result.code}.", redact(" | ".join(own[-3:])),
        "The log shows everything it printed. Put right what it says, and try again.",
        host=host, output=redact("\n".join(said[-40:])),
    )  # fmt: skip


def no_ssh(address: str, port: int, why: str, host: str) -> Unreachable:
    """Nothing at `address` takes a connection at SSH's port."""
    return Unreachable(
        f"No SSH connection to {address} port {port}.", why,
        "Check that it is switched on, in this network, and that SSH is enabled on it.", host=host,
    )  # fmt: skip
