"""The hook by which git asks before each push: nothing goes out that `homelab repo validate` finds a mistake in."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from wizard import localgit
from wizard.checkout import BadFolder
from wizard.errors import WizardError

MARK = "# Written by: homelab repo hook"


LINE = 'homelab repo validate --pre-push "$(git rev-parse --show-toplevel)"'


def text() -> str:
    """The hook. It takes the homelab on the PATH, else the Python that wrote it."""
    return f"""#!/bin/sh
{MARK}
# Looks at every commit on its way before it is pushed. To push in spite of it: git push --no-verify
top=$(git rev-parse --show-toplevel) || exit 1
if command -v homelab >/dev/null; then set -- homelab; else set -- {shlex.quote(sys.executable)} -m wizard; fi
exec "$@" repo validate --pre-push "$top"
"""


def install(path: Path) -> Path:
    """Writes the hook into the checkout at `path`; where it is. Raises `WizardError` rather than overwrite another."""
    git = localgit.at(path) if path.is_dir() else None
    if git is None:
        raise BadFolder(f"{path} is no git checkout.", "A hook belongs to one.", "Name the checkout's folder.")
    hook = git.hook("pre-push")
    if git.inside() not in hook.resolve().parents:
        raise WizardError(
            f"git looks for hooks in {hook.parent}, which is not this checkout's own.",
            "Other repositories use it too.",
            f"Add this line to {hook}: {LINE}",
        )  # fmt: skip
    if hook.exists() and MARK not in hook.read_text(encoding="utf-8", errors="replace"):
        raise WizardError(
            "There is a pre-push hook already.", f"{hook} is not overwritten.", f"Add this line to it: {LINE}"
        )
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(text(), encoding="utf-8")
    hook.chmod(0o755)
    return hook
