"""`homelab doctor --bundle FILE`: what somebody who helps needs to see, in one file, without any secret.

Values that are known to be secret are masked (`wizard.secret.redact`), and so is whatever looks like one. Secrets,
ConfigMaps and the values of environment variables are never read into it.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from steps.doctor.checks import Diagnosis, diagnose
from wizard import __version__, assets, yamlfile
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.question import Answers
from wizard.report import clean
from wizard.secret import MASK, Secret, SecretRef, redact
from wizard.state import write_private
from wizard.step import Change, Step

LOG_BYTES = 400_000  # the end of the log that is taken along
FILES = ("age.key", "deploy_key", "id_ed25519", "kubeconfig")  # beside the state: known, never taken along
LOOKS = (  # what a secret looks like, whoever it belongs to; what is in a group stays
    r"AGE-SECRET-KEY-1[A-Z0-9]+", r"tskey-[A-Za-z0-9-]+", r"hskey-[A-Za-z0-9-]+", r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}", r"glpat-[A-Za-z0-9_-]{15,}", r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*", r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)",
    r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{12,}",
    r"(?i)(\b(?:pass(?:word|phrase)?|token|secret|api_?key|client-key-data)[\"']?\s*[:=]\s*[\"']?)"
    r"(?!\{)[^\s\"',;}]{6,}",
)  # fmt: skip
DROPPED = ("managedFields", "kubectl.kubernetes.io/last-applied-configuration")
# never Secrets and ConfigMaps
OBJECTS = (
    "nodes", "pods", "events", "services", "persistentvolumeclaims", "deployments", "daemonsets", "statefulsets",
    "jobs", "kustomizations", "gitrepositories", "ocirepositories", "helmrepositories", "helmcharts", "helmreleases",
    "certificates", "certificaterequests", "clusterissuers", "orders", "challenges", "gatewayclasses", "gateways",
    "httproutes", "ipaddresspools", "l2advertisements", "servicel2statuses",
)  # fmt: skip


@dataclass(frozen=True)
class Contents:
    """What would be written where. `place` is None once it is written."""

    place: Path | None
    files: Mapping[str, bytes]

    def listing(self) -> str:
        return "\n".join(f"{name}  {len(data):,} bytes" for name, data in self.files.items())


class Bundle(Step[Contents]):
    """Gathers, shows what is in it, and writes it when the person agrees."""

    name: ClassVar[str] = "bundle"
    title: ClassVar[str] = "Support bundle"
    intro: ClassVar[str] = "What somebody who helps you needs to see is gathered, without secrets, and shown first."

    def __init__(self, place: Path) -> None:
        self.place = place

    def check(self, ctx: Context) -> Contents:
        if ctx.scratch.get("bundle written"):
            return Contents(None, {})
        if self.place.exists():
            raise Blocked(
                f"{self.place} exists already.", "Nothing is written over it.", "Name another file: --bundle FILE."
            )
        found = Contents(self.place, gather(ctx))
        ctx.note(
            "What is in the bundle",
            f"{found.listing()}\n\nSecrets are masked as {MASK}. Addresses, host names and domains are in it: look"
            f" through it before you give it to somebody (tar -xzf {self.place}).",
        )
        return found

    def plan(self, facts: Contents, answers: Answers) -> list[Change]:
        if facts.place is None:
            return []
        size = sum(map(len, facts.files.values()))
        sentence = f"write {facts.place}: {len(facts.files)} files, {size // 1024 + 1} KB, secrets masked"

        def do(ctx: Context) -> None:
            write(facts)
            ctx.scratch["bundle written"] = True

        return [Change("doctor/bundle", sentence, do, detail=facts.listing())]


def write(contents: Contents) -> None:
    """One compressed archive, readable for its owner only. Raises `WizardError` when it can't be written."""
    assert contents.place is not None  # noqa: S101 — planned only then
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, text in contents.files.items():
            entry = tarfile.TarInfo(f"homelab-bundle/{name}")
            entry.size, entry.mtime, entry.mode = len(text), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(text))
    try:
        write_private(contents.place, data.getvalue())
    except OSError as error:
        raise WizardError(
            f"{contents.place} could not be written.", f"{error.strerror}.", "Name another file: --bundle FILE."
        ) from None


# -- what is in it -----------------------------------------------------------------------------------------------------


def gather(ctx: Context) -> dict[str, bytes]:
    """Every file of the bundle, masked."""
    learn(ctx)
    found = diagnose(ctx)
    return {name: masked(text).encode() for name, text in _texts(ctx, found) if text}


def _texts(ctx: Context, found: Diagnosis) -> Iterator[tuple[str, str]]:
    yield "about.txt", f"homelab {__version__}\ncluster {ctx.state.cluster}\nmade {found.at:%Y-%m-%d %H:%M} UTC\n"
    yield "doctor.txt", clean(found.text()) + "\n"
    yield "doctor.json", json.dumps(found.data(), indent=1)
    yield "state.yaml", _state(ctx)
    yield "homelab.log", _tail(ctx.state.path.parent / "homelab.log")
    yield "pins.yaml", assets.text("versions.yaml")
    for short, view in found.looked.sight.views.items():
        yield f"nodes/{short}.yaml", yamlfile.dump_plain({
            "reached": view.reached, "why": view.why, "units": dict(view.units), "disk": view.disk,
            "journal": {unit: list(lines) for unit, lines in view.journal.items()},
        })  # fmt: skip
    for plural in OBJECTS:
        if objects := found.looked.sight.all(plural):
            yield f"cluster/{plural}.json", json.dumps([plain(one) for one in objects], indent=1)


def _state(ctx: Context) -> str:
    """The state as it is kept: secrets are references there."""
    try:
        return ctx.state.path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _tail(file: Path) -> str:
    try:
        return file.read_bytes()[-LOG_BYTES:].decode(errors="replace")
    except OSError:
        return ""


def plain(one: Any, key: str = "") -> Any:
    """An object without what a secret may be written in: values of variables, what kubectl applied last."""
    if isinstance(one, Mapping):
        kept = {name: plain(value, str(name)) for name, value in one.items() if name not in DROPPED}
        return {**kept, "value": MASK} if key == "env" and "value" in kept else kept
    if isinstance(one, list):
        return [plain(each, key) for each in one]
    return MASK if key in ("args", "command") and isinstance(one, str) and re.search(LOOKS[-1], one) else one


# -- masking -----------------------------------------------------------------------------------------------------------


def learn(ctx: Context) -> None:
    """Makes every secret known that the state refers to or that lies beside it: it is masked from then on."""
    for given in ctx.answers.values():
        for value in given.values():
            if isinstance(value, SecretRef) and value.kind != "prompt":
                with contextlib.suppress(WizardError):
                    value.resolve()
    if word := ctx.state.recall("proof", "nonce"):  # it lies encrypted in the repository
        Secret(str(word))
    for name in FILES:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = (ctx.state.path.parent / name).read_text(encoding="utf-8")
            if name == "kubeconfig":
                for word in re.findall(r"(?:client-key-data|client-certificate-data|token|password):\s*(\S+)", text):
                    Secret(word)
            else:
                Secret(text.strip())


def masked(text: str) -> str:
    """`text` without known secrets, and without what looks like one."""
    text = redact(text)
    for pattern in LOOKS:
        text = re.sub(pattern, lambda found: f"{found[1] if found.lastindex else ''}{MASK}", text)
    return text
