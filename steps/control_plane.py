"""Control plane: one Pi becomes the cluster's head, others join it; pods get a network, and this computer the key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steps import certificates, cluster_look, heads, kubeadm, kubeconfig, lineage, nodes, ops, ranges
from steps import facts as node_facts
from steps.cluster_look import Look
from steps.facts import NodeFacts
from steps.kubeadm import Settings
from steps.lineage import UNIT, Evidence
from wizard import yamlfile
from wizard.context import Context
from wizard.errors import Problem, TrustError, WizardError
from wizard.question import MAPPING, NETWORK, TEXT, Answers, Question, list_of
from wizard.secret import Secret
from wizard.state import write_private
from wizard.step import Change, Step
from wizard.wait import until
from wizard.world import Cluster

CONFIG = "/var/lib/homelab/kubeadm.yaml"
READY_SECONDS = 900.0  # images come over a home's line, onto a card

QUESTIONS = {
    q.key: q
    for q in (
        Question("pod_range", "Which range do pods get addresses from?", NETWORK, default="10.244.0.0/16",
                 advanced=True, help="Only used inside the cluster. It must overlap nothing that the Pis can reach."),
        Question("service_range", "Which range do services get addresses from?", NETWORK, default="10.96.0.0/16",
                 advanced=True, help="Only used inside the cluster."),
        Question("kubelet_extra", "Any settings of your own for kubelet?", MAPPING, required=False, advanced=True,
                 help="Merged into KubeletConfiguration, on every Pi."),
        Question("kube_proxy_extra", "Any settings of your own for kube-proxy?", MAPPING, required=False,
                 advanced=True, help="Merged into KubeProxyConfiguration."),
        Question("kubeadm_extra", "Any settings of your own for kubeadm?", MAPPING, required=False, advanced=True,
                 help="By kind: {ClusterConfiguration: {…}, InitConfiguration: {…}, JoinConfiguration: {…}}."),
        Question("ignore_preflight", "Which of kubeadm's preflight errors are to be ignored?", list_of(TEXT),
                 required=False, advanced=True, help="By their names, such as SystemVerification."),
        Question("cni_version", "Which CNI version do the network's plugins speak?", TEXT, required=False,
                 advanced=True, help="Only where the pinned plugin was replaced by another one."),
    )
}  # fmt: skip


@dataclass(frozen=True)
class ClusterFacts:
    """The Pis, how far the cluster has come, and what its API says once this computer may ask it."""

    machines: Mapping[str, NodeFacts]
    stage: lineage.Stage
    others: Mapping[str, heads.Stage] = field(default_factory=dict)  # the other control planes, by address
    remembered: Mapping[str, certificates.Ends] = field(default_factory=dict)  # when certificates end, by address
    kubeconfig: bool = False  # the one on this computer is there and fits
    look: Look | None = None
    known: bool = False  # the evidence names this cluster


class ControlPlane(Step[ClusterFacts]):
    """`kubeadm init` once in the cluster's life, its network, its kubeconfig."""

    name = "control-plane"
    title = "Control plane"
    intro = "The first Pi becomes the head of the cluster. This takes some minutes on a Pi, mostly for downloads."
    rounds = 2  # what had to be waited for may turn out to be unfinished
    questions = tuple(QUESTIONS.values())

    def validate(self, answers: Answers) -> list[Problem]:
        return kubeadm.mistakes(answers)

    def check(self, ctx: Context) -> ClusterFacts:
        machines = node_facts.gather(ctx)
        address = nodes.control_plane(ctx).address
        evidence = evidence_of(ctx, machines[address])
        if error := lineage.refusal(machines, nodes.control_planes(ctx.answers), evidence):
            raise _named(ctx, error)
        stage = lineage.stage(machines[address], evidence)
        addresses = nodes.control_planes(ctx.answers)
        renewed = next((each.until for each in machines[address].certificates if each.name == "admin.conf"), 0.0)
        held = kubeconfig.held(kubeconfig_path(ctx), machines[address].ca_hash)
        fits = held is not None and held.fits(addresses, renewed)
        look = Look.at(cluster(ctx)) if held and held.usable(addresses) and stage == "up" else None
        if look and evidence.uid and look.uid != evidence.uid:
            raise TrustError(
                "The cluster that answers is not the one that was set up.",
                f"Its identity is {look.uid}, pinned is {evidence.uid}.",
                "Use the state of that cluster (--state FILE).", host=ctx.name_of(address),
            )  # fmt: skip
        if look:
            ranges.check(cluster(ctx), ctx.answers)
        known = bool(evidence.uid) and evidence.ca_hash == machines[address].ca_hash
        others = _others(ctx, machines, addresses, look)
        ends = {a: certificates.Ends.recalled(ctx, a) for a in addresses}
        return ClusterFacts(machines, stage, others, ends, fits, look, known)

    def plan(self, facts: ClusterFacts, answers: Answers) -> list[Change]:
        settings = Settings.read(answers)
        address, look = settings.control_plane, facts.look
        name = facts.machines[address].hostname
        making = _making(facts.stage, address, name)
        changes: list[Change] = []
        if not (facts.kubeconfig and facts.known):
            sentence = "save the cluster's kubeconfig on this computer, readable by you alone"
            changes.append(Change("control-plane/kubeconfig", sentence, lambda ctx: fetch_kubeconfig(ctx, address)))
        if look is None or look.flannel != kubeadm.flannel_digest(settings):
            sentence = f"start the pod network (flannel, {settings.pod_range})"
            changes.append(Change("control-plane/network", sentence, _start_network))
        if making or changes or not (look and look.ready(name) and look.network and look.dns):
            sentence = f"wait until {name} is Ready and the cluster's own DNS answers"
            booted = facts.stage == "starting"
            changes.append(
                Change(
                    "control-plane/ready", sentence, lambda ctx: _wait_until_ready(ctx, address, name, booted=booted)
                )
            )
        others = [facts.machines[a] for a in facts.others]
        making += heads.images(others, facts.others)
        changes += heads.joining(others, facts.others, _until_ready, look)
        new = {address: facts.stage != "up"} | {a: stage != "up" for a, stage in facts.others.items()}
        changes += certificates.remembering({a: facts.machines[a] for a in new}, facts.remembered, new)
        return [*making, *changes]


