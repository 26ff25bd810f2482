"""A repository is read as Flux reads it: folders, kustomize, patches, variables, several clusters."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

import pytest

from steps.gitops import ignored
from steps.gitops.reach import reach
from steps.gitops.tree import Object
from steps.gitops.validate import validate


def flux(name: str, path: str, more: str = "") -> str:
    return (
        dedent(f"""\
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {{name: {name}, namespace: flux-system}}
        spec:
          interval: 1h
          prune: true
          path: {path}
          sourceRef: {{kind: GitRepository, name: flux-system}}
        """)
        + more
    )


def thing(name: str, kind: str = "ConfigMap", space: str = "default", more: str = "") -> str:
    version = {"Deployment": "apps/v1", "HelmRelease": "helm.toolkit.fluxcd.io/v2"}.get(kind, "v1")
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {space}}}\n{more}"


def objects(files: dict[str, str]) -> list[Object]:
    return [one for tree in reach(files, own=False).trees for one in tree.objects if one.kind != "Kustomization"]


def names(files: dict[str, str]) -> list[str]:
    return [f"{one.namespace}/{one.name}" for one in objects(files)]


def codes(files: dict[str, str]) -> list[str]:
    return [one.code for one in validate(files, own=False)]


ROOT = {"clusters/a/all.yaml": flux("all", "./apps")}


def test_a_folder_without_a_recipe_is_all_of_its_yaml() -> None:
    files = {**ROOT, "apps/a.yaml": thing("a"), "apps/b/c.yml": thing("c"), "apps/notes.txt": "x: [",
             "apps/.sops.yaml": "creation_rules: []", "elsewhere/d.yaml": thing("d")}  # fmt: skip
    assert names(files) == ["default/a", "default/c"]


def test_a_folder_below_with_a_recipe_is_what_the_recipe_makes() -> None:
    files = {**ROOT, "apps/a.yaml": thing("a"), "apps/b/c.yaml": thing("c"), "apps/b/d.yaml": thing("d"),
             "apps/b/kustomization.yaml": "{resources: [c.yaml], namespace: home, namePrefix: my-, nameSuffix: '-1'}",
            }  # fmt: skip
    assert names(files) == ["default/a", "home/my-c-1"]
    assert [(one.file, one.code) for one in validate(files, own=False)] == [
        ("apps/b/c.yaml", "namespace-unmade"), ("apps/b/d.yaml", "file-unused")
    ]  # fmt: skip


def test_a_namespace_is_renamed_with_its_folder() -> None:
    files = {**ROOT, "apps/kustomization.yaml": "namespace: home\nresources: [ns.yaml, a.yaml]",
             "apps/a.yaml": thing("a"),
             "apps/ns.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: _}"}  # fmt: skip
    assert names(files) == ["/home", "home/a"]
    assert codes(files) == []


def test_patches_of_every_form() -> None:
    recipe = """\
        resources: [a.yaml]
        patches:
          - patch: |
              apiVersion: v1
              kind: ConfigMap
              metadata: {name: a, namespace: default}
              data: {merged: "1"}
          - path: more.yaml
            target: {kind: Config.*}
          - target: {name: b, labelSelector: x=y}
            patch: '[{op: add, path: /data/never, value: "1"}]'
        patchesStrategicMerge: [gone.yaml]
        """
    files = {**ROOT, "apps/a.yaml": thing("a", more="data: {old: '1'}\n") + thing("b"),
             "apps/kustomization.yaml": dedent(recipe), "apps/more.yaml": "- {op: add, path: /data/listed, value: '1'}",
             "apps/gone.yaml": "$patch: delete\n" + thing("b").removeprefix("---\n")}  # fmt: skip
    (one,) = objects(files)
    assert one.body["data"] == {"old": "1", "merged": "1", "listed": "1"}
    assert codes(files) == []


def test_lists_are_merged_by_name_in_built_in_kinds_only() -> None:
    box = "spec: {template: {spec: {containers: [{name: a, image: x, args: [b]}, {name: c}]}}}\n"
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "y"}]}}}}
    more = f"  patches:\n    - target: {{kind: Deployment|HelmRelease}}\n      patch: '{json.dumps(patch)}'\n"
    files = {"clusters/a/all.yaml": flux("all", "./apps", more),
             "apps/a.yaml": thing("a", "Deployment", more=box) + thing("b", "HelmRelease", more=box)}  # fmt: skip
    merged, replaced = (one.spec["template"]["spec"]["containers"] for one in objects(files))
    assert merged == [{"name": "a", "image": "y", "args": ["b"]}, {"name": "c"}]
    assert replaced == [{"name": "a", "image": "y"}]


def test_generated_settings_and_components() -> None:
    files = {**ROOT, "apps/kustomization.yaml": "components: [../parts/x]\nresources: [a.yaml]",
             "apps/a.yaml": thing("a"), "parts/x/b.yaml": thing("b"), "parts/x/words.txt": "hello",
             "parts/x/kustomization.yaml": dedent("""\
                 apiVersion: kustomize.config.k8s.io/v1alpha1
                 kind: Component
                 resources: [b.yaml]
                 configMapGenerator:
                   - {name: made, namespace: default, files: [words.txt, other=words.txt], literals: [a=b]}
                 images: [{name: x, newTag: "2"}]
                 """)}  # fmt: skip
    found = {one.name: one for one in objects(files)}
    assert sorted(found) == ["a", "b", "made"]
    assert found["made"].body["data"] == {"words.txt": "hello", "other": "hello", "a": "b"}


def test_variables() -> None:
    uses = "data: {a: '${A}', b: '${B:=two}', c: 'x${C:-${A}-y}', d: '$${D}', e: '${#A}', f: '${SECRET}', n: '${N}'}\n"
    uses = uses.replace("n:", "q: '${Q:=\"4\"}', n:")
    post = "  postBuild:\n    substitute: {A: one, N: '80'}\n    substituteFrom: [{kind: Secret, name: s}]\n"
    files = {"clusters/a/all.yaml": flux("all", "./apps", post), "apps/a.yaml": thing("a", more=uses),
             "clusters/a/s.yaml": thing("s", "Secret", "flux-system",
             "data: {SECRET: 'ENC[AES256_GCM,x]'}\nsops: {}")}  # fmt: skip
    found = next(one for one in objects(files) if one.name == "a").body["data"]
    assert found == {
        "a": "one",
        "b": "two",
        "c": "xone-y",
        "d": "$${D}",
        "e": "${#A}",
        "f": "${SECRET}",
        "n": 80,
        "q": "4",
    }
    off = uses + "".join(f"  x{n}: y\n" for n in range(0))
    kept = thing("k", more=off).replace(
        "name: k", "name: k, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}"
    )
    assert objects({**files, "apps/k.yaml": kept})[-1].body["data"]["a"] == "${A}"


def test_a_variable_without_a_value_is_told() -> None:
    post = "  postBuild:\n    substitute: {A: one}\n"
    files = {"clusters/a/all.yaml": flux("all", "./apps", post), "apps/a.yaml": thing("a", more="data: {b: '${B}'}")}
    assert codes(files) == ["variable-unset"]
    post = "  postBuild:\n    substituteFrom: [{kind: Secret, name: elsewhere}]\n"
    files = {"clusters/a/all.yaml": flux("all", "./apps", post), "apps/a.yaml": thing("a", more="data: {b: '${B}'}")}
    assert codes(files) == [], "it may come from what is not here"


def test_what_a_parent_patches_into_its_children_counts() -> None:
    decrypt = {"spec": {"decryption": {"provider": "sops"}}}
    parent = f"  patches:\n    - target: {{kind: Kustomization}}\n      patch: '{json.dumps(decrypt)}'\n"
    sealed = thing("s", "Secret", more="stringData: {a: 'ENC[AES256_GCM,x]'}\n") + (
        "sops: {age: [{recipient: age1a}], mac: x, lastmodified: x, version: x}\n"
    )
    files = {"clusters/a/all.yaml": flux("all", "./apps", parent), "apps/app.yaml": flux("app", "./app"),
             "app/s.yaml": sealed}  # fmt: skip
    assert codes(files) == []
    assert codes({**files, "clusters/a/all.yaml": flux("all", "./apps")}) == ["no-decryption"]


def test_each_cluster_by_itself() -> None:
    """The same base in two clusters is nothing twice, and one's mistake is told once."""
    files = {"clusters/a/app.yaml": flux("app", "./over/a"), "clusters/b/app.yaml": flux("app", "./over/b"),
             "over/a/kustomization.yaml": "resources: [../../base]",
             "over/b/kustomization.yaml": "resources: [../../base]",
             "base/kustomization.yaml": "resources: [x.yaml]", "base/x.yaml": thing("x", more="dota: {}")}  # fmt: skip
    assert len(reach(files, own=False).trees) == 2
    assert codes(files) == ["field-unknown"]


