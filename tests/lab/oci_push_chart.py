"""oci_push_chart.py REGISTRY REPOSITORY CHART_FOLDER: pack a Helm chart and push it, as `helm push` would.

REGISTRY is a URL (http://198.18.0.1:5000); the tag is the chart's version. The same folder always makes the same
digest, so that pushing twice changes nothing for a cluster that has it. Prints REPOSITORY:VERSION@DIGEST.
"""

import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

CONFIG = "application/vnd.cncf.helm.config.v1+json"
LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def metadata(folder):
    """Chart.yaml's plain top-level values: what Helm keeps in the config blob (dependencies and lists left out)."""
    found = dict(re.findall(r"^(\w+): *(?![>|\[{])(\S.*?) *$", (folder / "Chart.yaml").read_text(), re.M))
    return {key: value.strip("\"'") for key, value in found.items()}


def pack(folder, name):
    """NAME/… as a gzipped tar without times, owners or chance in the order."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        # Helm wants Chart.yaml first: it streams the archive
        for path in sorted((p for p in folder.rglob("*") if p.is_file()), key=lambda p: (p.name != "Chart.yaml", p)):
            entry = tarfile.TarInfo(f"{name}/{path.relative_to(folder)}")
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)
    return gzip.compress(raw.getvalue(), mtime=0)


class Registry:
    def __init__(self, url, repository):
        self.base = f"{url.rstrip('/')}/v2/{repository}"
        # an address of the lab: whatever proxy this machine uses has no business with it
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def request(self, method, url, data=None, **headers):
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the caller names a registry
        return self.opener.open(request, timeout=30)

    def blob(self, data, media_type):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        try:
            self.request("HEAD", f"{self.base}/blobs/{digest}")
        except urllib.error.HTTPError as e:
            if e.code != 404:
                raise
            started = self.request("POST", f"{self.base}/blobs/uploads/", b"")
            to = urllib.parse.urljoin(self.base, started.headers["Location"])
            to += ("&" if "?" in to else "?") + urllib.parse.urlencode({"digest": digest})
            self.request("PUT", to, data, **{"Content-Type": "application/octet-stream"})
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def manifest(self, tag, content):
        data = json.dumps(content, sort_keys=True).encode()
        self.request("PUT", f"{self.base}/manifests/{tag}", data, **{"Content-Type": MANIFEST})
        return "sha256:" + hashlib.sha256(data).hexdigest()


def push(url, repository, folder):
    meta = metadata(folder)
    registry = Registry(url, repository)
    config = registry.blob(json.dumps(meta, sort_keys=True).encode(), CONFIG)
    layer = registry.blob(pack(folder, meta["name"]), LAYER)
    title = {"org.opencontainers.image.title": meta["name"], "org.opencontainers.image.version": meta["version"]}
    digest = registry.manifest(
        meta["version"],
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": title},
    )
    return f"{repository}:{meta['version']}@{digest}"


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    print(push(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
