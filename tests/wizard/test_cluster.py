"""The Kubernetes API's client against a small HTTPS server that wants a client certificate."""

import json
import threading
import time

import pytest

from wizard.cluster import KubeCluster
from wizard.errors import Interrupted, Unavailable, WizardError

POD = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}
PATH = "/api/v1/namespaces/default/configmaps/a"


@pytest.fixture
def cluster(api):
    return KubeCluster(api.kubeconfig(), threading.Event())


def test_an_object_is_read(api, cluster):
    api.answer = lambda seen: (200, POD, {})
    assert cluster.get(PATH) == POD
    assert (api.seen[0]["method"], api.seen[0]["path"]) == ("GET", PATH)


def test_what_is_not_there_is_none(api, cluster):
    api.answer = lambda seen: (404, {"message": "not found"}, {})
    assert cluster.get(PATH) is None
    cluster.delete(PATH)


def test_apply_is_server_side_and_takes_over(api, cluster):
    cluster.apply(PATH, POD)
    seen = api.seen[0]
    assert seen["method"] == "PATCH"
    assert seen["path"] == f"{PATH}?fieldManager=homelab-wizard&force=true"
    assert seen["headers"]["Content-Type"] == "application/apply-patch+yaml"
    assert json.loads(seen["body"]) == POD


def test_delete(api, cluster):
    cluster.delete(PATH)
    assert api.seen[0]["method"] == "DELETE"


def test_a_token_is_sent_as_bearer(site):
    KubeCluster(site.kubeconfig(token="abc-token"), threading.Event()).get("/version")
    assert site.seen[0]["headers"]["Authorization"] == "Bearer abc-token"


@pytest.mark.parametrize(
    ("status", "what"),
    [(401, "does not allow GET"), (403, "does not allow GET"), (500, "refused GET"), (409, "refused GET")],
)
def test_a_refusal_says_what_the_api_said(api, cluster, status, what):
    api.answer = lambda seen: (status, {"kind": "Status", "message": "because of this"}, {})
    with pytest.raises(WizardError, match=what) as failed:
        cluster.get(PATH)
    assert failed.value.why == "because of this"
    assert failed.value.fix


@pytest.mark.parametrize("status", [429, 503])
def test_an_api_that_asks_for_patience_is_asked_again(api, cluster, status):
    answers = iter([(status, {"message": "storage is (re)initializing"}, {"Retry-After": "0"}), (200, POD, {})])
    api.answer = lambda seen: next(answers)
    assert cluster.get(PATH) == POD


def test_an_api_that_never_has_time_is_unavailable(api, cluster):
    api.answer = lambda seen: (429, {"message": "storage is (re)initializing"}, {"Retry-After": "0"})
    with pytest.raises(Unavailable, match="refused GET") as failed:
        cluster.get(PATH)
    assert failed.value.why == "storage is (re)initializing"


def test_applying_a_kind_that_is_not_installed_is_named(api, cluster):
    api.answer = lambda seen: (404, {"message": "the server could not find the requested resource"}, {})
    with pytest.raises(WizardError, match="does not know /apis/x/v1"):
        cluster.apply("/apis/x/v1/things/a", POD)


def test_an_api_that_is_down_is_named(api, cluster):
    api.close()
    with pytest.raises(WizardError, match="can't be reached") as failed:
        cluster.get("/version")
    assert "Nothing answers" in failed.value.why


def several(api, *servers, authority=None):
    """A kubeconfig that names `servers`, the first one as the current one."""
    config = json.loads(api.kubeconfig().read_text())
    place = config["clusters"][0]["cluster"]
    config["clusters"] = [
        {"name": f"c{number or ''}", "cluster": {**place, "server": server}} for number, server in enumerate(servers)
    ]
    if authority:
        config["clusters"][-1]["cluster"]["certificate-authority-data"] = authority
    file = api.ca.folder / "several"
    file.write_text(json.dumps(config))
    return KubeCluster(file, threading.Event())


