"""What a person may push by mistake, and what `homelab run` has to say of each: exactly these sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

OWN, APP = "clusters/full/own.yaml", "apps/own/app.yaml"
PUSH = "Correct it in the repository, push, and run the same command again."
REGISTRY = "198.18.0.1:5000"


@dataclass(frozen=True)
class Fault:
    """`files` to push, and the three sentences; `why` is a pattern, for it holds times, digests and made-up names.

    `by_run`: shown by the whole `homelab run`, not by its step Flux alone.
    """

    name: str
    what: str
    why: str
    fix: str = PUSH
    files: Mapping[str, str | None] = field(default_factory=dict)
    by_run: bool = False


def part(name: str = "own", path: str = "./apps/own", more: str = "") -> str:
    """A Kustomization of one's own."""
    return f"""\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 1h
  retryInterval: 5s
  timeout: 30s
  wait: true
  prune: true
  path: {path}
  sourceRef:
    kind: GitRepository
    name: flux-system
{more}"""


def settings(name: str = "own", namespace: str = "default", value: str = "b") -> str:
    """A ConfigMap."""
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{a: {value}}}\n"
    )


def release(chart: str, tag: str, more: str = "") -> str:
    """A namespace with a release out of the mirror."""
    return f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: own}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {{name: own, namespace: own}}
spec:
  interval: 12h
  url: oci://{REGISTRY}/{chart}
  insecure: true
  ref: {{tag: {tag}}}
  layerSelector: {{mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: own, namespace: own}}
spec:
  interval: 1h
  chartRef: {{kind: OCIRepository, name: own}}
{more}"""


IMAGE = """\
apiVersion: v1
kind: Namespace
metadata: {name: own}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: own, namespace: own}
spec:
  selector: {matchLabels: {app: own}}
  template:
    metadata: {labels: {app: own}}
    spec: {containers: [{name: own, image: "docker.io/library/nothing:1.0"}]}
"""
ME = "Kustomization flux-system/own"
MANY, NO_VALUES = "  values: {replicaCount: many}\n", "  valuesFrom: [{kind: Secret, name: my-values}]\n"
DECRYPT = "  decryption: {provider: sops, secretRef: {name: sops-age}}\n"
CIRCLE = part(more="  dependsOn: [{name: other}]\n") + "---\n" + part("other", more="  dependsOn: [{name: own}]\n")

FAULTS = (
    Fault("a path that is not there", f"{ME} can't become ready: the folder is not in the repository.",
          rf"{ME}: ArtifactFailed: kustomization path not found: stat \S+/apps/nowhere: no such file or directory\.",
          files={OWN: part(path="./apps/nowhere"), APP: settings()}),
    Fault("bad YAML", f"{ME} can't become ready: a file is not valid YAML.",
          rf"{ME}: BuildFailed: failed to decode Kubernetes YAML from \S+/apps/own/app.yaml: MalformedYAMLError: .*",
          files={OWN: part(), APP: "apiVersion: v1\nmetadata: {name: a\n"}),
    Fault("a file for another age key",
          f"{ME} can't become ready: a file is encrypted for another age key than the one in the cluster.",
          rf"{ME}: BuildFailed: decryption failed for 'Secret\.v1\..*did not match any of the recipients.*",
          "Encrypt it for the key in .sops.yaml (whoever has the other key: sops updatekeys FILE), push, and run the"
          " same command again.", files={OWN: part(more=DECRYPT)}),
    Fault("a namespace that is not there", f"{ME} can't become ready: a namespace is missing.",
          rf"{ME}: ReconciliationFailed: ConfigMap/not-there/own not found: namespaces \"not-there\" not found\.",
          files={OWN: part(), APP: settings(namespace="not-there")}),
    Fault("a value of the wrong type", f"{ME} can't become ready: the cluster refuses an object.",
          rf"{ME}: ReconciliationFailed: ConfigMap/default/own dry-run failed: .*: \.data\.a: expected string, got .*",
          files={OWN: part(), APP: settings(value="[1]")}),
    Fault("a part that depends on nothing known",
          f"{ME} can't become ready: it depends on a part that nothing describes.",
          rf"{ME}: DependencyNotReady: dependency 'flux-system/nobody' not found: .*",
          files={OWN: part(more="  dependsOn: [{name: nobody}]\n"), APP: settings()}),
    Fault("parts that wait for each other",
          "Kustomization flux-system/other can't become ready: none of them can ever begin, and while it is so Flux"
          " follows no new commit.",
          rf"Kustomization flux-system/other: Kustomization flux-system/other and {ME} wait for each other\.",
          "Take one of these dependsOn away in the repository, push, and run the same command again.",
          files={OWN: CIRCLE, APP: settings()}),
    Fault("a chart's version that is not there",
          "OCIRepository own/own can't become ready: the chart's version is not in the registry.",
          r"OCIRepository own/own: OCIArtifactPullFailed: .*/manifests/99\.9\.9: MANIFEST_UNKNOWN: Unknown manifest\.",
          files={OWN: part(), APP: release("traefik/helm/traefik", "99.9.9")}, by_run=True),
    Fault("a value that the chart refuses", f"{ME} can't become ready: the chart refuses a value.",
          r".*HelmRelease own/own: InstallFailed: .*values don't meet the specifications of the schema\(s\) in the"
          r" following chart\(s\): cert-manager: - at '/replicaCount': got string, want number.*",
          files={OWN: part(), APP: release("jetstack/charts/cert-manager", "v1.21.1", MANY)}, by_run=True),
    Fault("values that are not there",
          f"{ME} can't become ready: the Secret or ConfigMap with its values is not there.",
          r".*HelmRelease own/own: ValuesError: could not resolve Secret chart values reference 'own/my-values' .*",
          files={OWN: part(), APP: release("traefik/helm/traefik", "41.3.0", NO_VALUES)}),
    Fault("an image that is not there", f"{ME} can't become ready: the image is not in the registry.",
          r".*Pod own/own-\S+: (ImagePullBackOff|ErrImagePull) .*docker\.io/library/nothing:1\.0.*",
          files={OWN: part(), APP: IMAGE}),
)  # fmt: skip
