"""Is everything there when its turn comes? Namespaces, and the kinds that other parts bring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steps.gitops import charts
from steps.gitops.tree import Finding, Name, Part, Tree, get, mapping

ALWAYS = frozenset(("default", "kube-system", "kube-public", "kube-node-lease", "flux-system"))
MONITORS = ("serviceMonitor", "podMonitor", "servicemonitor", "podmonitor", "prometheusRule")


def namespaces_there(tree: Tree) -> Iterator[Finding]:
    every = {one.name for one in tree.of("Namespace")} | ALWAYS | _created(tree.objects)
    for part in tree.parts:
        before = [one for other in tree.before(part) for one in other.objects]
        made = {one.name for one in before if one.kind == "Namespace"} | ALWAYS | _created(before)
        told: set[str] = set()
        for one in part.objects:
            space = one.namespace
            if not space or space in made or space in told or "${" in space or (space not in every and tree.unseen):
                continue
            if space in every:
                what = f"the namespace {space} is made by a part that {part.key[1] or 'this folder'} does not wait for"
                fix = "Add that part to dependsOn, or a Namespace beside it."
            else:
                what, fix = f"nothing makes the namespace {space}", "Is it spelt right? Else add a Namespace beside it."
            told.add(space)
            yield one.finding("namespace-unmade", ("metadata", "namespace"), what, fix)


def _created(objects: Any) -> set[str]:
    """Namespaces that releases make for themselves."""
    return {
        charts.installs_into(one)
        for one in objects
        if one.kind == "HelmRelease" and get(one.spec, "install", "createNamespace")
    }


# -- kinds -----------------------------------------------------------------------------------------------------


def kinds_come_first(tree: Tree) -> Iterator[Finding]:
    """An object is applied only once its kind is there: the part that brings the kind is waited for.

    In a person's own repository the first one of each kind is told: somebody may have put the kinds there by hand.
    """
    told: set[str] = set()
    for finding, group in (*_early_objects(tree), *_early_monitors(tree)):
        if tree.own or group not in told:
            yield finding
        told.add(group)


def _early_objects(tree: Tree) -> Iterator[tuple[Finding, str]]:
    bring = _bringers(tree)
    for part in tree.parts:
        before = {one.key for one in tree.before(part)}
        told: set[str] = set()
        for one in part.objects:
            needed = bring.get(one.group, {})
            if not needed or one.group in told:
                continue
            if any(key in before and (key != part.key or at_once) for key, at_once in needed.items()):
                continue
            told.add(one.group)
            names = " or ".join(sorted({key[1] for key in needed}))
            if part.key in needed:
                what = f"its kind comes with a release in the same part ({names}), which is never reached without it"
                fix = "Put it into a part of its own that depends on this one."
            else:
                what = f"its kind comes with {names}, which {part.key[1] or 'this folder'} does not wait for"
                fix = f"Add {names} to dependsOn in {part.one.file}." if part.one else "Move it into a part that does."
            yield one.finding("kind-too-early", ("kind",), what, fix), one.group


def _bringers(tree: Tree) -> dict[str, dict[Name, bool]]:
    """API group -> the parts that make its kinds known, and whether at once (CRDs) or only later (by a release)."""
    found: dict[str, dict[Name, bool]] = {}
    for part in tree.parts:
        for one in part.objects:
            if one.kind == "CustomResourceDefinition":
                found.setdefault(str(one.spec.get("group")), {})[part.key] = True
            elif one.kind == "HelmRelease":
                for group in charts.brings(one, charts.chart_of(one, tree)):
                    found.setdefault(group, {}).setdefault(part.key, False)
        for group in _from_afar(part, tree):
            found.setdefault(group, {})[part.key] = True
    return found


def _from_afar(part: Part, tree: Tree) -> Iterator[str]:
    """What a part brings whose files are in another repository, as far as that repository is known."""
    if part.one is not None and not part.here:
        ref = mapping(part.one.spec.get("sourceRef"))
        source = tree.named(str(ref.get("kind"))).get((str(ref.get("namespace") or part.key[0]), str(ref.get("name"))))
        if source is not None and "gateway-api" in f"{source.name} {source.spec.get('url')}":
            yield "gateway.networking.k8s.io"


def _early_monitors(tree: Tree) -> Iterator[tuple[Finding, str]]:
    """A chart that is to make a ServiceMonitor fails as long as that kind is not known."""
    bring = _bringers(tree).get("monitoring.coreos.com", {})
    for part in tree.parts:
        before = {one.key for one in tree.before(part)}
        for one in part.objects if tree.own or bring else ():
            if one.kind != "HelmRelease":
                continue
            chart = charts.chart_of(one, tree)
            way = _monitor(one.spec.get("values"), ("spec", "values"))
            late = not bring or not any(key in before and (key != part.key or now) for key, now in bring.items())
            if way and late and "monitoring.coreos.com" not in mapping(chart.known.get("brings")):
                names = " or ".join(sorted({key[1] for key in bring})) or "a part that brings Prometheus' kinds"
                what = f"{way[-1]} needs the kinds of {names}, which {part.key[1]} does not wait for"
                fix = f"Add {names} to dependsOn, or leave it out."
                yield one.finding("kind-too-early", way, what, fix), "monitoring.coreos.com"


def _monitor(values: Any, way: tuple[str, ...]) -> tuple[str, ...] | None:
    """The way to the first switch in a chart's values that makes one of Prometheus' kinds."""
    for key, value in mapping(values).items():
        if key in MONITORS and mapping(value).get("enabled") is True:
            return (*way, key)
        if found := _monitor(value, (*way, key)):
            return found
    return None


def kinds_stay(tree: Tree) -> Iterator[Finding]:
    """With its CRDs, everything of that kind goes: they must not go by a slip."""
    for part in tree.parts:
        kinds = [one for one in part.objects if one.kind == "CustomResourceDefinition"]
        only = bool(kinds) and all(one.kind in ("CustomResourceDefinition", "Namespace") for one in part.objects)
        if part.one and part.one.spec.get("prune") and (only or [*_from_afar(part, tree)]):
            what = "prune: true would take away these kinds, and every object of them, with this Kustomization"
            yield part.one.finding("kinds-pruned", ("spec", "prune"), what, "Write prune: false.")


def privileges(tree: Tree) -> Iterator[Finding]:
    """Some charts' pods need more than a namespace with a stricter label lets them have."""
    spaces = {one.name: one for one in tree.of("Namespace")}
    label = "pod-security.kubernetes.io/enforce"
    for release in tree.of("HelmRelease"):
        space = spaces.get(charts.installs_into(release))
        if space is None or not charts.chart_of(release, tree).known.get("privileged"):
            continue
        given = mapping(space.meta.get("labels")).get(label)
        if given in ("baseline", "restricted") or (given is None and tree.own):
            what = f"{release.name} needs the label {label}: privileged here"
            fix = "Its pods look at the node itself, and would be refused."
            yield space.finding("pod-security", ("metadata", "labels", label), what, fix)


RULES: tuple[Any, ...] = (namespaces_there, kinds_come_first, kinds_stay, privileges)