DOWN = "https://127.0.0.1:9"  # the discard port: nothing listens there


def test_when_the_first_control_plane_is_down_another_one_is_asked(api):
    cluster = several(api, DOWN, "https://127.0.0.1:7", api.url)
    assert cluster.get(PATH) == {"path": PATH}
    cluster.apply(PATH, POD)
    assert [seen["method"] for seen in api.seen] == ["GET", "PATCH"]


def test_an_impostor_at_one_of_the_addresses_stops_everything(api, site):
    cluster = several(api, site.url, api.url)
    with pytest.raises(WizardError, match="can't be reached") as failed:
        cluster.get(PATH)
    assert not isinstance(failed.value, Unavailable)
    assert api.seen == site.seen == []


def test_when_all_control_planes_are_down_the_first_one_is_named(api):
    api.close()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 can't be reached"):
        several(api, DOWN, api.url).get(PATH)


def test_a_server_of_another_cluster_in_the_same_file_is_never_asked(api, site):
    config = json.loads(site.kubeconfig().read_text())
    authority = config["clusters"][0]["cluster"]["certificate-authority-data"]
    with pytest.raises(Unavailable):
        several(api, DOWN, site.url, authority=authority).get(PATH)
    assert site.seen == []


def test_another_cluster_at_the_address_is_not_spoken_to(api, site):
    config = json.loads(api.kubeconfig().read_text())
    config["clusters"][0]["cluster"]["server"] = site.url
    file = api.ca.folder / "other"
    file.write_text(json.dumps(config))
    with pytest.raises(WizardError, match="can't be reached") as failed:
        KubeCluster(file, threading.Event()).get("/version")
    assert "certificate" in failed.value.why
    assert site.seen == []


@pytest.mark.parametrize("text", ["", "not: [yaml", "kind: Config\n"])
def test_a_damaged_kubeconfig_is_refused(tmp_path, text):
    (tmp_path / "kubeconfig").write_text(text)
    with pytest.raises(WizardError, match="can't be used"):
        KubeCluster(tmp_path / "kubeconfig", threading.Event())


def test_a_missing_kubeconfig_is_refused(tmp_path):
    with pytest.raises(WizardError, match="can't be used"):
        KubeCluster(tmp_path / "none", threading.Event())


def test_stop_ends_a_request_soon(api):
    stop = threading.Event()
    release = threading.Event()
    api.answer = lambda seen: (200, {"late": release.wait(5)}, {})
    cluster = KubeCluster(api.kubeconfig(), stop)
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        cluster.get("/version")
    assert time.monotonic() - began < 0.8
    release.set()


def test_an_api_that_has_just_started_denies_everything_for_a_moment(api, cluster):
    """As seen at an upgrade: kubernetes-admin "cannot get resource nodes", until the roles are there."""
    denied = (403, {"kind": "Status", "message": "nodes is forbidden"}, {})
    starting = {"/readyz": (500, {"message": "[-]informer-sync failed\n[+]ping ok"}, {})}
    api.answer = lambda seen: starting.get(seen["path"], denied)
    with pytest.raises(Unavailable, match="is not ready yet") as failed:
        cluster.get(PATH)
    assert failed.value.why == "[-]informer-sync failed"


def test_what_was_denied_a_moment_before_the_roles_were_there_is_asked_again(api, cluster):
    answers = [(403, {"message": "forbidden"}, {}), (200, {}, {}), (200, POD, {})]
    api.answer = lambda seen: answers[len(api.seen) - 1]
    assert cluster.get(PATH) == POD
    assert [seen["path"] for seen in api.seen] == [PATH, "/readyz", PATH]


def test_a_ready_api_that_denies_it_twice_means_it(api, cluster):
    api.answer = lambda seen: (200, {}, {}) if seen["path"] == "/readyz" else (403, {"message": "because"}, {})
    with pytest.raises(WizardError, match="does not allow GET") as failed:
        cluster.get(PATH)
    assert not isinstance(failed.value, Unavailable)
