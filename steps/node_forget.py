"""The end of a removal: this computer forgets the Pi, and tells what is left to the person."""

from __future__ import annotations

from steps import tailnet_leave
from wizard.context import Context
from wizard.step import Change

EVIDENCE = "machines"


def change(address: str, name: str, tailnet: tailnet_leave.Leaving, *, dead: bool) -> Change:
    """The answers, then the evidence: the very last, so that everything before it can be taken up again.

    `dead`: the Pi could not be reached, so that nothing was done on it.
    """

    def do(ctx: Context) -> None:
        machines = ctx.answers["machines"]
        for key in ("more_control_planes", "hosts", "replaced"):
            if address in (machines.get(key) or []):
                left = [each for each in machines[key] if each != address]
                ctx.keep("machines", key, left or None)
        if ctx.answers.get("snapshots", {}).get("to") == address:  # asked for again, another Pi is proposed
            ctx.forget("snapshots", "to")
            ctx.note("Snapshots lose their second place", f"They were kept on {name}, too. Choose another: homelab")
        said = [_DEAD if dead else _ALIVE, tailnet_leave.told(ctx, tailnet), _FILE]
        ctx.note(f"{name} has left", " ".join(part for part in said if part))
        ctx.forget("node-remove", "node")
        ctx.state.evidence.get(EVIDENCE, {}).pop(address, None)
        ctx.state.save()

    return Change("node-remove/forget", f"forget {name}", do)


_DEAD = (
    "It could not be reached, so its card still carries the cluster's credentials, and would try to come back: write"
    " the card anew before the Pi is switched on again."
)
_ALIVE = "Its packages and settings are still there, and so is the wizard's SSH key."
_FILE = "An answers file of yours still names it."