def _others(
    ctx: Context, machines: Mapping[str, NodeFacts], addresses: Sequence[str], look: Look | None
) -> dict[str, heads.Stage]:
    """How far the other control planes have come. Raises `Blocked` for one that can't become one."""
    first, *others = addresses
    if len(addresses) == 2:
        ctx.note("Two control planes", "Two are no safer than one: the cluster stops when either is down. Three go on.")
    found: dict[str, heads.Stage] = {}
    for address in addresses:
        if problem := certificates.expired(machines[address]):
            raise _named(ctx, problem)
    for address in others:
        found[address] = heads.stage(machines[address], heads.membership(ctx, first, machines[address]))
        if problem := heads.obstacle(machines[address], found[address], look):
            raise _named(ctx, problem)
    return found


def _named(ctx: Context, error: WizardError) -> WizardError:
    """`error`, with the name of the Pi instead of its address."""
    error.host = ctx.name_of(error.host)
    return error


def evidence_of(ctx: Context, control_plane: NodeFacts) -> Evidence:
    """What the state remembers about the cluster."""
    same_machine = ctx.state.recall("machines", control_plane.address, "machine_id") == control_plane.machine_id
    begun = any(
        entry.get("change") == "control-plane/init" and entry.get("host") == control_plane.address
        for entry in ctx.state.journal
    )
    uid, ca_hash = ctx.state.recall("cluster", "uid"), ctx.state.recall("cluster", "ca_hash")
    return Evidence(str(uid or ""), str(ca_hash or ""), begun and same_machine)


# -- making the cluster ----------------------------------------------------------------------------------


def _making(stage: lineage.Stage, address: str, name: str) -> list[Change]:
    """What brings the cluster to life, depending on how far it has come."""
    if stage == "up":
        return []
    if stage == "starting":
        sentence = f"wait until the API on {name} answers again"
        return [Change("control-plane/api", sentence, lambda ctx: _wait_for_api(ctx, address), address)]
    if stage == "running":
        sentence = f"wait for the kubeadm init that is at work on {name}"
        return [Change("control-plane/attach", sentence, lambda ctx: _attach(ctx, address, name), address)]
    if stage == "unfinished":
        sentence = f"finish the kubeadm init that was interrupted on {name}; its data stays"
        return [Change("control-plane/finish", sentence, lambda ctx: _finish(ctx, address, name), address)]
    return [
        Change("control-plane/images", "fetch the images of Kubernetes' control plane",
               lambda ctx: _images(ctx, address, name), address),
        Change("control-plane/init", f"make {name} the control plane of a new cluster (kubeadm init)",
               lambda ctx: _init(ctx, address, name), address),
    ]  # fmt: skip


def _config(ctx: Context, name: str) -> str:
    return kubeadm.init_config(Settings.read(ctx.answers), ctx.state.cluster, name)


def _images(ctx: Context, address: str, name: str) -> None:
    ops.write_file(ctx, address, CONFIG, _config(ctx, name), "0600")
    ops.detached(ctx, address, "homelab-images", "control-plane/images", CONFIG)


