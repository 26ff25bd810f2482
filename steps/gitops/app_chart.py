"""An app from a Helm chart: where the chart comes from, and its release. Pure.

Values are the person's own: what they write into `apps/NAME/release.yaml` stays there, as every edit does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steps.gitops.app import App
from wizard import yamlfile

if TYPE_CHECKING:
    from steps.gitops.settings import Settings

HELM, SOURCE = "helm.toolkit.fluxcd.io/v2", "source.toolkit.fluxcd.io/v1"


def chart(app: App, s: Settings) -> dict[str, str]:
    """The names of the files (without ending) and their texts. The last part of the address is the chart's name."""
    from steps.gitops.table import mirrored

    oci = app.of.startswith("oci://")
    meta = {"name": app.name, "namespace": app.name}
    address, _, name = app.of.rpartition("/")
    if oci:
        spec: dict[str, Any] = {
            "interval": "12h", "url": mirrored(app.of, s.chart_mirror), "ref": {"tag": app.version},
            "layerSelector": {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy"},
        }  # fmt: skip
    else:
        spec = {"interval": "12h", "url": mirrored(address, s.chart_mirror)}
        spec |= {"type": "oci"} if s.chart_mirror else {}
    if s.chart_mirror and s.chart_mirror_insecure:
        spec["insecure"] = True
    kind = "OCIRepository" if oci else "HelmRepository"
    source = {"apiVersion": SOURCE, "kind": kind, "metadata": dict(meta), "spec": spec}
    release = {"apiVersion": HELM, "kind": "HelmRelease", "metadata": dict(meta), "spec": _release(app, name, oci)}
    told = "# The chart's own values go below spec.values; homelab leaves them alone.\n"
    return {"source": yamlfile.dump(source), "release": told + yamlfile.dump(release)}


def _release(app: App, name: str, oci: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"interval": "1h", "timeout": "10m"}
    if oci:
        made["chartRef"] = {"kind": "OCIRepository", "name": app.name}
    else:
        where = {"kind": "HelmRepository", "name": app.name}
        made["chart"] = {"spec": {"chart": name, "version": app.version, "interval": "12h", "sourceRef": where}}
    retry = {"name": "RetryOnFailure", "retryInterval": "2m"}
    made["install"] = {"strategy": retry}
    made["upgrade"] = {
        "cleanupOnFail": True, "strategy": {"name": "RemediateOnFailure"}, "remediation": {"retries": 3},
    }  # fmt: skip
    return made
