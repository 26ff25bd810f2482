"""What Flux finds in a folder: all of its YAML, or what its `kustomization.yaml` makes of it.

Of kustomize's features those are followed that change which objects there are and how they are called; the others
(replacements, transformers, charts) are told as not looked at.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steps.gitops import ignored
from steps.gitops.schema import undecided
from steps.gitops.transform import apply_patch, renamed
from steps.gitops.tree import Finding, Object, get, is_yaml, items, mapping, read, texts

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
FIELDS = frozenset((
    "apiVersion", "kind", "metadata", "resources", "bases", "components", "crds", "namespace", "namePrefix",
    "nameSuffix", "labels", "commonLabels", "commonAnnotations", "images", "replicas", "patches", "patchesJson6902",
    "patchesStrategicMerge", "configMapGenerator", "secretGenerator", "generatorOptions", "generators", "transformers",
    "validators", "replacements", "vars", "configurations", "openapi", "helmCharts", "helmGlobals",
    "helmChartInflationGenerator", "buildMetadata", "sortOptions",
))  # fmt: skip
NOT_FOLLOWED = ("helmCharts", "helmChartInflationGenerator", "generators")  # they make objects that are not seen here


class Builder:
    """Builds folders, and keeps what it found on the way: `findings`, `unseen`, and which files were `used`."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.findings: list[Finding] = []
        self.unseen: list[str] = []
        self.used: set[str] = set()
        self.left_out = ignored.matcher(files)
        self.folders = {""} | {folder for name in files for folder in _parents(name)}
        self._built: dict[str, list[Object]] = {}
        self._within: set[str] = set()  # components that are being looked at

    def build(self, folder: str) -> list[Object]:
        """The objects that Flux gets from `folder` (without slashes around it)."""
        if folder not in self._built:
            self._built[folder] = []  # a folder that leads back to itself brings nothing more
            name = self.recipe(folder)
            self._built[folder] = self._by_recipe(folder, name) if name else self._everything(folder)
        return self._built[folder]

    def recipe(self, folder: str) -> str:
        """The folder's kustomization.yaml; empty when it has none."""
        return next((name for one in NAMES if (name := posixpath.join(folder, one)) in self.files), "")

    def _everything(self, folder: str) -> list[Object]:
        """As Flux does without a kustomization.yaml: every YAML file, and every folder below that has one."""
        begin = f"{folder}/" if folder else ""
        objects: list[Object] = []
        done: list[str] = []
        for name in sorted(self.files):
            if not name.startswith(begin) or any(name.startswith(f"{one}/") for one in done):
                continue
            if inner := self._recipe_above(name, folder):
                done.append(inner)
                objects += self.build(inner)
            elif is_yaml(name) and not self.left_out(name):
                objects += self._read(name)
        return self._once(objects)

    def _recipe_above(self, name: str, folder: str) -> str:
        """The outermost folder between `folder` and the file that has a kustomization.yaml."""
        above = [one for one in _parents(name) if len(one) > len(folder) and self.recipe(one)]
        return min(above, key=len, default="")

    def _read(self, name: str) -> list[Object]:
        self.used.add(name)
        objects, wrong = read(name, self.files[name])
        self.findings += wrong
        if wrong or any(undecided(one.kind) for one in objects):
            self.unseen.append(f"{name}: what it should hold")
        return list(objects)

    def _once(self, objects: list[Object]) -> list[Object]:
        """The objects without the second of two that are the same, which is a finding: kustomize would take neither."""
        seen: dict[tuple[str, ...], Object] = {}
        for one in objects:
            key = (one.group, one.kind, *one.key)
            if one.name and key in seen:
                self.findings.append(twice(one, seen[key]))
            else:
                seen[key if one.name else (str(id(one)),)] = one
        return list(seen.values())

    # -- kustomization.yaml ------------------------------------------------------------------------------------

    def _by_recipe(self, folder: str, name: str) -> list[Object]:
        self.used.add(name)
        found, wrong = read(name, self.files[name])
        recipe = _Recipe(name, found[0].body if found else _bare(self.files[name]), found[0] if found else None)
        if not recipe.body:
            self.findings += [one for one in wrong if one.code == "yaml"]
            return []
        self.findings += recipe.unknown_fields()
        self.unseen += [f"{name}: {field}" for field in NOT_FOLLOWED if recipe.body.get(field)]
        objects = [
            one for way, entry in recipe.entries("resources", "bases") for one in self._entry(recipe, way, entry)
        ]
        for way, entry in recipe.entries("components"):
            objects = self._component(recipe, way, entry, objects)
        return self._transformed(folder, recipe, self._once([*objects, *self._generated(folder, recipe)]))

    def _entry(self, recipe: _Recipe, way: tuple[str | int, ...], entry: str) -> list[Object]:
        """The objects of one line below `resources`: a file, a folder, or something far away."""
        if remote(entry):
            self.unseen.append(f"{recipe.name}: {entry}")
            self.findings += recipe.floating(way, entry)
            return []
        place = posixpath.normpath(posixpath.join(posixpath.dirname(recipe.name), entry))
        place = "" if place == "." else place
        if place in self.files:
            return self._read(place)
        if place in self.folders and self.recipe(place):
            return self.build(place)
        if place in self.folders:
            what, fix = f"the folder {entry} has no kustomization.yaml", "Add one, or name its files one by one."
        else:
            what, fix = f"there is no {entry}", "Correct the path, which begins at this file's folder, or add the file."
        self.findings.append(recipe.finding("resource-missing", way, what, fix))
        return []

    def _component(
        self, recipe: _Recipe, way: tuple[str | int, ...], entry: str, objects: list[Object]
    ) -> list[Object]:
        """A component adds its own resources, and its patches are for everything that is there so far."""
        if remote(entry):
            self.unseen.append(f"{recipe.name}: {entry}")
            return objects
        folder = posixpath.normpath(posixpath.join(posixpath.dirname(recipe.name), entry))
        name = self.recipe(folder)
        if not name:
            self.findings.append(
                recipe.finding("resource-missing", way, f"there is no component in {entry}", "Correct the path.")
            )
            return objects
        return self.component(folder, name, objects)

    def component(self, folder: str, name: str, objects: list[Object]) -> list[Object]:
        self.used.add(name)
        found, _ = read(name, self.files[name])
        if not found or name in self._within:
            return objects
        self._within.add(name)
        inner = _Recipe(name, found[0].body, found[0])
        own = [one for way, entry in inner.entries("resources") for one in self._entry(inner, way, entry)]
        whole = [*objects, *own, *self._generated(folder, inner)]
        for way, entry in inner.entries("components"):
            whole = self._component(inner, way, entry, whole)
        self._within.discard(name)
        return self._transformed(folder, inner, whole)

    def _generated(self, folder: str, recipe: _Recipe) -> Iterator[Object]:
        """The ConfigMaps and Secrets that generators make, with the keys that they will have."""
        for field, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for number, made in items(recipe.body.get(field)):
                data: dict[str, str] = {}
                for source in ("files", "envs", "literals"):
                    for place, entry in enumerate(texts(made.get(source))):
                        data |= self._source(folder, recipe, (field, number, source, place), entry)
                meta = {"name": made.get("name", ""), "namespace": made.get("namespace"), **_options(recipe, made)}
                body = {"apiVersion": "v1", "kind": kind, "metadata": meta, "data": data}
                yield Object(recipe.name, body, recipe.one.place if recipe.one else None, (field, number), made=True)

    def _source(self, folder: str, recipe: _Recipe, way: tuple[str | int, ...], entry: str) -> dict[str, str]:
        key, equal, value = entry.partition("=")
        if way[2] == "literals":
            return {key: value}
        path = value if equal else entry
        name = posixpath.normpath(posixpath.join(folder, path))
        if name not in self.files:
            self.findings.append(recipe.finding("resource-missing", way, f"there is no {path}", "Correct the path."))
            return {}
        self.used.add(name)
        text = self.files[name]
        if way[2] == "files":
            return {key if equal else posixpath.basename(name): text}
        lines = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
        return {name: value for name, _, value in lines}

    def _transformed(self, folder: str, recipe: _Recipe, objects: list[Object]) -> list[Object]:
        for way, patch, target in self._patches(folder, recipe):
            objects, hit = apply_patch(objects, patch, target)
            if not hit and target is None and isinstance(patch, Mapping):
                what = f"the patch is for {patch.get('kind')} {get(patch, 'metadata', 'name')}, which is not here"
                self.findings.append(recipe.finding("patch-target", way, what, "kustomize would refuse the folder."))
        return renamed(objects, recipe.body)

    def _patches(self, folder: str, recipe: _Recipe) -> Iterator[tuple[tuple[str | int, ...], Any, Any]]:
        """Where each patch is named, its contents, and its target (None: the object that it names itself)."""
        for field in ("patchesStrategicMerge", "patches", "patchesJson6902"):
            entries = recipe.body.get(field)
            for number, entry in enumerate(entries if isinstance(entries, list) else []):
                one = entry if isinstance(entry, Mapping) else {"patch" if "\n" in str(entry) else "path": entry}
                text = str(one.get("patch") or "")
                if path := one.get("path"):
                    name = posixpath.normpath(posixpath.join(folder, str(path)))
                    if name not in self.files:
                        missing = recipe.finding(
                            "resource-missing", (field, number), f"there is no {path}", "Correct it."
                        )
                        self.findings.append(missing)
                        continue
                    self.used.add(name)
                    text = self.files[name]
                for patch in contents(text):
                    yield (field, number), patch, one.get("target")


