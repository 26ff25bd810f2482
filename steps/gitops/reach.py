"""What each cluster gets from a repository: from its folder on, through every Kustomization of Flux found there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from steps.gitops import variables
from steps.gitops.kustomize import Builder, contents
from steps.gitops.transform import apply_patch, renamed
from steps.gitops.tree import Finding, Name, Object, Part, Tree, get, is_yaml, items, mapping, read, texts

FLUX = "kustomize.toolkit.fluxcd.io"
SYSTEM = "flux-system"
Known = dict[tuple[str, str, str], Object]


@dataclass(frozen=True)
class Root:
    """Where a cluster begins: a folder, or a Kustomization of Flux that nothing else applies."""

    folder: str
    source: str = SYSTEM  # the name of the source that is this repository
    one: Object | None = None  # the Kustomization of Flux that applies the folder
    heads: tuple[Object, ...] = ()  # instead of a folder: Kustomizations that nothing else applies


@dataclass
class Reached:
    """What was found. `used` are the files that some cluster gets something from."""

    trees: list[Tree] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


def reach(files: Mapping[str, str], *, own: bool) -> Reached:
    """Every cluster of the repository. `own`: it was rendered here, and nothing in it is unknown."""
    found = Reached()
    every = [one for name, text in files.items() if is_yaml(name) for one in read(name, text)[0]]
    for root in roots(files, every):
        walk = _Walk(files, root)
        parts = walk.parts()
        if any(get(part.one.spec, "postBuild", "substituteFrom") for part in parts if part.one):
            walk = _Walk(files, root, _sources(parts))  # once more, now that its ConfigMaps are known
            parts = walk.parts()
        unseen = tuple(dict.fromkeys(walk.builder.unseen))
        found.trees.append(Tree(files, tuple(parts), unseen, own))
        found.findings += walk.builder.findings
        found.used |= walk.builder.used
    return found


def _sources(parts: list[Part]) -> Known:
    objects = (one for part in parts for one in part.objects if one.kind in ("ConfigMap", "Secret"))
    return {(one.kind, *one.key): one for one in objects}


# -- where clusters begin -----------------------------------------------------------------------------------


def roots(files: Mapping[str, str], every: list[Object]) -> list[Root]:
    """The clusters: as `flux bootstrap` left them, else the folders in `clusters/`, else what nothing else applies."""
    found = {root.folder: root for root in (*_bootstrapped(every), *_instances(every))}
    if found:
        return list(found.values())
    folders = sorted({name.split("/")[1] for name in files if name.startswith("clusters/") and name.count("/") > 1})
    if folders:
        return [Root(f"clusters/{name}") for name in folders]
    heads = tuple(_heads(every))
    return [Root("", str(get(heads[0].spec, "sourceRef", "name")), heads=heads)] if heads else []


def _bootstrapped(every: list[Object]) -> Iterator[Root]:
    for one in every:
        if posixpath.basename(one.file) == "gotk-sync.yaml" and one.group == FLUX:
            yield Root(folder_of(one), str(get(one.spec, "sourceRef", "name")), one)


def _instances(every: list[Object]) -> Iterator[Root]:
    """The same for Flux Operator, by itself or through its chart."""
    for one in every:
        sync = get(one.spec, "sync") if one.kind == "FluxInstance" else get(one.spec, "values", "instance", "sync")
        if isinstance(sync, Mapping) and sync.get("path"):
            yield Root(str(sync["path"]).strip("./"), str(sync.get("name") or SYSTEM))


def _heads(every: list[Object]) -> Iterator[Object]:
    kustomizations = [one for one in every if one.kind == "Kustomization" and one.group == FLUX]
    for one in kustomizations:
        others = [folder_of(other) for other in kustomizations if other is not one]
        if not any(one.file.startswith(f"{folder}/") for folder in others if folder):
            yield one


def folder_of(kustomization: Object) -> str:
    """The folder that a Flux Kustomization names, without slashes around it; the whole repository is an empty text."""
    path = posixpath.normpath("/" + str(kustomization.spec.get("path") or "").replace("\\", "/"))
    return path.strip("/")


# -- from one Kustomization to the next ----------------------------------------------------------------------


class _Walk:
    def __init__(self, files: Mapping[str, str], root: Root, known: Known | None = None) -> None:
        self.builder = Builder(files)
        self.root, self.known = root, known or {}
        self._done: dict[Name, Part] = {}
        self._generators: list[Object] = []

    def parts(self) -> list[Part]:
        """The cluster's own folder first, then every Kustomization, each after the one that applies it."""
        first = self.root.heads or tuple(self.builder.build(self.root.folder))
        found = [Part(self.root.one, first, folder=self.root.folder)]
        if self.root.one:
            self._done[self.root.one.key] = found[0]
        for part in found:
            for one in part.objects:
                if one.kind == "ArtifactGenerator":
                    self._generators.append(one)
            for one in part.objects:
                if one.kind == "Kustomization" and one.group == FLUX and one.key not in self._done:
                    self._done[one.key] = made = self._part(one, part)
                    found.append(made)
        return found

    def _part(self, one: Object, parent: Part) -> Part:
        folder = self._folder(one, parent)
        if folder is None:
            if not _only_kinds(one, parent):
                self.builder.unseen.append(f"{one.file}: Kustomization {one.name}")
            return Part(one, (), parent.key, here=False)
        if folder and folder not in self.builder.folders:
            self.builder.unseen.append(f"{one.file}: {folder}")
            return Part(one, (), parent.key, folder)  # the rule about paths tells it
        objects = self.builder.build(folder)
        for entry in texts(one.spec.get("components")):
            place = posixpath.normpath(posixpath.join(folder, entry))
            if name := self.builder.recipe(place):
                objects = self.builder.component(place, name, objects)
        for _, patch in items(one.spec.get("patches")):
            for content in contents(str(patch.get("patch") or "")):
                objects, _ = apply_patch(objects, content, patch.get("target"))
        names = {"namespace": one.spec.get("targetNamespace")}
        objects = renamed(objects, {**one.spec, **names, "labels": None})
        return Part(one, tuple(self._filled(one, objects)), parent.key, folder)

    def _filled(self, one: Object, objects: list[Object]) -> list[Object]:
        filler = variables.of_part(one, self.known)
        if filler is None:
            return objects
        filled = [filler.fill(each) for each in objects]
        for each, way, name in filler.missed:
            self.builder.findings.append(
                each.finding("variable-unset", way, f"the variable {name} has no value",
                             f"Flux would put nothing in its place: set it in {one.file}, or write $${{{name}}}"
                             " when it is not meant for Flux.")
            )  # fmt: skip
        return filled

    def _folder(self, one: Object, parent: Part) -> str | None:
        """The folder here that a Kustomization applies; None when its files are not in this repository."""
        kind, name = get(one.spec, "sourceRef", "kind"), str(get(one.spec, "sourceRef", "name"))
        if kind == "ExternalArtifact":
            return self._cut_out(name, folder_of(one))
        if name in (self.root.source, SYSTEM):
            return folder_of(one)
        defined = any(each.name == name and each.kind == kind for part in self._seen(parent) for each in part.objects)
        return None if defined or folder_of(one) not in self.builder.folders else folder_of(one)

    def _seen(self, parent: Part) -> list[Part]:
        return [parent, *self._done.values()]

    def _cut_out(self, name: str, path: str) -> str | None:
        """Where the files of an artifact come from that Flux cuts out of this repository."""
        for one in self._generators:
            for _, made in items(one.spec.get("artifacts")):
                for _, rule in items(made.get("copy")) if made.get("name") == name else ():
                    begin = str(rule.get("to", "")).removeprefix("@artifact").strip("/")
                    if f"{path}/".startswith(f"{begin}/" if begin else ""):
                        source = str(rule.get("from", "")).partition("/")[2].removesuffix("/**")
                        return posixpath.normpath(posixpath.join(source, path[len(begin) :].strip("/")))
        return None


def _only_kinds(one: Object, parent: Part) -> bool:
    """Whether it brings nothing but CRDs, by what it is called: then nothing that is looked for can be in it."""
    sources = [each for each in parent.objects if each.name == get(one.spec, "sourceRef", "name")]
    words = [one.name, str(one.spec.get("path", "")), *(str(mapping(each.spec).get("url", "")) for each in sources)]
    return any("crd" in word or "gateway-api" in word for word in words)
