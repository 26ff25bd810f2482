"""Everything that the doctor looks at, once in a run: Pis, API, LAN, DNS, tailnet. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from steps import dns_check, flux, nodes, ops, tailnet_facts, tailnet_identity, tailnet_keys
from steps.tailnet_facts import Member
from steps.why import tls
from steps.why.sight import NodeView, Sight, TailnetView, read, spec, status
from wizard.context import Context
from wizard.errors import HostError, Interrupted, TrustError, WizardError
from wizard.host import facts
from wizard.web.tailnet import Machine
from wizard.world import DnsAnswer

UNITS = ("kubelet", "containerd")


@dataclass
class Looked:
    """What was seen, and why something could not be looked at (by the name of a check)."""

    sight: Sight = field(default_factory=Sight)
    strangers: dict[str, str] = field(default_factory=dict)  # a Pi's name -> what its host key has become
    api: WizardError | None = None  # why the API does not answer
    heads: tuple[str, ...] = ()  # what the control planes say of themselves, when it does not
    missed: dict[str, str] = field(default_factory=dict)


def look(ctx: Context) -> Looked:
    """Looks at everything. What can't be looked at is said, never taken for good."""
    found = Looked()
    names = {address: ctx.name_of(address) for address in nodes.addresses(ctx.answers)}
    ctx.progress(None, "looking at the Pis")
    views = _pis(ctx, found, names)
    ctx.progress(None, "asking the Kubernetes API")
    if flux.kubeconfig(ctx).exists():
        try:
            found.sight = read(ctx.world.cluster(flux.kubeconfig(ctx)))
        except Interrupted:
            raise
        except WizardError as error:
            found.api = error
            found.heads = tuple(_of_heads(ctx, found))
    else:
        found.missed["api"] = "there is no cluster yet: the step Control plane has not been done"
    found.sight.views, found.sight.names = views, names
    if found.api is None and "api" not in found.missed:
        _records(ctx, found)
        _lan(ctx, found)
    _tailnet(ctx, found, names)
    return found


# -- the Pis -----------------------------------------------------------------------------------------------------------


def _pis(ctx: Context, found: Looked, names: dict[str, str]) -> dict[str, NodeView]:
    def one(address: str) -> NodeView | str | None:
        try:
            return view(ops.run(ctx, address, "doctor/look", timeout=30, check=False).out)
        except (Interrupted, KeyboardInterrupt):
            raise
        except TrustError as error:
            found.strangers[names[address]] = " ".join(error.sentences()[:2])
            return None  # nothing was asked there
        except HostError as error:
            return NodeView(reached=False, why=" ".join(error.sentences()[:2]))
        except WizardError as error:
            return " ".join(error.sentences())

    if not names:
        found.missed["pis"] = "no Pis are chosen yet"
        return {}
    seen = ctx.each(list(names), one)
    if reasons := sorted({each for each in seen.values() if isinstance(each, str)}):
        found.missed["pis"] = " ".join(reasons)
    return {names[address]: each for address, each in seen.items() if isinstance(each, NodeView)}


def view(output: str) -> NodeView:
    """What the script ``doctor/look`` said. Pure; never raises."""
    raw = facts.sections(output)
    units = dict(line.split(" ", 1) for line in raw.get("units", "").splitlines() if " " in line)
    journal = {unit: tuple(raw.get(unit, "").strip().splitlines()) for unit in UNITS}
    disk = raw.get("disk", "").strip().removesuffix("%")
    return NodeView(True, units, journal, int(disk) if disk.isdigit() else None)


def _of_heads(ctx: Context, found: Looked) -> list[str]:
    """Why the control planes say that the API does not answer."""
    lines = []
    for address in nodes.control_planes(ctx.answers):
        try:
            told = ops.run(ctx, address, "control-plane/why", timeout=30, check=False).out.strip()
        except Interrupted:
            raise
        except WizardError:
            continue
        lines += [f"{ctx.name_of(address)}: {line}" for line in told.splitlines()]
    return lines


