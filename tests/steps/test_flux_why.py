"""Why something is not ready, in words: what is followed, what is left out, what the words mean."""

from __future__ import annotations

import pytest

from steps.flux_status import Expected, waiting
from steps.flux_why import explain, newest_warning, pod_trouble, root, told, why
from tests.steps.flux_objects import (
    EXPECTED,
    REVISION,
    Objects,
    kustomization,
    needing,
    release,
    says,
    thing,
)


def test_a_circle_is_told_before_anything_else() -> None:
    seen = {"Kustomization": [needing("z", "nobody", message="x not found"), needing("a", "b"), needing("b", "a")]}
    found = told(Objects(), seen, waiting(seen, Expected(REVISION)))
    assert found.text == (
        "Kustomization flux-system/a: Kustomization flux-system/a and Kustomization flux-system/b wait for each other."
    )
    assert found.cause and "Flux follows no new commit" in found.cause.meaning


def test_a_part_that_nothing_describes_is_not_waited_for_as_the_others_are() -> None:
    lost = needing("own", "nobody", message="dependency 'flux-system/nobody' not found: x \"nobody\" not found")
    seen = {"Kustomization": [needing("hello", "gateways"), lost]}
    found = told(Objects(), seen, waiting(seen, Expected(REVISION)))
    assert str(found.item) == "Kustomization flux-system/own"
    assert found.cause and found.cause.meaning == "it depends on a part that nothing describes"


