"""What one Pi lacks of Kubernetes' and containerd's software and settings. Pure: facts and settings in, changes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from steps import facts as node_facts
from steps import kubernetes as versions
from steps import nodefiles, nodes, ops, packages, prepare_system
from steps.facts import NodeFacts
from steps.packages import Repository
from wizard import assets
from wizard.context import Context
from wizard.errors import Blocked
from wizard.question import Answers
from wizard.step import Change
from wizard.wait import until

KUBERNETES = ("kubelet", "kubeadm", "kubectl")
HELD = ("containerd.io", *KUBERNETES)
TOOLS = ("ca-certificates", "conntrack", "socat", "ebtables", "ethtool", "iptables")
CONFIG = "/etc/containerd/config.toml"
EXTRA = "/etc/containerd/conf.d/homelab.toml"
MIRROR = "/etc/containerd/certs.d/_default/hosts.toml"


@dataclass(frozen=True)
class Settings:
    """What holds for every Pi, out of the answers and `versions.yaml`."""

    control_planes: tuple[str, ...]
    kubernetes_apt: str
    containerd_apt: str
    own_key: bytes
    files: Mapping[str, str]  # containerd's, path -> text
    kubernetes_package: str
    minor: str
    needs_containerd: str


def settings(answers: Answers, own_key: bytes) -> Settings:
    """The settings of the answers. Pure."""
    pins = assets.versions()
    kubernetes, containerd, given = pins["kubernetes"], pins["containerd"], answers.get("prepare", {})
    wanted = versions.wanted(answers)
    minor = f"{wanted.major}.{wanted.minor}"
    own = kubernetes["minors"][minor]
    return Settings(
        tuple(nodes.control_planes(answers)), given.get("kubernetes_apt") or kubernetes["apt"],
        given.get("containerd_apt") or containerd["apt"], own_key, containerd_files(given, own["pause"]),
        wanted.package, minor, own["needs_containerd"],
    )  # fmt: skip


def containerd_files(given: Mapping[str, Any], pause: str) -> dict[str, str]:
    """containerd's configuration files; an empty text for one that must not be there."""
    mirror, extra = given.get("registry_mirror"), given.get("containerd_extra")
    return {
        CONFIG: nodefiles.containerd_config(assets.text("node/containerd-config.toml"), pause),
        EXTRA: nodefiles.containerd_extra(extra) if extra else "",
        MIRROR: nodefiles.registry_mirror(mirror) if mirror else "",
    }


def repositories(facts: NodeFacts, settings: Settings) -> tuple[Repository, Repository]:
    """Where kubeadm and containerd come from, for this Pi's system."""
    pins = assets.versions()
    kubernetes = f"{settings.kubernetes_apt}/core:/stable:/v{settings.minor}/deb/"
    docker = f"{settings.containerd_apt}/linux/{facts.os_id}"
    return (
        Repository(
            "kubernetes", f"Kubernetes {settings.minor}", kubernetes, "/", "", f"{kubernetes}Release.key",
            pins["kubernetes"]["key"],
        ),
        Repository(
            "containerd", "containerd", docker, facts.os_codename, "stable", f"{docker}/gpg", pins["containerd"]["key"],
            "containerd.io", older_suites(facts, pins["containerd"]["suites"]),
        ),
    )  # fmt: skip


