"""The step Flux against a cluster of plain objects; git is real, the program `flux` and the agent are played."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from steps import flux_cli
from steps.flux import SPACE, Flux
from steps.flux_status import SYNC, SYNC_SOURCE
from steps.repository_access import make_deploy_key, repo
from tests.steps.flux_world import READY, FluxWorld, Front, git, place
from wizard import download, events, sops
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, TrustError, WizardError
from wizard.state import State


@pytest.fixture
def ctx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr(download, "folder", lambda: tmp_path / "bin")
    state = State(tmp_path / "state" / "state.yaml", "attic")
    state.answers = {
        "machines": {"hosts": ["10.0.0.11"]},
        "addresses": {"pool": "10.0.0.60-10.0.0.69", "internal_address": "10.0.0.60",
                      "external_address": "10.0.0.61", "dns_address": "10.0.0.62", "arp": False},
        "domains": {"provider": "none", "external_domain": "h.test", "internal_domain": "i.h.test"},
        "repository": {"url": f"file://{tmp_path}/far.git", "branch": "main", "apps": ["hello"]},
        "flux": {"download_mirror": None, "checksums_file": None},
    }  # fmt: skip
    state.save()
    made = Context(FluxWorld(tmp_path), state, Front(), events.Bus())
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(tmp_path / "far.git"))
    (tmp_path / "state" / "kubeconfig").write_text("x")
    sops.make_key(tmp_path / "state" / "age.key")
    repo(made).copy()
    world(made).push("README.md", "first\n")
    return made


def world(ctx: Context) -> FluxWorld:
    assert isinstance(ctx.world, FluxWorld)
    return ctx.world


def run(ctx: Context) -> None:
    Engine([Flux()], ctx, Consent(yes=True)).run_step(Flux())


def plan(ctx: Context) -> list[str]:
    return [change.id for change in Flux().plan(Flux().check(ctx), ctx.answers)]


def test_a_bare_cluster_is_handed_the_keys_bootstrapped_and_watched(ctx: Context) -> None:
    assert plan(ctx) == ["flux/keys", "flux/bootstrap", "flux/wait"]
    assert world(ctx).api.applied == []
    run(ctx)
    ((argv, env),) = world(ctx).runs
    assert "--path=clusters/attic --silent" in " ".join(argv) and "--private-key-file" not in " ".join(argv)
    assert env["KUBECONFIG"] == str(ctx.state.path.parent / "kubeconfig")
    secret = world(ctx).api.objects[f"{SPACE}/secrets/sops-age"]["data"]
    assert base64.b64decode(secret["age.agekey"]).decode() == (ctx.state.path.parent / "age.key").read_text()
    assert plan(ctx) == []


def test_another_key_in_the_cluster_is_told_and_put_right(ctx: Context) -> None:
    run(ctx)
    world(ctx).api.objects[f"{SPACE}/secrets/sops-age"]["data"] = {"age.agekey": base64.b64encode(b"other").decode()}
    sentences = [change.sentence for change in Flux().plan(Flux().check(ctx), ctx.answers)]
    assert sentences == [
        "put the right keys into flux-system again: sops-age held others",
        "wait until the cluster runs what the repository says",
    ]
    run(ctx)
    assert plan(ctx) == []


def test_a_new_commit_is_waited_for(ctx: Context) -> None:
    run(ctx)
    world(ctx).push("README.md", "second\n")
    assert plan(ctx) == ["flux/wait"]
    apply = world(ctx).api.apply

    def nudged(path: str, body: Mapping[str, Any]) -> None:
        apply(path, body)
        world(ctx).reconcile()

    world(ctx).api.apply = nudged  # type: ignore[method-assign]
    run(ctx)
    assert world(ctx).api.applied[-1] == SYNC_SOURCE


def test_what_never_becomes_ready_is_named_with_its_reason(ctx: Context) -> None:
    world(ctx).broken = True
    with pytest.raises(WizardError, match="in vain") as caught:
        run(ctx)
    assert "Kustomization flux-system/hello: BuildFailed: accumulating resources" in caught.value.why


def test_a_half_done_bootstrap_is_completed(ctx: Context) -> None:
    world(ctx).says = ["context deadline exceeded"]
    with pytest.raises(WizardError, match="could not be installed"):
        run(ctx)
    assert plan(ctx) == ["flux/bootstrap", "flux/wait"]
    run(ctx)
    assert plan(ctx) == []


def test_a_push_in_between_is_tried_once_more(ctx: Context) -> None:
    world(ctx).says = ["failed to push: non-fast-forward update: refs/heads/main"]
    run(ctx)
    assert len(world(ctx).runs) == 2


@pytest.mark.parametrize(
    ("says", "what", "kind"),
    [
        ("ssh: handshake failed: knownhosts: key mismatch", "does not show the host key", TrustError),
        ("failed to push: pre-receive hook declined", "does not take the push", WizardError),
        ("something else", "could not be installed", WizardError),
    ],
)
def test_what_flux_prints_is_told_in_words(ctx: Context, says: str, what: str, kind: type[WizardError]) -> None:
    world(ctx).says = [says]
    with pytest.raises(kind, match=what):
        run(ctx)


def test_over_ssh_the_key_is_in_an_agent_and_the_pinned_host_key_holds(ctx: Context) -> None:
    ctx.answers["repository"]["url"] = "ssh://git@127.0.0.1:1/me/home.git"
    make_deploy_key(ctx)
    world(ctx).says = ["unable to authenticate"]
    with pytest.raises(WizardError):
        flux_cli.bootstrap(ctx, Path("kubeconfig"))
    ((argv, env),) = world(ctx).runs
    assert argv[0] == "ssh-agent" and argv[4] == str(ctx.state.path.parent / "deploy_key")
    assert env["SSH_KNOWN_HOSTS"] == str(ctx.state.path.parent / "git_known_hosts")
    assert "PRIVATE" not in " ".join(argv)


@pytest.mark.parametrize(
    ("path", "spec", "words"),
    [
        (SYNC_SOURCE, {"url": "ssh://git@other/x.git", "ref": {"branch": "main"}}, "the repository ssh://git@other/x.git"),
        (SYNC, {"path": "./clusters/cellar"}, "the folder ./clusters/cellar"),
    ],
)  # fmt: skip
def test_a_cluster_that_follows_another_repository_is_left_alone(
    ctx: Context, path: str, spec: dict[str, Any], words: str
) -> None:
    run(ctx)
    world(ctx).api.objects[path]["spec"] = spec
    with pytest.raises(Blocked, match="already follows") as caught:
        run(ctx)
    assert words in caught.value.what and len(world(ctx).runs) == 1


def test_what_a_person_suspended_is_not_waited_for(ctx: Context) -> None:
    run(ctx)
    world(ctx).api.objects[place("kustomizations", "hello")]["spec"]["suspend"] = True
    with pytest.raises(Blocked, match="told to leave something alone"):
        run(ctx)


def test_before_the_cluster_or_the_repository_there_is_nothing_to_do(ctx: Context) -> None:
    key = ctx.state.path.parent / "age.key"
    key.rename(key.with_suffix(".kept"))
    with pytest.raises(Blocked, match="The repository has not been written"):
        plan(ctx)
    (ctx.state.path.parent / "kubeconfig").unlink()
    with pytest.raises(Blocked, match="There is no cluster yet"):
        plan(ctx)


def test_a_release_that_was_given_up_on_is_told_to_begin_again(ctx: Context) -> None:
    run(ctx)
    path = place("helmreleases", "traefik", "traefik")
    gone = {"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "x"}
    world(ctx).put(path, {}, {"conditions": [{**READY, "status": "False", "reason": "InstallFailed"}, gone]})
    with pytest.raises(WizardError, match="in vain"):
        run(ctx)
    assert set(world(ctx).api.objects[path]["metadata"]["annotations"]) == {
        "reconcile.fluxcd.io/requestedAt", "reconcile.fluxcd.io/resetAt", "reconcile.fluxcd.io/forceAt",
    }  # fmt: skip


# -- the program ------------------------------------------------------------------------------------------------


def archive() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("flux")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"flux"))
    return out.getvalue()


@pytest.mark.parametrize("source", ["file", "release"])
def test_a_missing_program_is_downloaded_and_checked(
    ctx: Context, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "system", lambda: "linux_arm64")
    world(ctx).installed = False
    version, data = flux_cli.pin()["version"], archive()
    sums = f"{hashlib.sha256(data).hexdigest()}  flux_{version}_linux_arm64.tar.gz\n"
    base = "http://mirror.test/dl" if source == "file" else "https://github.com"
    folder = f"{base}/fluxcd/flux2/releases/download/v{version}"
    world(ctx).pages = {f"{folder}/flux_{version}_linux_arm64.tar.gz": data}
    if source == "file":
        (tmp_path / "sums").write_text(sums)
        ctx.answers["flux"] = {"download_mirror": base, "checksums_file": str(tmp_path / "sums")}
    else:
        world(ctx).pages[f"{folder}/flux_{version}_checksums.txt"] = sums.encode()
    assert plan(ctx)[0] == "flux/download"
    run(ctx)
    assert (tmp_path / "bin" / f"flux-{version}").read_bytes() == b"flux"
    assert world(ctx).runs[0][0][0] == str(tmp_path / "bin" / f"flux-{version}")


def test_a_mirror_without_encryption_needs_checksums(ctx: Context) -> None:
    problems = Flux().validate({"flux": {"download_mirror": "http://mirror.test", "checksums_file": None}})
    assert [problem.path for problem in problems] == ["flux.download_mirror"]
    assert Flux().validate({"flux": {"download_mirror": "https://mirror.test"}}) == []
