"""What Flux and Kubernetes say of themselves, read as ready or not, and as a reason in words."""

from __future__ import annotations

from typing import Any

import pytest

from steps.flux_status import (
    Expected,
    attempted,
    could_go_on,
    cycle,
    failed,
    items,
    lags,
    look,
    short,
    stalled,
    suspended,
    waiting,
    why_not,
)  # fmt: skip
from steps.flux_why import explain, newest_warning, pod_trouble, told, why

REVISION, OLD = "main@sha1:" + "a" * 40, "main@sha1:" + "b" * 40
EXPECTED = Expected(REVISION, ("flux-system", "hello"), (("traefik-internal", "10.0.0.60"),))


def thing(name: str, space: str = "flux-system", generation: int = 1, **rest: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": space, "generation": generation}, **rest}


def says(status: str, reason: str = "", message: str = "", seen: int = 1, kind: str = "Ready") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": seen}


READY = says("True", "Succeeded")


def kustomization(name: str, condition: dict[str, Any] = READY, at: str = REVISION, **status: Any) -> dict[str, Any]:
    spec = {"sourceRef": {"kind": "GitRepository", "name": "flux-system"}}
    return thing(name, spec=spec, status={"conditions": [condition], "lastAppliedRevision": at, **status})


def gateway(address: str, condition: dict[str, Any] | None = None) -> dict[str, Any]:
    status = {"conditions": [condition or says("True", kind="Programmed")], "addresses": [{"value": address}]}
    return thing("traefik-internal", "gateways", status=status)


def release(condition: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
    return thing("traefik-internal", "traefik", status={"conditions": [condition, *more], "observedGeneration": 1})


@pytest.mark.parametrize(
    ("kind", "one", "expected"),
    [
        ("Kustomization", kustomization("hello"), ""),
        ("Kustomization", kustomization("hello", says("True", seen=0)), "not been looked at yet"),
        ("Kustomization", kustomization("hello", at=OLD), "at main@bbbbbbbb, not yet at main@aaaaaaaa"),
        ("Kustomization", kustomization("hello", says("False", "BuildFailed", "no\n file")), "BuildFailed: no file"),
        ("Kustomization", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "being taken away"),
        ("Kustomization", thing("hello"), "it has not been looked at yet"),
        ("HelmRelease", release(READY), ""),
        ("HelmRelease", release(says("Unknown", "Progressing", "installing")), "Progressing: installing"),
        ("Gateway", gateway("10.0.0.60"), ""),
        ("Gateway", gateway("10.0.0.61"), "its address is 10.0.0.61, not 10.0.0.60"),
        ("Gateway", gateway("10.0.0.60", says("False", "Invalid", "no port", kind="Programmed")), "Invalid: no port"),
        ("GitRepository", thing("flux-system", status={"conditions": [READY], "artifact": {"revision": REVISION}}), ""),
        ("GitRepository", thing("flux-system", status={"conditions": [READY]}), "at nothing, not yet at main@aaaa"),
        ("GitRepository", thing("gateway-api", status={"conditions": [READY]}), ""),
        ("Deployment", thing("source-controller", spec={"replicas": 1}, status={"availableReplicas": 1}), ""),
        ("Deployment", thing("source-controller", spec={"replicas": 1}), "its pod does not run yet"),
    ],
)  # fmt: skip
def test_ready_is_said_of_this_object_and_this_commit(kind: str, one: dict[str, Any], expected: str) -> None:
    found = why_not(kind, one, EXPECTED)
    assert (found == "") == (expected == "") and expected in found


def test_what_is_missing_is_waited_for() -> None:
    found = waiting({"Kustomization": [kustomization("flux-system")]}, EXPECTED)
    assert [str(item) for item in found] == ["Kustomization flux-system/hello", "Gateway gateways/traefik-internal"]
    assert len(items({"Kustomization": [kustomization("flux-system")]}, EXPECTED)) == 3


def test_when_all_is_ready_nothing_waits() -> None:
    seen = {"Kustomization": [kustomization("flux-system"), kustomization("hello")], "Gateway": [gateway("10.0.0.60")]}
    assert waiting(seen, EXPECTED) == []


def test_suspended_and_stalled_are_told_apart() -> None:
    given_up = says("True", "RetriesExceeded", "gave up", kind="Stalled")
    seen = {
        "HelmRelease": [release(says("False"), given_up)],
        "Kustomization": [{**kustomization("x"), "spec": {"suspend": True}}],
    }
    assert [(item.name, item.why) for item in stalled(seen)] == [("traefik-internal", "gave up")]
    assert [item.name for item in suspended(seen)] == ["x"]


def test_what_could_go_on_is_told_apart_from_what_still_waits() -> None:
    seen = {"Kustomization": [kustomization("metallb"), needing("config", "metallb"), needing("traefik", "config")]}
    assert [item.name for item in could_go_on(waiting(seen, Expected(REVISION)))] == ["config"]


def needing(name: str, *others: str, reason: str = "DependencyNotReady", message: str = "") -> dict[str, Any]:
    one = kustomization(name, says("False", reason, message or f"dependency 'flux-system/{others[-1]}' is not ready"))
    return {**one, "spec": {**one["spec"], "dependsOn": [{"name": other} for other in others]}}


@pytest.mark.parametrize(
    ("parts", "circle"),
    [
        ({"a": ["b"], "b": ["c"]}, []),
        ({"a": ["b"], "b": ["a"]}, ["a", "b"]),
        ({"x": ["a"], "a": ["ready", "b"], "b": ["c"], "c": ["a"]}, ["a", "b", "c"]),
        ({"a": ["a"]}, ["a"]),
    ],
)
def test_parts_that_wait_for_each_other_are_found(parts: dict[str, list[str]], circle: list[str]) -> None:
    found = waiting({"Kustomization": [needing(name, *others) for name, others in parts.items()]}, Expected(REVISION))
    assert [item.name for item in cycle(found)] == circle


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


def test_what_is_said_of_an_older_commit_is_told_apart() -> None:
    tried = kustomization("flux-system", lastAttemptedRevision=REVISION)
    older = kustomization("hello", lastAttemptedRevision=OLD)
    assert attempted({"Kustomization": [tried, needing("hello", "gateways")]}, EXPECTED)
    assert not attempted({"Kustomization": [tried, older]}, EXPECTED)
    source = thing("flux-system", status={"artifact": {"revision": REVISION}})
    assert not lags({"GitRepository": [source], "Kustomization": [tried]}, EXPECTED)
    behind = kustomization("flux-system", lastAttemptedRevision=OLD)
    assert lags({"GitRepository": [source], "Kustomization": [behind]}, EXPECTED)
    assert not lags({"GitRepository": [source]}, EXPECTED)
    assert not lags({"Kustomization": [behind]}, EXPECTED)


def test_what_failed_by_itself_is_tried_again_at_once() -> None:
    seen = {
        "Kustomization": [
            kustomization("bad", says("False", "BuildFailed")), needing("hello", "bad"),
            kustomization("busy", says("Unknown", "Progressing")), kustomization("good"),
        ]
    }  # fmt: skip
    assert [item.name for item in failed(seen)] == ["bad"]


class Objects:
    """A cluster that knows what it is given, and no other kind."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self.lists = lists

    def get(self, path: str) -> dict[str, Any] | None:
        name = path.removeprefix("/api/v1/namespaces/").replace("/", "_")
        return {"items": self.lists[name]} if name in self.lists else None

    def apply(self, path: str, body: Any) -> None:
        raise AssertionError

    def delete(self, path: str) -> None:
        raise AssertionError


def test_kinds_that_the_cluster_does_not_know_yet_are_empty() -> None:
    assert not any(look(Objects()).values())


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


def test_revisions_are_short() -> None:
    assert short("main@sha1:0123456789abcdef") == "main@01234567"
    assert short(None) == "nothing"