@pytest.mark.parametrize(
    "begin",
    [
        {"fleet/home/flux-system/gotk-sync.yaml": flux("flux-system", "./fleet/home")},
        {"flux/instance.yaml": "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\n"
                               "metadata: {name: flux, namespace: flux-system}\nspec: {sync: {path: fleet/home}}\n"},
        {},
    ],
    ids=["bootstrap", "operator", "neither"],
)  # fmt: skip
def test_where_a_cluster_begins(begin: dict[str, str]) -> None:
    files = {**begin, "fleet/home/app.yaml": flux("app", "./app"), "app/a.yaml": thing("a")}
    assert "default/a" in names(files)


def test_an_artifact_that_is_cut_out_of_the_repository() -> None:
    cut = """\
        ---
        apiVersion: source.extensions.fluxcd.io/v1beta1
        kind: ArtifactGenerator
        metadata: {name: cut, namespace: flux-system}
        spec:
          sources: [{alias: repo, kind: GitRepository, name: flux-system}]
          artifacts: [{name: apps, copy: [{from: "@repo/apps/home/**", to: "@artifact/home/"}]}]
        """
    part = (
        flux("all", "./home")
        .replace("GitRepository", "ExternalArtifact")
        .replace("name: flux-system}\n", "name: apps}\n")
    )
    files = {"clusters/a/all.yaml": dedent(cut) + part, "apps/home/a.yaml": thing("a")}
    assert "default/a" in names(files)


