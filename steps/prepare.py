"""Prepare: every Pi meets what kubeadm needs, for good: after a reboot too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from steps import facts as node_facts
from steps import kubernetes, nodefiles, prepare_software, prepare_system
from steps.facts import NodeFacts
from steps.openpgp import keys
from wizard.context import Context
from wizard.errors import Blocked, Problem
from wizard.host import facts as read
from wizard.question import MAPPING, PATH, URL, Answers, Question
from wizard.step import Change, Step

QUESTIONS = {
    q.key: q
    for q in (
        Question(
            "kubernetes_version", "Which version of Kubernetes?", kubernetes.VERSION, default=kubernetes.pinned,
            advanced=True, help="Leave it to homelab; homelab node upgrade changes it for a cluster that runs.",
        ),
        Question(
            "kubernetes_apt", "Where do the Kubernetes packages come from?", URL, required=False, advanced=True,
            help="A mirror of pkgs.k8s.io: the address before /core:/stable:/. Leave it out for pkgs.k8s.io itself.",
        ),
        Question(
            "containerd_apt", "Where do the containerd packages come from?", URL, required=False, advanced=True,
            help="A mirror of download.docker.com: the address before /linux/debian.",
        ),
        Question(
            "apt_key_file", "Which key signs those mirrors?", PATH, required=False, advanced=True,
            help="An OpenPGP public key on this computer. It is then the only key that is trusted for both.",
        ),
        Question(
            "registry_mirror", "Is there a mirror for container images?", URL, required=False, advanced=True,
            help="It is asked first for every image, without the registry's name in the path.",
        ),
        Question(
            "containerd_extra", "Any settings of your own for containerd?", MAPPING, default=None, required=False,
            advanced=True, help="Becomes /etc/containerd/conf.d/homelab.toml.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class PrepareFacts:
    """The Pis as they are, control plane first, and the key file from the answers."""

    machines: Mapping[str, NodeFacts]
    own_key: bytes = b""


class Prepare(Step[PrepareFacts]):
    """Brings each Pi to where `kubeadm` can start."""

    name = "prepare"
    title = "Prepare"
    intro = "Each Pi gets what Kubernetes needs: kernel settings, containerd, kubeadm. Some will be rebooted."
    questions = tuple(QUESTIONS.values())

    def validate(self, answers: Answers) -> list[Problem]:
        file = answers.get("prepare", {}).get("apt_key_file")
        try:
            if file:
                keys(Path(file).read_bytes())
        except (OSError, ValueError) as error:
            fix = "Export one with: gpg --armor --export KEY"
            return [Problem("prepare.apt_key_file", f"{file} holds no OpenPGP public key: {error}.", fix)]
        return []

    def check(self, ctx: Context) -> PrepareFacts:
        machines = node_facts.gather(ctx)
        file = ctx.answers.get("prepare", {}).get("apt_key_file")
        facts = PrepareFacts(machines, Path(file).read_bytes() if file else b"")
        settings = prepare_software.settings(ctx.answers, facts.own_key)
        for machine in machines.values():
            conflict = prepare_software.conflict(machine, settings)
            for obstacle in [*obstacles(machine), *([conflict] if conflict else [])]:
                obstacle.host = ctx.name_of(machine.address)
                raise obstacle
        return facts

    def plan(self, facts: PrepareFacts, answers: Answers) -> list[Change]:
        settings = prepare_software.settings(answers, facts.own_key)
        found: list[Change] = []
        for machine in facts.machines.values():
            found += prepare_system.changes(machine, settings.control_planes)
            found += prepare_software.changes(machine, settings)
        return found


def obstacles(facts: NodeFacts) -> Iterator[Blocked]:
    """What only the person can change. Pure."""
    if facts.arch not in ("arm64", "amd64", "armhf", "armel", "i386"):
        yield Blocked(
            f"This system is made for {facts.arch or 'an unknown architecture'}.",
            "Packages of Kubernetes and containerd are made for arm64 and amd64.",
            "Use a Raspberry Pi with a 64-bit system, or a PC.", host=facts.address,
        )  # fmt: skip
    elif facts.arch not in ("arm64", "amd64"):
        yield Blocked(
            f"This system is {facts.arch}; Kubernetes needs a 64-bit one.",
            "There are no Kubernetes packages for 32-bit systems, even where the processor could do more.",
            "Write Raspberry Pi OS Lite (64-bit) to its card and start again.", host=facts.address,
        )  # fmt: skip
    elif facts.os_id not in ("debian", "ubuntu"):
        yield Blocked(
            f"This system calls itself {facts.os_id or 'nothing'}.",
            "containerd's packages are made for Debian (Raspberry Pi OS 64-bit is one) and Ubuntu.",
            "Write Raspberry Pi OS Lite (64-bit) to its card and start again.", host=facts.address,
        )  # fmt: skip
    if not facts.memory_cgroup:
        yield from _memory_cgroup_obstacles(facts)


def _memory_cgroup_obstacles(facts: NodeFacts) -> Iterator[Blocked]:
    file = facts.cmdline_file
    if not file:
        yield Blocked(
            "The kernel's memory cgroup is off, and there is no cmdline.txt to switch it on.",
            "kubelet can't limit memory without it.",
            "Add cgroup_enable=memory to this machine's kernel command line and reboot it.", host=facts.address,
        )  # fmt: skip
    elif facts.files[file].startswith("DO NOT EDIT"):
        yield Blocked(
            f"{file} is only a note; the real one is on the boot partition, which is not there.",
            "Raspberry Pi OS mounts it at /boot/firmware.",
            "Mount it (sudo mount /boot/firmware; see /etc/fstab) and run the same command again.", host=facts.address,
        )  # fmt: skip
    elif not read.is_cmdline(facts.files[file]):
        yield Blocked(
            f"{file} does not look like a kernel command line.", "Its first line names no root=, so it is left alone.",
            "Restore it, with everything on its first line, and run the same command again.", host=facts.address,
        )  # fmt: skip
    elif nodefiles.has_setting(facts.cmdline):
        yield Blocked(
            "The kernel was started with cgroup_enable=memory and still has no memory cgroup.",
            f"Kernel {facts.kernel} may have been built without it.",
            "Update the system (sudo apt full-upgrade), reboot it, and run the same command again.",
            host=facts.address,
        )  # fmt: skip