def twice(one: Object, other: Object) -> Finding:
    where = f"{other.file}:{other.at('metadata', 'name')}"
    fix = "Keep one of the two, or give one another name."
    return one.finding("object-twice", ("metadata", "name"), f"the same object is in {where}", fix)


class _Recipe:
    """A kustomization.yaml."""

    def __init__(self, name: str, body: Mapping[str, Any], one: Object | None) -> None:
        self.name, self.body, self.one = name, body, one

    def finding(self, code: str, way: Sequence[str | int], what: str, fix: str) -> Finding:
        return Finding(code, self.name, self.one.at(*way) if self.one else 0, f"{what[0].upper()}{what[1:]}.", fix)

    def entries(self, *fields: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for field in fields:
            for number, entry in enumerate(texts(self.body.get(field))):
                yield (field, number), entry

    def unknown_fields(self) -> Iterator[Finding]:
        for field in self.body:
            if field not in FIELDS:
                yield self.finding("kustomization", (field,), f"kustomize knows no field {field}",
                                   "It would refuse the folder: is it spelt right, and not too far left?")  # fmt: skip

    def floating(self, way: Sequence[str | int], entry: str) -> Iterator[Finding]:
        if "github.com" in entry and "ref=" not in entry and "/releases/download/" not in entry and "/raw" not in entry:
            yield self.finding("source-not-pinned", way, f"{entry} is taken as it is today", "Add ?ref=VERSION.")


def _bare(text: str) -> Mapping[str, Any]:
    """A kustomization.yaml without apiVersion and kind, which kustomize takes too."""
    return next((one for one in contents(text) if isinstance(one, Mapping)), {})


def contents(text: str) -> list[Any]:
    """The documents of a patch; none when it is no YAML, which is told where the patch is read as a file."""
    from wizard.yamllines import documents

    try:
        return [one.data for one in documents(text)]
    except ValueError:
        return []


def _options(recipe: _Recipe, made: Mapping[str, Any]) -> dict[str, Any]:
    """The labels and annotations that generated objects get."""
    every, own = mapping(recipe.body.get("generatorOptions")), mapping(made.get("options"))
    return {field: {**mapping(every.get(field)), **mapping(own.get(field))} for field in ("labels", "annotations")}


def remote(entry: str) -> bool:
    return "://" in entry or "?ref=" in entry or entry.startswith(("git@", "github.com/"))


def _parents(name: str) -> Iterator[str]:
    folder = posixpath.dirname(name)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
