"""flux_step.py STATE CLUSTER: the step Flux alone, with the answers that a run left there; its error as JSON, or {}.

`homelab run` comes to this step only after a look at everything before it, which tests of Flux need not repeat.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from steps.flux import Flux
from wizard import events
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.errors import WizardError
from wizard.realworld import RealWorld
from wizard.state import State


class Nobody:
    """Answers nothing and lets nothing be tried again."""

    def ask(self, prompt: object) -> object:
        raise AssertionError(prompt)

    def confirm(self, approval: object) -> bool:
        return False

    def failed(self, step: str, error: WizardError) -> str:
        return "stop"


def main() -> None:
    state = State.open(Path(sys.argv[1]), sys.argv[2])
    ctx = Context(RealWorld(), state, Nobody(), events.Bus())  # type: ignore[arg-type]
    try:
        Engine([Flux()], ctx, Consent(yes=True)).run_step(Flux())
    except WizardError as error:
        print(json.dumps({"what": error.what, "why": error.why, "fix": error.fix}))
    else:
        print("{}")
    finally:
        state.close()


if __name__ == "__main__":
    main()