POD = {
    "metadata": {"name": "traefik-internal-1", "namespace": "traefik"},
    "status": {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff", "message": "back-off"}}}]},
}


EVENTS = [
    {"type": "Warning", "reason": "Old", "message": "x", "lastTimestamp": "2026-01-01T00:00:00Z", "involvedObject": {}},
    {"type": "Warning", "reason": "Failed", "message": "pull access denied", "lastTimestamp": None,
     "eventTime": "2026-01-02T00:00:00.1Z", "involvedObject": {"kind": "Pod", "name": "traefik-internal-1"}},
    {"type": "Normal", "reason": "Pulled", "message": "y", "lastTimestamp": "2026-01-03T00:00:00Z"},
]  # fmt: skip


def test_the_reason_goes_from_the_kustomization_to_the_pod() -> None:
    applied = {"entries": [{"id": "traefik_traefik-internal_helm.toolkit.fluxcd.io_HelmRelease", "v": "v2"}]}
    seen = {
        "Kustomization": [
            kustomization("gateways", says("False", "DependencyNotReady", "dependency 'traefik' is not ready")),
            kustomization("traefik", says("Unknown", "Progressing", "waiting"), inventory=applied),
        ],
        "HelmRelease": [release(says("False", "InstallFailed", "timed out"))],
    }
    text = why(Objects(traefik_pods=[POD], traefik_events=EVENTS), seen, waiting(seen, EXPECTED))
    assert text == (
        "Kustomization flux-system/traefik: Progressing: waiting. "
        "HelmRelease traefik/traefik-internal: InstallFailed: timed out. "
        "Pod traefik/traefik-internal-1: ImagePullBackOff back-off. "
        "Pod traefik-internal-1: Failed pull access denied. That means: the image can't be fetched."
    )


def test_pods_that_are_gone_and_nodes_are_no_cause() -> None:
    told_of = [
        {"type": "Warning", "reason": "BackOff", "message": "old pod", "lastTimestamp": "2026-01-03T00:00:00Z",
         "involvedObject": {"kind": "Pod", "name": "gone"}},
        {"type": "Warning", "reason": "CgroupV1", "message": "old node", "lastTimestamp": "2026-01-04T00:00:00Z",
         "involvedObject": {"kind": "Node", "name": "pi2"}},
        {"type": "Warning", "reason": "FailedMount", "message": "no volume", "lastTimestamp": "2026-01-01T00:00:00Z",
         "involvedObject": {"kind": "Pod", "name": "traefik-internal-1"}},
    ]  # fmt: skip
    seen = {"HelmRelease": [release(says("False", "InstallFailed", "timed out"))]}
    found = told(Objects(traefik_pods=[POD], traefik_events=told_of), seen, waiting(seen, Expected(REVISION)))
    assert found.text.endswith("Pod traefik-internal-1: FailedMount no volume.")


def test_where_nothing_was_applied_nothing_else_is_told() -> None:
    applied = {"entries": [{"id": "traefik_x__ConfigMap", "v": "v1"}]}
    seen = {"Kustomization": [kustomization("own", says("False", "BuildFailed", "no file"), inventory=applied)]}
    found = told(Objects(traefik_pods=[POD], traefik_events=EVENTS), seen, waiting(seen, Expected(REVISION)))
    assert found.text == "Kustomization flux-system/own: BuildFailed: no file."


@pytest.mark.parametrize(("reason", "name"), [("BuildFailed", "own"), ("HealthCheckFailed", "charts")])
def test_what_an_older_commit_left_is_not_the_cause(reason: str, name: str) -> None:
    older = {"entries": [{"id": "flux-system_charts_source.toolkit.fluxcd.io_OCIRepository", "v": "v1"}]}
    seen = {
        "OCIRepository": [thing("charts", status={"conditions": [says("False", "OCIArtifactPullFailed", "x")]})],
        "Kustomization": [kustomization("own", says("False", reason, "y"), inventory=older)],
    }
    assert root(waiting(seen, Expected(REVISION))).name == name


def test_a_long_text_keeps_the_words_that_count() -> None:
    words = "age: identity did not match any of the recipients"
    seen = {"Kustomization": [kustomization("own", says("False", "BuildFailed", f"{'a ' * 900}{words}{' b' * 900}"))]}
    found = told(Objects(), seen, waiting(seen, Expected(REVISION)))
    assert found.cause and words in found.text and len(found.text) < 1000
    assert found.text.startswith("Kustomization flux-system/own: BuildFailed: a a") and found.text.endswith("…")


def test_while_flux_tries_again_the_last_try_is_told() -> None:
    trying = says("Unknown", "Progressing", "Reconciliation in progress")
    one = kustomization("hello", trying, history=[{"lastReconciledStatus": "BuildFailed"}])
    about = {"kind": "Kustomization", "name": "hello"}
    events = [{"type": "Warning", "reason": "BuildFailed", "message": "secrets \"sops-age\" not found",
               "lastTimestamp": "2026-01-01T00:00:00Z", "involvedObject": about}]  # fmt: skip
    seen = {"Kustomization": [one]}
    text = why(Objects(**{"flux-system_events": events}), seen, waiting(seen, Expected(REVISION)))
    assert text == (
        "Kustomization flux-system/hello is being applied. The try before ended with BuildFailed. "
        'Kustomization hello: BuildFailed secrets "sops-age" not found. '
        "That means: the age key is not in the cluster."
    )


@pytest.mark.parametrize(
    ("tried", "event", "words"),
    [
        ("new", {}, "The try before ended with BuildFailed. Kustomization hello: BuildFailed bad YAML"),
        ("new", {"of": "old"}, "The try before ended with BuildFailed."),  # the newest that Kubernetes kept
        ("new", {"reason": "ArtifactFailed"}, "The try before ended with BuildFailed."),
        ("new", {"of": None, "lastTimestamp": "2026-01-01T00:00:01Z"}, "The try before ended with BuildFailed. Kust"),
        ("new", {"of": None, "lastTimestamp": "2025-12-31T23:50:00Z"}, "The try before ended with BuildFailed."),
        ("old", {"of": "old"}, ""),
    ],
)
def test_a_try_of_an_older_commit_is_no_news(tried: str, event: dict[str, str | None], words: str) -> None:
    trying = says("Unknown", "Progressing", "Reconciliation in progress")
    ended = {"lastReconciledStatus": "BuildFailed", "lastReconciled": "2026-01-01T00:00:00Z"}
    of = event.get("of", "new")
    annotations = {"kustomize.toolkit.fluxcd.io/revision": of} if of else None
    one = {"type": "Warning", "reason": "BuildFailed", "message": "bad YAML", **event,
           "metadata": {"annotations": annotations},
           "involvedObject": {"kind": "Kustomization", "name": "hello"}}  # fmt: skip
    seen = {"Kustomization": [kustomization("hello", trying, history=[{**ended, "metadata": {"revision": tried}}])],
            "GitRepository": [thing("flux-system", status={"artifact": {"revision": "new"}})]}  # fmt: skip
    left = [each for each in waiting(seen, Expected(REVISION)) if each.kind == "Kustomization"]
    text = why(Objects(**{"flux-system_events": [one]}), seen, left)
    said = text.removeprefix("Kustomization flux-system/hello is being applied.").strip()
    assert said.startswith(words) and ("YAML" in said) == ("Kust" in words) and bool(said) == bool(words)


def test_nothing_to_wait_for_needs_no_reason() -> None:
    assert why(Objects(), {}, []) == ""


def test_a_pod_without_a_node_says_so() -> None:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "message": "0/1 nodes are available: 1 Insufficient memory.",
    }
    pod = {"metadata": {"name": "p", "namespace": "n"}, "status": {"conditions": [condition]}}
    assert "Insufficient memory" in pod_trouble(pod)
    assert pod_trouble({"metadata": {"name": "p"}, "status": {}}) == ""
    assert newest_warning([]) == ""