# -- beyond the API ----------------------------------------------------------------------------------------------------


def _records(ctx: Context, found: Looked) -> None:
    """The TXT records of challenges that are under way, as each DNS server shows them."""
    pending = [each for each in found.sight.all("challenges") if status(each).get("state") in ("pending", "")]
    names = dict.fromkeys(tls.record(str(spec(each).get("dnsName") or "")) for each in pending)
    if not names or not ctx.answers.get("domains"):
        return
    ctx.progress(None, "asking DNS servers")
    servers = dns_check.resolvers(ctx.answers)
    pairs = [(name, server) for name in names for server in servers]
    seen = ctx.each(pairs, lambda pair: _text(ctx, *pair))
    found.sight.texts = {name: {server: seen[name, server] for server in servers} for name in names}


def _text(ctx: Context, name: str, server: str) -> DnsAnswer:
    try:
        return ctx.world.dns(server, name, "TXT")
    except Interrupted:
        raise
    except WizardError:
        return DnsAnswer()


def _lan(ctx: Context, found: Looked) -> None:
    """Who answers on the LAN for the load balancer's addresses, and which MAC addresses the Pis have."""
    given = [
        str(each["ip"])
        for one in found.sight.all("services")
        for each in (status(one).get("loadBalancer") or {}).get("ingress") or ()
        if each.get("ip")
    ]
    if not given or not ctx.answers.get("addresses", {}).get("arp", True):
        return
    ctx.progress(None, "asking the LAN who has the addresses")
    pis = nodes.addresses(ctx.answers)
    try:
        answered = ctx.world.arp([*given, *pis])
    except Interrupted:
        raise
    except WizardError as error:
        found.missed["addresses"] = " ".join(error.sentences())
        return
    macs = {mac: ctx.name_of(pi) for pi in pis for mac in answered.get(pi, ())}
    if macs:  # otherwise this computer is not on that LAN
        found.sight.arp, found.sight.macs = answered, macs


def _tailnet(ctx: Context, found: Looked, names: dict[str, str]) -> None:
    if not tailnet_facts.in_use(ctx.answers) or "tailnet" not in ctx.state.done:
        return
    reached = [
        address for address, name in names.items() if name in found.sight.views and found.sight.views[name].reached
    ]
    members, machines = {}, None
    ctx.progress(None, "looking at the tailnet")
    try:
        members = tailnet_facts.look(ctx, reached)
        server, why = tailnet_keys.control_if_any(ctx)
        machines = server.machines() if server else None
        if why:
            found.missed["tailnet"] = why
    except Interrupted:
        raise
    except WizardError as error:
        found.missed["tailnet"] = " ".join(error.sentences())
    routers, wanted = tailnet_facts.routers(ctx.answers), frozenset(tailnet_facts.wanted_routes(ctx.answers))
    found.sight.tailnet = {
        names[address]: of(member, machines, wanted if address in routers else frozenset())
        for address, member in members.items()
    }


def of(member: Member, machines: Sequence[Machine] | None, wanted: frozenset[str]) -> TailnetView:
    """A Pi's place in the tailnet, by its own account and by the control server's. Pure."""
    machine = tailnet_identity.find(machines, tailnet_identity.of(member)) if machines is not None else None
    known, prefs = machines is not None, member.prefs
    approved = frozenset(machine.approved) if machine else frozenset[str]()
    return TailnetView(
        member.state, member.health, str(member.me.get("KeyExpiry") or ""), member.expired,
        frozenset(member.advertised), wanted, approved if known else None,
        frozenset(route for one in machines or () if one.online for route in one.serving) if known else None,
        bool(prefs.get("CorpDNS")), bool(prefs.get("RouteAll")), member.silent, machine.online if machine else None,
    )  # fmt: skip