def older_suites(facts: NodeFacts, known: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """The suites of older releases of this Pi's system, newest first: their packages run on it too."""
    releases = {packages.version(release): name for release, name in known.get(facts.os_id, {}).items()}
    mine = packages.version(facts.os_version)
    return tuple(releases[release] for release in sorted(releases, reverse=True) if release < mine)


def changes(facts: NodeFacts, settings: Settings) -> Iterator[Change]:
    """What is left to do, in order; a reboot, where one is needed, is the last."""
    if not facts.installed("ca-certificates"):  # or no address with https can be fetched
        yield Change(
            "prepare/certificates", "install the certificates of well-known authorities",
            lambda ctx: packages.install(ctx, facts.address, ["ca-certificates"]), facts.address,
        )  # fmt: skip
    for repository in repositories(facts, settings):
        yield from packages.repository_changes("prepare", repository, facts, settings.own_key)
    yield from _packages(facts, settings)
    yield from _containerd(facts, settings)
    if facts.units.get("kubelet.service", {}).get("UnitFileState") != "enabled":
        yield Change(
            "prepare/kubelet", "let kubelet start at every boot",
            lambda ctx: _run(ctx, facts, "prepare/kubelet"), facts.address,
        )  # fmt: skip
    yield from _reboot(facts)


def conflict(facts: NodeFacts, settings: Settings) -> Blocked | None:
    """Another entry for one of our repositories: apt refuses two that name different keys."""
    for repository in repositories(facts, settings):
        for line in facts.apt_sources:
            path, _, entry = line.partition(":")
            if path != repository.sources_path and _place(repository.uri) in [_place(word) for word in entry.split()]:
                return Blocked(
                    f"{path} already names the package repository {repository.uri}.",
                    "apt refuses two entries for one repository when they name different keys.",
                    f"Remove that entry (sudo nano {path}) and run the same command again.", host=facts.address,
                )  # fmt: skip
    return None


def _place(uri: str) -> str:
    return uri.partition("://")[2].rstrip("/")


def _run(ctx: Context, facts: NodeFacts, script: str, *args: str) -> None:
    ops.follow(ctx, facts.address, script, *args)


def missing(facts: NodeFacts, settings: Settings) -> list[str]:
    """What to ask apt for. The version of a Pi that is already part of a cluster is not touched: that is an upgrade."""
    wanted = []
    containerd = packages.version(facts.installed("containerd.io"))
    if containerd < packages.version(settings.needs_containerd):
        wanted.append("containerd.io")
    for name in KUBERNETES:
        version = facts.installed(name)
        if version != settings.kubernetes_package and not (version and facts.kubelet_conf):
            wanted.append(f"{name}={settings.kubernetes_package}")
    return wanted + [name for name in TOOLS if not facts.installed(name)]


def _packages(facts: NodeFacts, settings: Settings) -> Iterator[Change]:
    if wanted := missing(facts, settings):
        names = ", ".join(name.replace("=", " ") for name in wanted)
        replaced = [name for name in ("docker.io", "containerd") if facts.installed(name) and "containerd.io" in wanted]
        sentence = f"install {names}" + (f" in place of {' and '.join(replaced)}" if replaced else "")

        def do(ctx: Context) -> None:
            packages.install(ctx, facts.address, wanted)
            _new_enough(node_facts.gather_one(ctx, facts.address), settings)

        yield Change("prepare/packages", sentence, do, facts.address)
    changed = {name.partition("=")[0] for name in missing(facts, settings)}  # apt forgets the hold of what it changes
    if changed & set(HELD) or not all(facts.packages.get(name, ("", False))[1] for name in HELD):
        yield Change(
            "prepare/hold", f"keep {', '.join(HELD)} at their versions when the system is updated",
            lambda ctx: _run(ctx, facts, "prepare/hold", *HELD), facts.address,
            lambda ctx: _run(ctx, facts, "prepare/hold-undo", *HELD),
        )  # fmt: skip


def _new_enough(facts: NodeFacts, settings: Settings) -> None:
    """Raises `Blocked` when the repository had no containerd that is new enough."""
    version = facts.installed("containerd.io")
    if packages.version(version) < packages.version(settings.needs_containerd):
        raise Blocked(
            f"containerd {version} is too old for Kubernetes {settings.minor}.",
            f"It needs {settings.needs_containerd}; {settings.containerd_apt} has no newer one for this system.",
            "Name a repository that has one with containerd_apt, and its key with apt_key_file.",
            host=facts.hostname or facts.address,
        )  # fmt: skip


def _containerd(facts: NodeFacts, settings: Settings) -> Iterator[Change]:
    wanted = {path: text for path, text in settings.files.items() if text != facts.files.get(path, "")}
    enabled = facts.units.get("containerd.service", {}).get("UnitFileState") == "enabled"
    if not wanted and enabled and facts.active("containerd") and not facts.containerd_stale:
        return

    def do(ctx: Context) -> None:
        for path, text in wanted.items():
            if text:
                ops.write_file(ctx, facts.address, path, text)
            else:
                ops.remove(ctx, facts.address, path)
        ops.follow(ctx, facts.address, "prepare/containerd")

    def undo(ctx: Context) -> None:
        for path in wanted:
            prepare_system.restore(facts, path)(ctx)
        ops.follow(ctx, facts.address, "prepare/containerd")

    sentence = "configure containerd for Kubernetes and restart it" if wanted else "restart containerd"
    yield Change("prepare/containerd", sentence, do, facts.address, undo)


def reboot_reasons(facts: NodeFacts) -> list[str]:
    """Why this Pi has to be rebooted; empty when it doesn't."""
    reasons = [] if facts.memory_cgroup else ["switch the memory cgroup on"]
    return reasons + (["get rid of compressed swap"] if any("/zram" in swap for swap in facts.swaps) else [])


def _reboot(facts: NodeFacts) -> Iterator[Change]:
    reasons = reboot_reasons(facts)

    def do(ctx: Context) -> None:
        ctx.progress(facts.address, "rebooting")
        nodes.host(ctx, facts.address).reboot(timeout=300)
        until(
            ctx, "containerd to run again", lambda: node_facts.gather_one(ctx, facts.address).active("containerd"),
            deadline=120, host=facts.address, fix="Look at its log on the Pi: journalctl -u containerd",
        )  # fmt: skip
        prepare_system.wait_for_time(ctx, facts.address)
        prepare_system.check_memory_cgroup(node_facts.gather_one(ctx, facts.address))

    if reasons:
        yield Change("prepare/reboot", f"reboot to {' and '.join(reasons)}", do, facts.address)
