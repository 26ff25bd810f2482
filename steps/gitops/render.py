"""Renders the repository: templates, the table's values laid in, comments kept. Pure: same settings, same bytes."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from steps.gitops import app_files, components, single_names, table
from steps.gitops.documents import documents
from steps.gitops.settings import Settings
from wizard import assets, yamlfile

_NAMES = re.compile(r"^    - name: (\S+)$", re.MULTILINE)  # of what a Kustomization depends on


def render(settings: Settings) -> dict[str, str]:
    """Every file of the repository that holds no secret: path in the repository -> text, in order of path."""
    parts = components.chosen(settings)
    chosen = tuple(part.name for part in parts)
    names = [name for part in parts for name in components.templates(part) if not components.is_secret(name)]
    places = {name: place(name, settings) for name in names} | components.ALWAYS_THERE
    rows: dict[str, list[table.Row]] = {name: [] for name in places}
    for row in table.rows(settings):
        rows.get(row.file, []).append(row)
    made = {place: render_yaml(name, tuple(rows[name]), chosen) for name, place in places.items()}
    for app in settings.exposed:
        made |= app_files.files(app, settings)
    made = single_names.applied(settings, made)
    return dict(sorted({**made, **documents(settings, made)}.items()))


def secret_files(settings: Settings) -> dict[str, str]:
    """The files that hold secrets, as their templates have them: path -> text with example values."""
    names = [name for part in components.chosen(settings) for name in components.templates(part)]
    found = {name: _template(name) for name in names if components.is_secret(name)}
    for app in settings.exposed:
        found |= app_files.secrets(app)
    return dict(sorted(found.items()))


def fill_secret(template: str, values: Mapping[str, str]) -> str:
    """A Secret's text with `values` in the place of the template's examples. To be encrypted, never to be stored."""
    secret = yamlfile.load_marked(template)
    for key, value in values.items():
        secret["stringData"][key] = value
    return yamlfile.dump(secret)


def _template(name: str) -> str:
    return assets.text(f"{components.ROOT}/{name}")


def place(name: str, settings: Settings) -> str:
    """Where in the repository the template `name` goes."""
    return name.replace(components.EXAMPLE_CLUSTER, f"clusters/{settings.cluster}", 1)


@lru_cache(maxsize=256)  # most files are the same whenever a repository is looked at
def render_yaml(name: str, rows: tuple[table.Row, ...], chosen: tuple[str, ...]) -> str:
    text = _template(name)
    if not rows and ("dependsOn:" not in text or set(_NAMES.findall(text)) <= set(chosen)):
        return text  # nothing to lay in and nothing to leave out: what follows would write the same
    documents = yamlfile.load_all_marked(text)
    for row in rows:
        set_value(_find(documents, row), row.way.split(" "), row)
    for document in documents:
        if document.get("kind") == "Kustomization":
            _keep_dependencies(document["spec"], chosen)
    return yamlfile.dump(*documents)


def _find(documents: Sequence[Any], row: table.Row) -> Any:
    kind, _, name = row.object.partition("/")
    if not kind:
        return documents[0]
    for document in documents:
        if document["kind"] == kind and name in ("", document["metadata"]["name"]):
            return document
    raise LookupError(f"{row.file} has no {row.object}")


def set_value(place: Any, way: Sequence[str], row: table.Row) -> None:
    """Lays the row's value in at `way` below `place`. Raises LookupError when the template has no such place."""
    step: Any = int(way[0]) if isinstance(place, list) else way[0]
    rest, value = way[1:], row.value
    if rest and isinstance(place[step], str):  # YAML in YAML: a patch
        inner = yamlfile.load_marked(place[step])
        set_value(inner, rest, row)
        place[step] = type(place[step])(yamlfile.dump(inner))
    elif rest:
        set_value(place[step], rest, row)
    elif value is table.REMOVE:
        del place[step]
    elif row.adds and isinstance(place, dict) and step not in place:
        place[step] = value
    else:
        old = place[step]
        quoted = isinstance(old, str) and isinstance(value, str)
        place[step] = type(old)(value) if quoted else copy.deepcopy(value)  # a quoted text stays quoted
        if row.remark:
            place.yaml_add_eol_comment(row.remark, step)


def _keep_dependencies(spec: Any, chosen: Sequence[str]) -> None:
    """Leaves out dependencies on parts that were not chosen."""
    if "dependsOn" not in spec:
        return
    spec["dependsOn"][:] = [one for one in spec["dependsOn"] if one["name"] in chosen]
    if not spec["dependsOn"]:
        del spec["dependsOn"]
