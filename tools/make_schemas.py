"""Makes the schemas in assets/schemas out of where they come from. Run by hand when versions go up.

    python tools/make_schemas.py kubernetes                 # from the models of the installed package kubernetes
    python tools/make_schemas.py crds FOLDER                # from every CustomResourceDefinition in FOLDER/*.yaml
    python tools/make_schemas.py chart NAME VALUES [SCHEMA] # from a chart's values.yaml, and its values.schema.json

What is left out, and why that is enough, is in assets/schemas/README.md.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SCHEMAS = ROOT / "assets" / "schemas"
KEPT = (  # the words of a schema that wizard's validation goes by
    "type", "properties", "required", "items", "additionalProperties", "enum", "const", "pattern", "minimum",
    "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "anyOf", "oneOf",
    "allOf", "not", "$ref", "nullable", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-map-keys", "x-kubernetes-embedded-resource",
)  # fmt: skip


def shrink(schema: Any) -> Any:
    """A schema with only the words in `KEPT`, recursively."""
    if not isinstance(schema, Mapping):
        return schema
    small: dict[str, Any] = {}
    for word in KEPT:
        value = schema.get(word)
        if word == "properties" and isinstance(value, Mapping):
            small[word] = {name: shrink(one) for name, one in value.items()}
        elif word in ("anyOf", "oneOf", "allOf") and value:
            small[word] = [shrink(one) for one in value]
        elif word in ("items", "additionalProperties", "not") and isinstance(value, Mapping):
            small[word] = shrink(value)
        elif value is not None:
            small[word] = value
    return small


def write(file: Path, data: Any) -> None:
    text = json.dumps(data, separators=(",", ":"), sort_keys=True)
    file.write_text(text + "\n", encoding="utf-8")
    print(f"{len(text):8} {file.relative_to(ROOT)}")


# -- CustomResourceDefinitions and charts ---------------------------------------------------------------------


def crds(folder: Path) -> None:
    from wizard import yamllines

    for file in sorted(folder.glob("*.yaml")):
        for document in yamllines.documents(file.read_text(encoding="utf-8")):
            if document.data.get("kind") == "CustomResourceDefinition":
                crd(document.data["spec"])


def crd(spec: Mapping[str, Any]) -> None:
    for version in spec["versions"]:
        if not version["served"]:
            continue
        schema = version["schema"]["openAPIV3Schema"]
        fields = {name: one for name, one in schema.get("properties", {}).items() if name != "status"}
        small = shrink({**schema, "properties": fields})
        small["x-scope"] = spec["scope"]
        name = f"{spec['group']}_{version['name']}_{spec['names']['kind']}.json"
        write(SCHEMAS / "crds" / name, small)


OPEN = re.compile(  # maps whose keys are somebody else's: Kubernetes' own fields, the program's settings, free names
    r"spec|config|env|values|args|ports|headers|hosts|plugins|regex|ftl|podDnsConfig|affinity|resources|strategy"
    r"|.*([aA]nnotations|[lL]abels|[sS]elector|[sS]electors|[sS]ecurityContext|[pP]robe|[sS]trategy|EnvVars\w*)"
    r"|(extra|additional|custom)[A-Z]\w*|persistence|tls|ingress|route|grafana|dashboards|datasources|\w+-\w[\w-]*|frrk8s"
)
DEEP = 4  # levels of values.yaml that are looked at
COMMENTED = re.compile(r"^( *)#+ ?([A-Za-z][\w-]*):( |$)")


def chart(name: str, values: Path, file: Path | None) -> None:
    """The keys that a chart knows: those of its schema, and those of its values.yaml.

    Without `required`, as the chart's own defaults fill what is missing. Where values.yaml has a map with keys, other
    keys are refused softly (``x-soft``): Helm would take and ignore them.
    """
    from wizard import yamllines

    def optional(schema: Any) -> Any:
        if isinstance(schema, Mapping):
            return {k: optional(v) for k, v in schema.items() if k != "required" or not isinstance(v, list)}
        return [optional(one) for one in schema] if isinstance(schema, list) else schema

    whole = json.loads(file.read_text(encoding="utf-8")) if file else {"type": "object"}
    small = shrink(whole)
    text = values.read_text(encoding="utf-8")
    for data in (document.data for document in yamllines.documents(text)):
        small = closed(small, data, DEEP)
    for word in ("$defs", "definitions"):
        if word in whole:
            small[word] = {key: shrink(one) for key, one in whole[word].items()}
    for key in sorted({found[2] for line in text.splitlines() if (found := COMMENTED.match(line)) and not found[1]}):
        small["properties"].setdefault(key, {})
    small["x-commented"] = sorted(
        {found[2] for line in text.splitlines() if (found := COMMENTED.match(line)) and found[1]}
    )
    write(SCHEMAS / "charts" / f"{name}.json", optional(small))


def closed(schema: Mapping[str, Any], values: Any, deep: int) -> dict[str, Any]:
    """`schema` with the keys of `values`, and closed where there are any."""
    made = dict(schema)
    if not isinstance(values, Mapping) or not values or "$ref" in made:
        return made or of_value(values)
    properties = dict(made.get("properties") or {})
    for key, value in values.items():
        known = properties.get(key) or {}
        inside = isinstance(value, Mapping) and value and deep > 1 and not OPEN.fullmatch(key)
        properties[key] = closed(known, value, deep - 1) if inside else (known or of_value(value))
    made = {"type": "object", **made, "properties": properties}
    if "additionalProperties" not in made and "patternProperties" not in made:
        made |= {"additionalProperties": False, "x-soft": True}
    return made


def of_value(value: Any) -> dict[str, Any]:
    """What may stand in the place of a default: a truth for a truth, and of others only that lists stay lists."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": "array"} if isinstance(value, list) and value else {}


def main() -> int:
    match sys.argv[1:]:
        case ["kubernetes"]:
            from built_in_kinds import kubernetes  # beside this file

            write(SCHEMAS / "kubernetes.json", kubernetes())
        case ["crds", folder]:
            crds(Path(folder))
        case ["chart", name, values]:
            chart(name, Path(values), None)
        case ["chart", name, values, schema]:
            chart(name, Path(values), Path(schema))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
