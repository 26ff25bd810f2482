"""Pods and Services: do selectors, ports, volumes, claims, secrets and settings that are named exist?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from steps.gitops import charts, sight
from steps.gitops.tree import Finding, Name, Object, Tree, get, items, mapping

Way = tuple[str | int, ...]
Ref = tuple[Way, str, str, str]  # the way to it, kind, name, key (empty: the whole object)


def selectors(tree: Tree) -> Iterator[Finding]:
    """A workload selects its own pods; the API refuses one that does not."""
    for one in tree.objects:
        if one.kind not in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet") or one.group != "apps":
            continue
        labels = mapping(get(one.spec, "template", "metadata", "labels"))
        for key, value in mapping(get(one.spec, "selector", "matchLabels")).items():
            if labels.get(key) != value and "${" not in str(value):
                what = f"it selects {key}: {value}, and its pods have not that label"
                fix = "Write the same labels in selector.matchLabels and template.metadata.labels."
                yield one.finding("selector-other", ("spec", "selector", "matchLabels", key), what, fix)


def volumes(tree: Tree) -> Iterator[Finding]:
    for one in tree.objects:
        spec = (sight.pod_spec(one) or ((), {}))[1]
        known = {str(volume.get("name")) for _, volume in items(spec.get("volumes"))}
        known |= {str(get(claim, "metadata", "name")) for _, claim in items(one.spec.get("volumeClaimTemplates"))}
        for way, container in sight.containers(one):
            for number, mount in items(container.get("volumeMounts")):
                if str(mount.get("name")) not in known and "${" not in str(mount.get("name")):
                    fix = f"Its volumes: {', '.join(sorted(known)) or 'none'}."
                    what = f"there is no volume {mount.get('name')}"
                    yield one.finding("volume-missing", (*way, "volumeMounts", number, "name"), what, fix)


def probes(tree: Tree) -> Iterator[Finding]:
    """A probe asks a port by a name that the container has."""
    for one in tree.objects:
        for way, container in sight.containers(one):
            named = {str(port.get("name")) for _, port in items(container.get("ports"))}
            for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
                for how in ("httpGet", "tcpSocket"):
                    port = get(container, probe, how, "port")
                    if isinstance(port, str) and port not in named and not port.isdigit() and "${" not in port:
                        fix = f"Its ports: {', '.join(sorted(named)) or 'none has a name'}."
                        what = f"{probe} asks the port {port}, which the container has not"
                        yield one.finding("port-unnamed", (*way, probe, how, "port"), what, fix)


# -- Services --------------------------------------------------------------------------------------------------


def services(tree: Tree) -> Iterator[Finding]:
    """A Service selects pods that are there, and leads to a port that they have."""
    for one in tree.of("Service", ""):
        wanted = mapping(one.spec.get("selector"))
        if not wanted or any("${" in str(value) for value in wanted.values()):
            continue
        pods = [each for each in tree.objects if each.namespace == one.namespace and _selected(each, wanted)]
        if pods:
            yield from _ports(one, pods)
        elif one.namespace not in sight.BOOTSTRAPPED and not sight.may_hold_more(tree, one.namespace):
            shown = ", ".join(f"{key}: {value}" for key, value in wanted.items())
            what = f"no pod in {one.namespace} has the labels {shown}"
            fix = "Compare with template.metadata.labels of what it is for."
            yield one.finding("service-empty", ("spec", "selector"), what, fix)


def _selected(one: Object, wanted: Mapping[str, Any]) -> bool:
    found = sight.pod_spec(one)
    if found is None:
        return False
    labels = mapping(get(one.body, *found[0][:-1], "metadata", "labels"))
    return all(labels.get(key) == value for key, value in wanted.items())


def _ports(service: Object, pods: list[Object]) -> Iterator[Finding]:
    named = {
        str(port.get("name")) for pod in pods for _, box in sight.containers(pod) for _, port in items(box.get("ports"))
    }
    for number, port in items(service.spec.get("ports")):
        target = port.get("targetPort")
        if isinstance(target, str) and target not in named and not target.isdigit() and "${" not in target:
            what = f"its port {port.get('port')} leads to {target}, and no container has a port of that name"
            fix = f"Named ports: {', '.join(sorted(named - {'None'})) or 'none'}."
            yield service.finding("port-unnamed", ("spec", "ports", number, "targetPort"), what, fix)


# -- what pods name ----------------------------------------------------------------------------------------------


def references(tree: Tree) -> Iterator[Finding]:
    """Secrets, ConfigMaps, claims and accounts that pods name are there: without them no pod starts."""
    secrets, maps = sight.secrets(tree), sight.config_maps(tree)
    # While nothing is encrypted yet, no Secret is known.
    known: dict[str, Mapping[Name, list[str] | None]] = {"Secret": secrets, "ConfigMap": maps}
    for one in tree.objects:
        for way, kind, name, key in _refs(one):
            if "${" in name or not name or (kind == "Secret" and tree.own and not secrets):
                continue
            yield from _resolved(one, (way, kind, name, key), known[kind], tree)


def _resolved(one: Object, ref: Ref, known: Mapping[Name, list[str] | None], tree: Tree) -> Iterator[Finding]:
    way, kind, name, key = ref
    space = charts.installs_into(one) if one.kind == "HelmRelease" else one.namespace
    if one.kind == "HelmRelease" and way[1] == "valuesFrom":
        space = one.namespace
    code = "secret-missing" if kind == "Secret" else "config-map-missing"
    if (space, name) not in known:
        if not sight.may_hold_more(tree, space, charts_too=one.kind != "HelmRelease"):
            near = ", ".join(sorted(other for where, other in known if where == space))
            fix = f"Known in {space}: {near}." if near else f"Add it to {space}; nothing starts without it."
            yield one.finding(code, way, f"there is no {kind} {space}/{name}", fix)
        return
    keys = known[space, name]
    if key and keys is not None and key not in keys and "${" not in key:
        fix = f"Its keys: {', '.join(keys)}." if keys else "It has none."
        yield one.finding("key-missing", (*way[:-1], "key"), f"the {kind} {name} has no key {key}", fix)


def _refs(one: Object) -> Iterator[Ref]:
    if one.kind == "HelmRelease":
        for number, ref in items(one.spec.get("valuesFrom")):
            if ref.get("kind") in ("Secret", "ConfigMap") and not ref.get("optional"):
                way: Way = ("spec", "valuesFrom", number)
                key = str(ref.get("valuesKey") or "values.yaml")
                yield way, str(ref["kind"]), str(ref.get("name")), key
        yield from _in_values(one.spec.get("values"), ("spec", "values"))
    for way, container in sight.containers(one):
        yield from _of_container(way, container)
    if found := sight.pod_spec(one):
        yield from _of_pod(*found)


def _in_values(values: Any, way: Way) -> Iterator[Ref]:
    """A chart is told the name of a Secret that is there already."""
    for key, value in mapping(values).items():
        if key in ("existingSecret", "existingSecretName") and isinstance(value, str):
            yield (*way, key), "Secret", value, str(mapping(values).get("passwordKey") or "")
        elif key == "secretKeyRef" and isinstance(value, Mapping):
            yield (*way, key), "Secret", str(value.get("name") or ""), str(value.get("key") or "")
        elif isinstance(value, list):
            for number, each in items(value):
                yield from _in_values(each, (*way, key, number))
        else:
            yield from _in_values(value, (*way, key))


def _of_container(way: Way, container: Mapping[str, Any]) -> Iterator[Ref]:
    for number, env in items(container.get("env")):
        for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            ref = mapping(get(env, "valueFrom", field))
            if ref and not ref.get("optional"):
                here = (*way, "env", number, "valueFrom", field)
                yield (*here, "name"), kind, str(ref.get("name")), str(ref.get("key") or "")
    for number, source in items(container.get("envFrom")):
        for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            ref = mapping(source.get(field))
            if ref and not ref.get("optional"):
                yield (*way, "envFrom", number, field, "name"), kind, str(ref.get("name")), ""


def _of_pod(way: Way, spec: Mapping[str, Any]) -> Iterator[Ref]:
    for number, volume in items(spec.get("volumes")):
        here = (*way, "volumes", number)
        for source in (volume, *(one for _, one in items(get(volume, "projected", "sources")))):
            for field, kind, name in (("secret", "Secret", "secretName"), ("configMap", "ConfigMap", "name")):
                ref = mapping(source.get(field))
                if ref and not ref.get("optional"):
                    yield (*here, field, name), kind, str(ref.get(name) or ref.get("name") or ""), ""
    for number, ref in items(spec.get("imagePullSecrets")):
        yield (*way, "imagePullSecrets", number, "name"), "Secret", str(ref.get("name")), ""


def claims(tree: Tree) -> Iterator[Finding]:
    known = {one.key for one in tree.of("PersistentVolumeClaim")}
    for one in tree.objects:
        if found := sight.pod_spec(one):
            way, spec = found
            for number, volume in items(spec.get("volumes")):
                name = str(get(volume, "persistentVolumeClaim", "claimName") or "")
                hidden = sight.may_hold_more(tree, one.namespace) or "${" in name
                if name and (one.namespace, name) not in known and not hidden:
                    here: Way = (*way, "volumes", number, "persistentVolumeClaim", "claimName")
                    what = f"there is no PersistentVolumeClaim {name}"
                    yield one.finding("claim-missing", here, what, "Its pod would stay Pending: add one beside it.")


def accounts(tree: Tree) -> Iterator[Finding]:
    known = {one.key for one in tree.of("ServiceAccount")}
    for one in tree.objects:
        if found := sight.pod_spec(one):
            name = str(found[1].get("serviceAccountName") or "default")
            hidden = sight.may_hold_more(tree, one.namespace) or "${" in name
            if name != "default" and (one.namespace, name) not in known and not hidden:
                what = f"there is no ServiceAccount {name}"
                fix = "No pod would be made: add one beside it, or leave serviceAccountName out."
                yield one.finding("account-missing", (*found[0], "serviceAccountName"), what, fix)


def storage(tree: Tree) -> Iterator[Finding]:
    """kubeadm brings no storage: a claim stays Pending unless something provides it."""
    provided = [*tree.of("StorageClass"), *tree.of("PersistentVolume")]
    others = [one for one in tree.of("HelmRelease") if not charts.chart_of(one, tree).known]
    if provided or others or tree.unseen:
        return
    for one in tree.of("PersistentVolumeClaim"):
        fix = "Add a provider (local-path-provisioner, NFS), or a PersistentVolume."
        yield one.finding("storage-missing", ("spec",), "nothing in this repository provides storage", fix)


RULES: tuple[Any, ...] = (selectors, volumes, probes, services, references, claims, accounts, storage)
