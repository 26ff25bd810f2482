"""What a backup holds, and what it says of itself without a secret."""

from __future__ import annotations

import copy
import io
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from steps import nodes
from steps import repository_access as access
from wizard import __version__
from wizard.context import Context
from wizard.errors import WizardError
from wizard.state import State

STATE, SNAPSHOT = "state.yaml", "etcd.tar.gz"
BESIDE = {  # what lies beside the state -> what it is for
    "age.key": "opens the secrets in the repository",
    "kubeconfig": "lets this computer into the cluster",
    "id_ed25519": "lets this computer into the Pis", "id_ed25519.pub": "its public half",
    "deploy_key": "lets this computer and Flux into the repository",
    "git_known_hosts": "the approved host keys of the git server",
    "certificates.yaml": "which certificates were made", "certificates.age": "the certificates, for the next cluster",
    "mirror-key.gpg": "signs the packages of the mirror",
}  # fmt: skip
MEANING = {
    **BESIDE, STATE: "answers and evidence; secrets only as references",
    SNAPSHOT: "the cluster's data, its authorities and the control plane's keys (etcd, /etc/kubernetes)",
}  # fmt: skip
NEEDED = ("snapshot.db", "about", "etc/kubernetes/pki/ca.crt", "etc/kubernetes/pki/ca.key",
          "usr/local/sbin/homelab-etcd-restore")  # fmt: skip
FILES_NAMED = (  # answers that name files of a computer, which no backup holds
    ("machines", "key_file"), ("machines", "known_hosts"), ("repository", "key_file"), ("repository", "known_hosts"),
    ("prepare", "apt_key_file"), ("flux", "checksums_file"),
)  # fmt: skip


def state_text(state: State, without: str) -> str:
    """The state as it is to come back: nothing of the command `without`, which is at work."""
    plain = copy.copy(state)
    plain.answers = {step: part for step, part in state.answers.items() if step != without}
    plain.journal = [entry for entry in state.journal if entry["step"] != without]
    plain.done = {step: at for step, at in state.done.items() if step != without}
    return plain.text()


def files(ctx: Context, without: str) -> dict[str, bytes]:
    """What this computer knows of the cluster, by name."""
    folder = ctx.state.path.parent
    found = {STATE: state_text(ctx.state, without).encode()}
    return found | {name: (folder / name).read_bytes() for name in BESIDE if (folder / name).is_file()}


def about(ctx: Context, snapshot: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the backup says of itself: which cluster, which repository, since when; no secret."""
    given, recall = ctx.answers.get("repository", {}), ctx.state.recall
    pointer = {}
    if given.get("branch"):
        pointer = {
            "url": access.address(ctx), "branch": given["branch"], "commit": recall("repository", "commit") or "",
            "host_keys": [key["fingerprint"] for key in recall("repository", "host_keys") or []],
            "age_recipient": recall("repository", "age_recipient") or "",
        }  # fmt: skip
    return {
        "cluster": ctx.state.cluster, "made": datetime.now(UTC).isoformat(timespec="seconds"), "homelab": __version__,
        "identity": {"uid": recall("cluster", "uid") or "", "ca_hash": recall("cluster", "ca_hash") or ""},
        "nodes": [{"address": one.address, "name": one.name, "role": one.role} for one in nodes.nodes(ctx)],
        "repository": pointer, "etcd": dict(snapshot or {}),
    }  # fmt: skip


def check_snapshot(data: bytes) -> None:
    """Raises `WizardError` unless the archive holds all that a fresh control plane needs."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            held = set(archive.getnames())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise WizardError("The snapshot of etcd is damaged.", f"{error}.", "Make another backup.") from None
    if missing := [name for name in NEEDED if name not in held]:
        raise WizardError(
            "The snapshot of etcd lacks what a fresh control plane needs.", f"Missing: {', '.join(missing)}.",
            "Run homelab, which brings the programs that take snapshots up to date; then make another backup.",
        )  # fmt: skip