def test_a_list_is_what_it_holds() -> None:
    listed = "apiVersion: v1\nkind: List\nitems:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
    assert [(one.code, one.line) for one in validate({**ROOT, "apps/a.yaml": listed}, own=False)] == [
        ("namespace-missing", 4)
    ]  # fmt: skip


def test_what_comes_from_elsewhere_is_not_called_missing() -> None:
    pod = "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [" \
          "{name: a, image: 'x:1', envFrom: [{secretRef: {name: s}}]}]}}}\n"  # fmt: skip
    files = {**ROOT, "apps/a.yaml": thing("a", "Deployment", more=pod)}
    assert codes(files) == ["secret-missing"]
    operator = "---\napiVersion: example.org/v1\nkind: Maker\nmetadata: {name: m, namespace: default}\n"
    remote = {"apps/kustomization.yaml": "resources: [a.yaml, 'https://example.org/x.yaml']"}
    release = thing("r", "HelmRelease", more="spec: {interval: 1h, chartRef: {kind: OCIRepository, name: c}}\n") + (
        "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: c, namespace: default}\n"
        "spec: {interval: 1h, url: oci://example.org/c, ref: {tag: 1.0.0}}\n"
    )
    for more in ({"apps/m.yaml": operator}, remote, {"apps/r.yaml": release}):
        assert "secret-missing" not in codes({**files, **more}), more


def test_a_crd_in_the_repository_is_the_schema() -> None:
    crd: Any = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                     "type": "object", "properties": {"spec": {"type": "object", "properties": {
                         "size": {"type": "integer"}}}}}}}]},
    }  # fmt: skip
    made = "---\napiVersion: example.org/v1\nkind: Thing\nmetadata: {name: t, namespace: default}\nspec: {saize: 1}\n"
    assert codes({**ROOT, "apps/t.yaml": made}) == ["kind-unknown"]
    found = validate({**ROOT, "apps/t.yaml": made, "crds/thing.yaml": str(crd)}, own=False)
    assert [(one.code, one.fix) for one in found] == [("field-unknown", "Is size meant?")]


def test_a_repository_without_flux_is_checked_file_by_file() -> None:
    files = {"a.yaml": thing("a", more="dota: {}"), ".github/workflows/x.yaml": "on: push"}
    assert codes(files) == ["no-flux", "field-unknown"]


@pytest.mark.parametrize(
    ("line", "path", "out"),
    [
        ("*.md", "a/b.md", True), ("/apps/", "apps/a.yaml", True), ("/apps", "apps/a.yaml", True), ("apps/",
        "x/apps/a", True),
        ("/apps/", "x/apps/a.yaml", False), ("**/x.yaml", "a/b/x.yaml", True), ("a/**/c", "a/b/b/c", True),
        ("#a", "a", False),
        ("a?", "ab", True), ("docs/*.yaml", "docs/x/a.yaml", False), ("", ".github/x.yaml", True), ("",
        "a/.sops.yaml", True),
    ],
)  # fmt: skip
def test_what_flux_leaves_out(line: str, path: str, out: bool) -> None:
    assert ignored.matcher({".sourceignore": line})(path) is out


def test_the_last_line_that_fits_counts() -> None:
    left_out = ignored.matcher({".sourceignore": "/*\n!/clusters\n"})
    assert left_out("apps/a.yaml") and not left_out("clusters/a/b.yaml")
