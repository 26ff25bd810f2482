"""How a fault of doctor_faults.yaml is made and mended: each act is data, or one of the functions here by its name."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.breakages import approve
from tests.lab.breakages_cluster import thief, thief_gone
from tests.lab.cluster_lab import HOME, KUBECTL, kubectl, lab
from wizard import sops

if TYPE_CHECKING:
    from tests.lab.test_proof import AtHome

AWAY = Path(HOME) / "doctor-away"  # what a fault put aside


def apply(text: str) -> None:
    lab("node", "1", "sh", "-c", f'printf %s "$0" | {KUBECTL} apply -f -', text)


def act(one: Mapping[str, Any], home: AtHome) -> None:
    ((how, what),) = one.items()
    if how == "apply":
        apply(json.dumps(what))
    elif how == "kubectl":
        kubectl(*map(str, what))
    elif how == "node":
        lab("node", str(what[0]), "sh", "-c", what[1])
    elif how == "lab":
        lab(*what)
    else:
        CALLS[what](home)


def make(fault: Mapping[str, Any], home: AtHome) -> None:
    for one in fault["make"]:
        act(one, home)


def mend(fault: Mapping[str, Any], home: AtHome) -> None:
    for one in fault.get("mend", ()):
        act(one, home)
    for one in reversed(fault["make"]):
        if "apply" in one:
            words = json.dumps(one["apply"])
            script = f'printf %s "$0" | {KUBECTL} delete --ignore-not-found --timeout=60s -f -'
            lab("node", "1", "sh", "-c", script, words)


def _reconcile(kind: str, name: str) -> None:
    now = f"reconcile.fluxcd.io/requestedAt={time.time()}"
    kubectl("-n", "flux-system", "annotate", kind, name, "--overwrite", now)


def _other_host_key(home: AtHome) -> None:
    etc, known = Path(HOME) / "git-etc", Path(HOME) / "git_known_hosts"
    shutil.rmtree(AWAY, ignore_errors=True)
    shutil.copytree(etc, AWAY / "etc")
    shutil.copy(known, AWAY / "known")
    lab("git", "down")
    for file in etc.glob("ssh_host_*"):
        file.unlink()
    lab("git", "up")
    shutil.copy(AWAY / "known", known)


def _right_host_key(home: AtHome) -> None:
    lab("git", "down")
    shutil.copytree(AWAY / "etc", Path(HOME) / "git-etc", dirs_exist_ok=True)
    lab("git", "up")


def _secret(space: str, name: str) -> dict[str, str]:
    return dict(json.loads(kubectl("-n", space, "get", "secret", name, "-o", "json"))["data"])


def _other_age_key(home: AtHome) -> None:
    AWAY.mkdir(exist_ok=True)
    (AWAY / "sops-age.json").write_text(json.dumps(_secret("flux-system", "sops-age")))
    (AWAY / "other.key").unlink(missing_ok=True)
    sops.make_key(AWAY / "other.key")
    _age_key({"age.agekey": base64.b64encode((AWAY / "other.key").read_bytes()).decode()})


def _right_age_key(home: AtHome) -> None:
    _age_key(json.loads((AWAY / "sops-age.json").read_text()))


def _age_key(data: Mapping[str, str]) -> None:
    kubectl("-n", "flux-system", "patch", "secret", "sops-age", "-p", json.dumps({"data": data}))
    for part in ("hello", "pihole"):
        _reconcile("kustomization", part)


def _wrong_token(home: AtHome) -> None:
    """The solver may read this one Secret only, so that is the one whose token becomes a wrong one."""
    AWAY.mkdir(exist_ok=True)
    (AWAY / "duckdns-token.json").write_text(json.dumps(_secret("cert-manager", "duckdns-token")))
    _token({"token": base64.b64encode(b"not-the-right-one").decode()})


def _right_token(home: AtHome) -> None:
    _token(json.loads((AWAY / "duckdns-token.json").read_text()))


def _token(data: Mapping[str, str]) -> None:
    kubectl("-n", "cert-manager", "patch", "secret", "duckdns-token", "-p", json.dumps({"data": data}))


CALLS: dict[str, Callable[[AtHome], Any]] = {
    "forget_key": lambda home: lab("git", "forget", f"{HOME}/git_key.pub"),
    "allow_key": lambda home: lab("git", "allow", f"{HOME}/git_key.pub"),
    "look_at_git": lambda home: _reconcile("gitrepository", "flux-system"),
    "other_host_key": _other_host_key, "right_host_key": _right_host_key,
    "other_age_key": _other_age_key, "right_age_key": _right_age_key,
    "wrong_token": _wrong_token, "right_token": _right_token,
    "thief": thief, "no_thief": thief_gone,
    "disapprove": approve(lambda route: "198.18.0.201" not in route), "approve": approve(lambda route: True),
    "pause": lambda home: time.sleep(5),
}  # fmt: skip
