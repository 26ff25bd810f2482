"""Whole repositories as single files, so that a change of a template or the renderer shows as what people will get.

`NAME.yaml` holds answers as in an answers file, `NAME.txt` the repository that they make: ``-- path --``, then text.
Encrypted files hold a stand-in for every encrypted value. `make golden` writes them all and shows what differs.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

from steps import ORDER
from steps.gitops.render import fill_secret, render, secret_files
from steps.gitops.settings import Settings, from_answers
from wizard import answers, yamlfile

HERE = Path(__file__).resolve().parent
NAMES = sorted(file.stem for file in HERE.glob("*.yaml"))
RECIPIENT = "age1golden0recipient0of0no0key0at0all0qqqqqqqqqqqqqqqqqqqqqqqqq"
PIS = ("atlas", "boreas", "castor")
SEAL = """\
sops:
  age:
    - recipient: {recipient}
      enc: golden
  lastmodified: "2026-11-01T00:00:00Z"
  mac: ENC[AES256_GCM,data:golden]
  version: 3.11.0
"""  # what sops writes at the end of a file, as far as it is looked at
_HEAD = re.compile(r"^-- (\S+) --\n", re.MULTILINE)


def settings(name: str) -> Settings:
    """What the answers in `NAME.yaml` make, read and checked as any answers file is."""
    os.environ.setdefault("GOLDEN_TOKEN", "a-token-that-nobody-has")
    needed = [step for step in ORDER if step.name in ("addresses", "domains", "repository")]
    interview = answers.read(HERE / f"{name}.yaml", ORDER, needed)
    names = dict(zip(interview.answers["machines"]["hosts"], PIS, strict=False))
    return from_answers(interview.answers, cluster=interview.cluster, age_recipient=RECIPIENT, names=names)


def repository(name: str) -> dict[str, str]:
    """Path -> text of every file, encrypted ones as they look once they are encrypted."""
    made = settings(name)
    return dict(sorted({**render(made), **{path: sealed(text) for path, text in secret_files(made).items()}}.items()))


def sealed(template: str, recipient: str = RECIPIENT) -> str:
    """A secret file as it looks once it is encrypted."""
    keys = yamlfile.load(template)["stringData"]
    filled = fill_secret(template, dict.fromkeys(keys, "ENC[AES256_GCM,data:golden]"))
    return filled + SEAL.format(recipient=recipient)


def as_text(files: dict[str, str]) -> str:
    return "".join(f"-- {path} --\n{text}" for path, text in files.items())


def as_files(text: str) -> dict[str, str]:
    """The files in a `NAME.txt`."""
    _, *parts = _HEAD.split(text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def stored(name: str) -> str:
    file = HERE / f"{name}.txt"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def write_all() -> str:
    """Writes every `NAME.txt` anew and returns what became different, as a diff for each file of each repository."""
    shown: list[str] = []
    for name in NAMES:
        before, after = as_files(stored(name)), repository(name)
        for path in sorted({*before, *after}):
            old, new = before.get(path, "").splitlines(), after.get(path, "").splitlines()
            shown += difflib.unified_diff(old, new, f"{name}: {path}", f"{name}: {path}", lineterm="", n=2)
        (HERE / f"{name}.txt").write_text(as_text(after), encoding="utf-8")
    for stale in {file.stem for file in HERE.glob("*.txt")} - set(NAMES):
        (HERE / f"{stale}.txt").unlink()
    return "\n".join(shown)