def _init(ctx: Context, address: str, name: str) -> None:
    ops.write_file(ctx, address, CONFIG, _config(ctx, name), "0600")
    ops.detached(ctx, address, UNIT, "control-plane/init", CONFIG, *nodes.addresses(ctx.answers))


def _finish(ctx: Context, address: str, name: str) -> None:
    """Goes on with the configuration that the interrupted init had, whatever the answers say by now."""
    ops.keep_original(ctx, address, CONFIG, _config(ctx, name), "0600")
    ops.detached(ctx, address, UNIT, "control-plane/finish", CONFIG)


def _attach(ctx: Context, address: str, name: str) -> None:
    """Follows the kubeadm that an earlier run has started. Raises `WizardError` when it left the cluster unfinished."""
    ops.attach(ctx, address, UNIT)
    facts = node_facts.gather_one(ctx, address)
    if lineage.stage(facts, evidence_of(ctx, facts)) != "up":
        raise WizardError(
            f"The kubeadm init that was at work on {name} has not finished the cluster.", _why_no_api(ctx, address),
            "Run the same command again: it goes on from what is there.", host=name,
        )  # fmt: skip


def _wait_for_api(ctx: Context, address: str) -> None:
    until(
        ctx, "the cluster's API to answer", lambda: node_facts.gather_one(ctx, address).api_answers,
        deadline=600, every=3, host=address, why=lambda: _why_no_api(ctx, address),
        fix="Look at the Pi: sudo crictl ps -a; sudo journalctl -u kubelet",
    )  # fmt: skip


def _why_no_api(ctx: Context, address: str) -> str:
    return " ".join(ops.run(ctx, address, "control-plane/why").out.split("\n")).strip()


# -- the kubeconfig --------------------------------------------------------------------------------------


def kubeconfig_path(ctx: Context) -> Path:
    """Where this computer keeps the administrator's kubeconfig of this cluster."""
    return ctx.state.path.parent / "kubeconfig"


def cluster(ctx: Context) -> Cluster:
    """The cluster's API, as the administrator, on the first of the control planes that answers."""
    return ctx.world.cluster(kubeconfig_path(ctx))


def fetch_kubeconfig(ctx: Context, address: str) -> None:
    """Saves the kubeconfig and remembers which cluster it is for. Raises `TrustError` for another than before."""
    text = Secret(ops.run(ctx, address, "control-plane/kubeconfig").out)
    config = yamlfile.load(text.reveal())
    Secret(config["users"][0]["user"]["client-key-data"])  # from now on masked wherever it might be quoted
    ca_hash = kubeconfig.ca_hash(config)
    servers = [address, *(a for a in nodes.control_planes(ctx.answers) if a != address)]
    config = kubeconfig.with_servers(config, {a: ctx.name_of(a) for a in servers})
    pinned = ctx.state.recall("cluster", "ca_hash")
    if pinned and pinned != ca_hash:
        raise TrustError(
            "This Pi's cluster is another one than before.", f"Its CA is {ca_hash}, pinned is {pinned}.",
            "Use the state that belongs to it (--state FILE).", host=ctx.name_of(address),
        )  # fmt: skip
    write_private(kubeconfig_path(ctx), yamlfile.dump(config).encode())
    look = Look.at(cluster(ctx))
    ctx.state.remember("cluster", "ca_hash", value=ca_hash)
    ctx.state.remember("cluster", "uid", value=look.uid)


# -- the network -----------------------------------------------------------------------------------------


def _start_network(ctx: Context) -> None:
    api = cluster(ctx)
    for found in kubeadm.flannel(Settings.read(ctx.answers)):
        api.apply(kubeadm.api_path(found), found)


def _until_ready(address: str, name: str) -> Callable[[Context], None]:
    return lambda ctx: _wait_until_ready(ctx, address, name, booted=False)


def _wait_until_ready(ctx: Context, address: str, name: str, *, booted: bool) -> None:
    """`booted`: what the API says is from before the Pi went down, until its kubelet has given a sign of life."""
    api = cluster(ctx)
    last_sign = cluster_look.sign_of_life(api, name) if booted else ""

    def ready() -> bool:
        if booted and cluster_look.sign_of_life(api, name) == last_sign:
            return False
        look = Look.at(api)
        return look.ready(name) and look.network and look.dns

    def reason() -> str:
        try:
            return cluster_look.why(api, [name])
        except WizardError as error:
            return str(error)

    until(
        ctx, f"{name} to be Ready and the cluster's DNS to answer", ready, deadline=READY_SECONDS, host=address,
        why=reason, fix="Run the same command again; it goes on here.",
    )  # fmt: skip
