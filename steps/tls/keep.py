"""Certificates outlive their cluster: a copy is kept beside the state, and put into a new cluster of the same names.

Let's Encrypt gives out five a week for the same names; whoever builds a cluster anew a few times is out of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from steps.tls import look, meter, store
from wizard.context import Context
from wizard.errors import Interrupted, WizardError
from wizard.question import Answers
from wizard.secret import Secret
from wizard.step import Change
from wizard.world import Cluster

ENOUGH = 1 / 3  # of its life must be left (30 of 90 days) for a certificate to be put back: then it is renewed anyway
ACCOUNTS = "/api/v1/namespaces/cert-manager/secrets"  # where a ClusterIssuer's ACME account keys are
SENTENCE = "keep a copy of the certificates, encrypted for the age key, beside the state"


@dataclass(frozen=True)
class Keeping:
    """`wanted`: production certificates are chosen; `stale`: the copy lacks some; `back`: names to put back."""

    wanted: bool = False
    stale: bool = False
    back: tuple[str, ...] = ()
    until: str = ""  # the day on which the first of them ends


def _with_certificates(answers: Answers) -> bool:
    return bool(answers.get("domains", {}).get("provider", "none") != "none")


def _production(answers: Answers) -> bool:
    """Whether those are chosen that are worth a copy: those of the test service are not."""
    return bool(answers["domains"].get("issuer") == "production")


def find(ctx: Context, cluster: Cluster, *, new: bool) -> Keeping:
    """What is to be done; `new`: nothing asks for certificates in this cluster yet."""
    if not _with_certificates(ctx.answers) or (new and not _production(ctx.answers)):
        return Keeping()
    if new:
        back = {path: one for path, one in _fitting(ctx).items() if cluster.get(path) is None}
        leaves = [leaf for one in back.values() if (leaf := _leaf(one))]
        names = tuple(sorted(name for leaf in leaves for name in leaf.names))
        if not look.certificates(cluster):  # else they are asked for already
            _refuse_used_up(ctx, [*names, *_had(cluster)])
        return Keeping(True, False, names, f"{min(leaf.ends for leaf in leaves):%Y-%m-%d}" if leaves else "")
    record, there = store.recall(ctx), _there(cluster)
    made = {one.serial for one in look.issued(cluster, _authority(ctx))} - {one.serial for one in record.issued}
    production = _production(ctx.answers)  # by the answers: somebody may have changed it by hand, in the repository
    return Keeping(production, bool(made) or any(record.kept.get(path) != _digest(one) for path, one in there.items()))


def _had(cluster: Cluster) -> Iterator[str]:
    """The names of the production certificates that lie there already."""
    for one in look.tls_secrets(cluster):
        if (one["metadata"].get("annotations") or {}).get(look.ISSUER) == look.PRODUCTION and not _ended(one):
            leaf = _leaf(one)
            yield from leaf.names if leaf else ()


def _refuse_used_up(ctx: Context, back: Collection[str]) -> None:
    """A new cluster that would ask in vain would be waited for in vain."""
    if _authority(ctx):
        return
    issued, now = store.recall(ctx).issued, datetime.now(UTC)
    new = [name for name in look.domains(ctx) if name not in back]
    meters = meter.meters(issued, new, now)
    fix = "Until then those of the test service do: answer domains.issuer with staging, and promote them later."
    meter.refuse_used_up(meters, fix)


def last(ctx: Context) -> Keeping:
    """The same for a cluster that is about to end; what can't be asked any more keeps nobody from ending it."""
    kubeconfig = ctx.state.path.parent / "kubeconfig"
    able = kubeconfig.exists() and ctx.state.recall("repository", "age_recipient")  # without a key there is no copy
    if not (able and _with_certificates(ctx.answers)):
        return Keeping()
    try:
        return find(ctx, ctx.world.cluster(kubeconfig), new=False)
    except Interrupted:
        raise
    except WizardError as error:
        ctx.line(None, f"the cluster can't be asked for its certificates: {error.what}")
        return Keeping()


