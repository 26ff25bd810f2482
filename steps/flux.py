"""Flux: installed by its own bootstrap, and waited for until the cluster runs what the repository says."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from steps import address_ask, flux_cli, flux_status, flux_wait
from steps import repository_access as access
from steps.flux_status import Expected, Item
from steps.gitops import components
from steps.repository_content import settings
from steps.tls import keep
from steps.tls.keep import Keeping
from wizard import assets
from wizard.context import Context
from wizard.errors import Blocked, Problem
from wizard.question import PATH, URL, Answers, Question
from wizard.secret import Secret
from wizard.step import Change, Step
from wizard.world import Cluster

SPACE = "/api/v1/namespaces/flux-system"

QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "download_mirror", "From where shall flux be downloaded?", URL, required=False, advanced=True,
            help="An address that stands for https://github.com: /fluxcd/flux2/releases/… is added to it.",
        ),
        Question(
            "checksums_file", "Which file holds the checksums of that download?", PATH, required=False, advanced=True,
            help="flux_VERSION_checksums.txt of the release. Without it, the pinned checksum or the release's own is"
            " used.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class FluxFacts:
    """What is there. `synced`: Flux is installed in the pinned version and follows our repository."""

    program: str | None
    handed_over: bool
    synced: bool
    others: tuple[str, ...] = ()  # Secrets in flux-system that hold other keys than ours
    waiting: tuple[Item, ...] = ()
    total: int = 0
    url: str = ""  # of the repository
    certificates: Keeping = field(default_factory=Keeping)


class Flux(Step[FluxFacts]):
    """Hands the keys over, bootstraps, waits."""

    name: ClassVar[str] = "flux"
    title: ClassVar[str] = "Flux"
    intro: ClassVar[str] = (
        "Flux runs on the cluster and keeps it as the repository says. It is installed now and watched until all of it"
        " runs."
    )
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())

    def validate(self, answers: Answers) -> list[Problem]:
        given = answers.get("flux", {})
        mirror = given.get("download_mirror") or ""
        pinned = assets.versions()["flux"].get("sha256")
        if urlsplit(mirror).scheme == "http" and not given.get("checksums_file") and not pinned:
            fix = "Give flux.checksums_file, the release's flux_VERSION_checksums.txt, or a mirror with https."
            return [Problem("flux.download_mirror", "a download over plain http can't be trusted by itself", fix)]
        return []

    def check(self, ctx: Context) -> FluxFacts:
        cluster = reach(ctx)
        refuse_another(ctx, cluster)
        found = self._look(ctx, cluster)
        return replace(found, certificates=keep.find(ctx, cluster, new=not found.synced))

    def _look(self, ctx: Context, cluster: Cluster) -> FluxFacts:
        head = pushed(ctx)
        there = {path: cluster.get(path) for path in keys(ctx)}
        wrong = [path for path, data in keys(ctx).items() if not _holds(there[path], data)]
        others = tuple(path.rpartition("/")[2] for path in wrong if there[path])
        program, synced = flux_cli.find(ctx), follows(ctx, cluster, head)
        if wrong or not synced:
            return FluxFacts(program, not wrong, synced, others, url=access.known(ctx))
        wanted, seen = expected(ctx, head), flux_status.look(cluster)
        if stopped := flux_status.suspended(seen):
            raise Blocked(
                f"Flux was told to leave something alone: {', '.join(map(str, stopped))}.",
                "What is suspended does not follow the repository.",
                f"flux resume {stopped[0].kind.lower()} {stopped[0].name} -n {stopped[0].namespace}",
            )
        found = flux_status.items(seen, wanted)
        waiting = tuple(item for item in found if item.why)
        return FluxFacts(program, True, True, (), waiting, len(found), access.known(ctx))

    def plan(self, facts: FluxFacts, answers: Answers) -> list[Change]:
        version, changes = flux_cli.pin()["version"], []
        url, place = facts.url, access.place(facts.url, answers)
        if facts.synced and facts.handed_over and not facts.waiting:
            return keep.after(facts.certificates, ready=True)
        if facts.program is None and not facts.synced:
            changes.append(Change("flux/download", f"download flux {version} for this computer", flux_cli.fetch))
        if not facts.handed_over:
            sentence = f"give the cluster the age key, and the key that reads {url} (secrets in flux-system)"
            if facts.others:
                sentence = f"put the right keys into flux-system again: {' and '.join(facts.others)} held others"
            changes.append(Change("flux/keys", sentence, hand_over))
        changes += keep.before(facts.certificates)
        if not facts.synced:
            sentence = f"bootstrap Flux {version} on the cluster: it follows {place} from then on"
            changes.append(Change("flux/bootstrap", sentence, _bootstrap))
        left = f": {len(facts.waiting)} of {facts.total} parts are not ready yet" if facts.waiting else ""
        changes.append(Change("flux/wait", f"wait until the cluster runs what the repository says{left}", settle))
        return changes + keep.after(facts.certificates, ready=False)


# -- what is there -----------------------------------------------------------------------------------------------


def kubeconfig(ctx: Context) -> Path:
    return ctx.state.path.parent / "kubeconfig"


def reach(ctx: Context) -> Cluster:
    """The cluster. Raises `Blocked` when there is none yet, `WizardError` when it does not answer."""
    if not kubeconfig(ctx).exists():
        raise Blocked(
            "There is no cluster yet.", f"{kubeconfig(ctx)} is not there.", "Run the step Control plane first."
        )
    cluster = ctx.world.cluster(kubeconfig(ctx))
    cluster.get("/api/v1/namespaces/kube-system")
    return cluster


def refuse_another(ctx: Context, cluster: Cluster) -> None:
    """Raises `Blocked` when this cluster follows another repository: bootstrap would see it only after a push."""
    given, here, url = ctx.answers["repository"], f"clusters/{ctx.state.cluster}", access.known(ctx)
    source, sync = cluster.get(flux_status.SYNC_SOURCE), cluster.get(flux_status.SYNC)
    other = []
    if source:
        spec = source.get("spec") or {}
        branch = (spec.get("ref") or {}).get("branch", "")
        other += [f"the repository {spec.get('url')}"] if _plain(spec.get("url")) != _plain(url) else []
        other += [f"the branch {branch}"] if branch != given["branch"] else []
    if sync:
        path = str((sync.get("spec") or {}).get("path", ""))
        other += [f"the folder {path}"] if path.removeprefix("./").rstrip("/") != here else []
    if other:
        raise Blocked(
            f"This cluster already follows {' and '.join(other)}.",
            f"The answers name {access.place(url, ctx.answers)} and {here}.",
            "Name what it follows in the answers, or take Flux away first: flux uninstall.",
        )


def _plain(url: Any) -> str:
    return str(url or "").rstrip("/")


def follows(ctx: Context, cluster: Cluster, head: str) -> bool:
    """Whether Flux is installed in the pinned version, follows us, and the repository says so, too."""
    space = cluster.get(SPACE) or {}
    labels = (space.get("metadata") or {}).get("labels") or {}
    if labels.get("app.kubernetes.io/version") != f"v{flux_cli.pin()['version']}":
        return False
    if not (cluster.get(flux_status.SYNC_SOURCE) and cluster.get(flux_status.SYNC)):
        return False
    repo = access.repo(ctx)
    if not repo.has(head):
        repo.fetch()
    return f"clusters/{ctx.state.cluster}/flux-system/gotk-sync.yaml" in repo.files(head)


def pushed(ctx: Context) -> str:
    """The commit that the cluster has to run. Raises `Blocked` while the step Repository has not been done."""
    needed = [ctx.state.path.parent / "age.key", *([access.key_file(ctx)] if access.needs_ssh(ctx) else [])]
    missing = [str(file) for file in needed if not file.exists()]
    head = (
        None if missing or not access.repo(ctx).copied else access.heads(ctx).get(ctx.answers["repository"]["branch"])
    )
    if head is None:
        why = f"{' and '.join(missing)} is not there." if missing else "There is nothing to follow yet."
        raise Blocked("The repository has not been written yet.", why, "Run the step Repository first.")
    return head


def expected(ctx: Context, head: str) -> Expected:
    """What has to run once everything is done, `head` being the newest commit."""
    repo = access.repo(ctx)
    if not repo.has(head):
        repo.fetch()
    parts = components.names(settings(ctx, repo, head))
    at = ctx.answers["addresses"]
    return Expected(
        f"{ctx.answers['repository']['branch']}@sha1:{head}", ("flux-system", *parts),
        (("traefik-internal", at["internal_address"]), ("traefik-external", at["external_address"])),
    )  # fmt: skip


# -- the keys ----------------------------------------------------------------------------------------------------


def keys(ctx: Context) -> dict[str, dict[str, Secret]]:
    """The secrets that Flux needs: API path -> key -> value."""
    age = (ctx.state.path.parent / "age.key").read_text(encoding="utf-8")
    found = {f"{SPACE}/secrets/sops-age": {"age.agekey": Secret(age)}}
    if access.needs_ssh(ctx):
        found[f"{SPACE}/secrets/flux-system"] = {
            "identity": Secret(access.key_file(ctx).read_text(encoding="utf-8")),
            "identity.pub": Secret(access.public_key(ctx) + "\n"),
            "known_hosts": Secret(access.known_lines(ctx)),
        }
    return found


def _holds(secret: Mapping[str, Any] | None, wanted: Mapping[str, Secret]) -> bool:
    data = (secret or {}).get("data") or {}
    return all(data.get(key) == _encoded(value) for key, value in wanted.items())


def _encoded(value: Secret) -> str:
    return base64.b64encode(value.reveal().encode()).decode()


def hand_over(ctx: Context) -> None:
    cluster = reach(ctx)
    cluster.apply(SPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}})
    for path, values in keys(ctx).items():
        meta = {"name": path.rpartition("/")[2], "namespace": "flux-system"}
        data = {key: _encoded(value) for key, value in values.items()}
        cluster.apply(path, {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": meta, "data": data})


# -- bootstrap and wait ------------------------------------------------------------------------------------------


def _bootstrap(ctx: Context) -> None:
    address_ask.still_free(ctx)  # afterwards the cluster answers for them
    cluster = reach(ctx)
    refuse_another(ctx, cluster)
    flux_cli.bootstrap(ctx, kubeconfig(ctx))
    access.repo(ctx).fetch()  # bootstrap has pushed its own files


def settle(ctx: Context) -> None:
    flux_wait.settle(ctx, reach(ctx), expected(ctx, pushed(ctx)))
