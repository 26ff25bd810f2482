"""What Flux and Kubernetes print when something does not become ready, what it means, and what to do about it. Pure.

The words were seen on real clusters. Where no time mends a cause, waiting for it ends early.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SURE = 10.0  # seconds: no time mends it, but Flux may be about to look once more
RETRY = -1.0  # another part may bring what is missing: one more try of Flux, and then `SURE`
SOON = 300.0  # it may mend itself: a program that is being started, a registry that is busy

PUSH = "Correct it in the repository, push, and run the same command again."
AGAIN = "Run the same command again once that is mended: it goes on waiting where this one stopped."


@dataclass(frozen=True)
class Cause:
    """Its name (docs/doctor.md); `pattern` in the printed words; what they mean; what to do; for how many seconds it is
    worth waiting.

    Without `patience` it is waited for to the end: it is only what is seen of another cause.
    """

    code: str
    pattern: str
    meaning: str
    fix: str = AGAIN
    patience: float | None = None


CAUSES = (
    Cause("git-key-refused", r"unable to authenticate",
          "the git server does not accept Flux' key: is the deploy key still there?",
          "Add the deploy key to the repository again, and run the same command again.", SURE),
    Cause("git-host-key-changed", r"knownhosts: key mismatch",
          "the git server shows another host key than the approved one",
          "Compare its fingerprint with the one its owner publishes before you approve a new one.", SURE),
    Cause("git-branch-missing", r"couldn't find remote ref", "the branch is not in the repository",
          "Push the branch again, or name another one as repository.branch.", SURE),
    Cause("git-repository-missing", r"invalid pkt-len found", "the repository is not there, or the key may not see it",
          "Look whether it is still there and still has the deploy key, and run the same command again.", SURE),
    Cause("flux-circle", r"wait for each other",
          "none of them can ever begin, and while it is so Flux follows no new commit",
          "Take one of these dependsOn away in the repository, push, and run the same command again.", SURE),
    Cause("flux-dependency-missing", r"dependency '[^']+' not found",
          "it depends on a part that nothing describes", PUSH, RETRY),
    Cause("flux-path-missing", r"kustomization path not found|path not found",
          "the folder is not in the repository", PUSH, SURE),
    Cause("sops-key-missing", r'secrets "sops-age" not found', "the age key is not in the cluster",
          "Run the same command again: it gives the cluster the key.", SURE),
    Cause("sops-key-wrong", r"did not match any of the recipients|no identity matched",
          "a file is encrypted for another age key than the one in the cluster",
          "Encrypt it for the key in .sops.yaml (whoever has the other key: sops updatekeys FILE), push, and run the"
          " same command again.", SURE),
    Cause("sops-key-misnamed", r"Did not find keys in locations",
          "the age key in the cluster is not named as Flux expects",
          "Run the same command again: it gives the cluster the key under the right name.", SURE),
    Cause("yaml-invalid", r"MalformedYAMLError|error converting YAML", "a file is not valid YAML", PUSH, SURE),
    Cause("yaml-no-object", r"missing Resource metadata", "a file in the folder is no Kubernetes object", PUSH, SURE),
    Cause("yaml-twice", r"already registered id", "the same object is in two files", PUSH, SURE),
    Cause("yaml-file-missing", r"accumulating resources",
          "a file or folder that a kustomization.yaml names is not there", PUSH, SURE),
    Cause("chart-values-refused", r"values don't meet the specifications", "the chart refuses a value", PUSH, SURE),
    Cause("chart-values-missing", r"could not resolve \w+ chart values reference",
          "the Secret or ConfigMap with its values is not there",
          PUSH, RETRY),
    Cause("kind-missing", r"no matches for kind", "a kind is not known: what brings it is not installed", PUSH, RETRY),
    Cause("namespace-missing", r"namespaces? \"?[\w-]+\"? not found", "a namespace is missing", PUSH, RETRY),
    Cause("webhook-silent", r"failed calling webhook",
          "a program that checks objects does not answer yet", AGAIN, SOON),
    Cause("object-refused", r"dry-run failed", "the cluster refuses an object", PUSH, RETRY),
    Cause("chart-missing", r"NAME_UNKNOWN|MANIFEST_UNKNOWN|FetchReference.* not found",
          "the chart's version is not in the registry",
          PUSH, SURE),
    Cause("registry-plain-http", r"server gave HTTP response to HTTPS client",
          "the registry speaks plain HTTP: set chart_mirror_insecure",
          "Answer repository.chart_mirror_insecure with yes, and run the same command again.", SURE),
    Cause("image-missing", r"(ErrImagePull|ImagePullBackOff).*: not found",
          "the image is not in the registry", PUSH, 2 * SURE),
    Cause("image-unreachable", r"ErrImagePull|ImagePullBackOff", "the image can't be fetched",
          "Check the image's name and version, and that the Pi reaches its registry; then run the same command again.",
          SOON),
    Cause("pod-crashes", r"CrashLoopBackOff", "the program ends again and again", patience=2 * SOON),
    Cause("pod-config-missing", r"CreateContainerConfigError",
          "a Secret or ConfigMap that the pod wants is not there, or lacks a key", PUSH,
          SOON),
    Cause("no-room", r"Insufficient (cpu|memory)", "no node has enough free processor or memory",
          "Add a Pi, or take an app away; then run the same command again.", SOON),
    Cause("node-taints", r"untolerated taint", "no node takes the pod: all are tainted", patience=SOON),
    Cause("address-pool-exhausted", r"AllocationFailed|no available IPs", "MetalLB has no free address for it",
          "Give MetalLB a longer pool (addresses.pool), and run the same command again.", SOON),
    Cause("server-unreachable", r"connection refused|no such host|i/o timeout|no route to host",
          "a server can't be reached from the cluster"),
    Cause("flux-gave-up", r"RetriesExceeded", "Flux has given up on it", patience=SOON),
    Cause("flux-timeout", r"timeout waiting for|context deadline exceeded", "it did not become ready in time"),
)  # fmt: skip


def find(text: str) -> Cause | None:
    """The cause whose words are in `text`; of several, the one that explains the others."""
    return next((cause for cause in CAUSES if re.search(cause.pattern, text)), None)