def before(found: Keeping) -> list[Change]:
    """What has to be done before a new cluster asks for certificates. Pure."""
    if not found.back:
        return []
    what = f"put the certificates of {' and '.join(found.back)} back from their copy, valid until {found.until}"
    return [Change("flux/certificates-back", what, put_back)]


def after(found: Keeping, *, ready: bool) -> list[Change]:
    """What has to be done once the cluster has its certificates. Pure."""
    return [Change("flux/certificates-kept", SENTENCE, save)] if found.stale or (found.wanted and not ready) else []


# -- keeping -----------------------------------------------------------------------------------------------------


def save(ctx: Context) -> None:
    """Keeps what the cluster has, beside what was kept before and is still good; nothing when it has none yet."""
    cluster = ctx.world.cluster(ctx.state.path.parent / "kubeconfig")
    record, there = store.recall(ctx), _there(cluster)
    issued = tuple(meter.together(look.issued(cluster, _authority(ctx)), record.issued))
    kept = {path: one for path, one in store.copies(ctx).items() if path not in there and not _ended(one)} | there
    if there:
        store.keep(ctx, kept)
    store.remember(ctx, store.Record(issued, {path: _digest(one) for path, one in kept.items()}))


def _there(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """The Secrets worth keeping: production certificates and, where there are any, the accounts they were made with."""
    found = {
        f"{look.SECRETS}/{one['metadata']['name']}": _plain(one)
        for one in look.secrets(cluster)
        if (one["metadata"].get("annotations") or {}).get(look.ISSUER) == look.PRODUCTION and _leaf(one)
    }
    for name in (look.STAGING, look.PRODUCTION) if found else ():
        if account := cluster.get(f"{ACCOUNTS}/{name}"):
            found[f"{ACCOUNTS}/{name}"] = _plain(account)
    return found


def _plain(secret: Mapping[str, Any]) -> dict[str, Any]:
    """A Secret without what belongs to its cluster. cert-manager knows its own by these annotations and labels."""
    meta, data = secret["metadata"], dict(secret.get("data") or {})
    for key, value in data.items():
        if key.endswith(".key"):
            Secret(base64.b64decode(value).decode())  # masked from here on
    own = {
        kind: {key: value for key, value in (meta.get(kind) or {}).items() if "cert-manager.io/" in key}
        for kind in ("annotations", "labels")
    }
    return {
        "apiVersion": "v1", "kind": "Secret", "type": secret.get("type") or "Opaque", "data": data,
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], **{k: v for k, v in own.items() if v}},
    }  # fmt: skip


def _digest(secret: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(secret, sort_keys=True).encode()).hexdigest()


def _leaf(secret: Mapping[str, Any]) -> look.Leaf | None:
    return look.read((secret.get("data") or {}).get("tls.crt") or "")


def _ended(secret: Mapping[str, Any]) -> bool:
    leaf = _leaf(secret)
    return leaf is not None and leaf.ends < datetime.now(UTC)


def _authority(ctx: Context) -> str:
    return str(ctx.answers["domains"].get("acme_directory") or "")


# -- putting back ------------------------------------------------------------------------------------------------


def _fitting(ctx: Context) -> dict[str, dict[str, Any]]:
    """The kept Secrets that this cluster can use: for exactly its names, from its authority, valid for long enough."""
    made_by = {one.serial: one.authority for one in store.recall(ctx).issued}
    found, accounts = {}, {}
    for path, one in store.copies(ctx).items():
        leaf = _leaf(one)
        if leaf is None:
            accounts[path] = one
        elif (
            look.fits(leaf.names, ctx.answers)
            and leaf.ends - datetime.now(UTC) >= (leaf.ends - leaf.begins) * ENOUGH
            and made_by.get(leaf.serial) == _authority(ctx)
        ):
            found[path] = one
    return {**found, **accounts} if found else {}


def put_back(ctx: Context) -> None:
    """Before cert-manager comes: it takes the Secrets for its own, and asks for nothing."""
    cluster = ctx.world.cluster(ctx.state.path.parent / "kubeconfig")
    for path, one in _fitting(ctx).items():
        if cluster.get(path) is None:
            space = one["metadata"]["namespace"]
            meta = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
            cluster.apply(f"/api/v1/namespaces/{space}", meta)
            cluster.apply(path, one)