# As printed by Flux 2.9.4 and Kubernetes 1.36.4 on a cluster of the lab.
@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("failed to checkout: ssh: handshake failed: ssh: unable to authenticate", "does not accept Flux' key"),
        ("knownhosts: key mismatch", "another host key"),
        ("couldn't find remote ref \"refs/heads/x\"", "the branch"),
        ("secrets \"sops-age\" not found", "the age key is not in the cluster"),
        ("age: identity did not match any of the recipients: incorrect identity", "another age key"),
        ("kustomization path not found: stat /tmp/k/apps/x: no such file", "the folder is not in the repository"),
        ("MalformedYAMLError: yaml: line 2: did not find expected ',' or '}'", "not valid YAML"),
        ("failed to decode Kubernetes YAML from /tmp/k/a.yaml: missing Resource metadata", "no Kubernetes object"),
        ("accumulating resources: may not add resource with an already registered id: ConfigMap/a", "in two files"),
        ("accumulating resources: accumulation err='accumulating resources from 'x.yaml'", "kustomization.yaml names"),
        ("values don't meet the specifications of the schema(s): - at '/replicaCount': got string", "refuses a value"),
        ("could not resolve Secret chart values reference 'a/b' with key 'values.yaml': secrets \"b\" not found",
         "with its values is not there"),
        ("Thing/default/a dry-run failed: no matches for kind \"Thing\" in version \"x/v1\"", "a kind is not known"),
        ("ConfigMap/not-there/a not found: namespaces \"not-there\" not found", "a namespace is missing"),
        ("ConfigMap/default/t dry-run failed: .data.a: expected string", "the cluster refuses an object"),
        ("dependency 'flux-system/nobody' not found: kustomizations \"nobody\" not found", "nothing describes"),
        ("GET http://10.0.0.1:5000/v2/x/manifests/99.9.9: MANIFEST_UNKNOWN: Unknown manifest", "the chart's version"),
        ("http: server gave HTTP response to HTTPS client", "plain HTTP"),
        ("ImagePullBackOff Back-off pulling image \"x\": ErrImagePull: failed to resolve image: x:1: not found",
         "the image is not in the registry"),
        ("ImagePullBackOff Back-off pulling image \"x\": ErrImagePull: dial tcp: i/o timeout", "can't be fetched"),
        ("everything is fine", ""),
    ],
)  # fmt: skip
def test_words_are_explained(said: str, meaning: str) -> None:
    assert meaning in explain(said) and bool(explain(said)) == bool(meaning)
