"""The Kubernetes API by plain paths and plain dicts, with the credentials of a kubeconfig.

A kubeconfig may name several control planes of one cluster: the first that can be reached is asked, the current
context's before the others.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from wizard.errors import Unavailable, WizardError
from wizard.net.soon import soon
from wizard.secret import redact

MANAGER = "homelab-wizard"
TIMEOUT = (5.0, 30.0)  # seconds to connect, and to read
LATER = (429, 503)  # "try again": it starts, or has just learnt a new kind of object ("storage is (re)initializing")
DENIED = (401, 403)
TRIES = 8  # with Retry-After, or half a second doubled up to five: about half a minute


class KubeCluster:
    """Implements `wizard.world.Cluster`. Safe to use from several threads. Every call may be made twice without harm,
    which is why one that broke off is made again at another control plane."""

    def __init__(self, kubeconfig: Path, stop: threading.Event) -> None:
        self._stop = stop
        content = _content(kubeconfig)
        self._client = _client(kubeconfig, content)
        self._host = str(self._client.configuration.host)  # the one that answered last
        self._hosts = _servers(content, self._host)

    def get(self, path: str) -> dict[str, Any] | None:
        """The object or list at `path`; None when it is not there."""
        status, body = self._call("GET", path)
        return None if status == 404 else body

    def apply(self, path: str, body: Mapping[str, Any]) -> None:
        """Server-side apply; fields that others own are taken over."""
        query = urlencode({"fieldManager": MANAGER, "force": "true"})
        joined = f"{path}{'&' if '?' in path else '?'}{query}"
        status, _ = self._call("PATCH", joined, body, "application/apply-patch+yaml")
        if status == 404:
            raise WizardError(
                f"The cluster does not know {path}.", "Its kind is not installed, or its namespace is not there.",
                "Wait until what brings it is installed, then run the same command again.",
            )  # fmt: skip

    def delete(self, path: str) -> None:
        """Deletes; nothing happens when it is not there."""
        self._call("DELETE", path)

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        status, data = soon(self._stop, lambda: self._somewhere(method, path, body, kind))
        if status in DENIED:
            status, data = soon(self._stop, lambda: self._once_ready(method, path, body, kind, (status, data)))
        if status < 300 or status == 404:
            return status, data
        raise self._refused(method, path, status, data)

    def _once_ready(
        self, method: str, path: str, body: Mapping[str, Any] | None, kind: str, denied: tuple[int, dict[str, Any]]
    ) -> tuple[int, dict[str, Any]]:
        """What comes of a call that was denied. An API server that has just started knows nobody's roles for a moment
        and denies everything, even to the administrator; ``/readyz``, which all may ask, says so.
        """
        ready, said = self._send(self._host, "GET", "/readyz", None, "application/json")
        if ready >= 500:
            raise Unavailable(
                f"The cluster's API at {urlsplit(self._host).netloc} is not ready yet.",
                redact(str(said.get("message", "")).partition("\n")[0]), "Run the same command again in a minute.",
            )  # fmt: skip
        return self._send(self._host, method, path, body, kind) if ready == 200 else denied

    def _somewhere(
        self, method: str, path: str, body: Mapping[str, Any] | None, kind: str
    ) -> tuple[int, dict[str, Any]]:
        """Sends to the control plane that answered last, then to the others. Raises the first one's error."""
        failed: list[Unavailable] = []
        for host in sorted(self._hosts, key=lambda each: each != self._host):
            try:
                found = self._send(host, method, path, body, kind)
            except Unavailable as error:
                failed.append(error)
            else:
                self._host = host
                return found
        raise failed[0]

    def _send(
        self, host: str, method: str, path: str, body: Mapping[str, Any] | None, kind: str
    ) -> tuple[int, dict[str, Any]]:
        import urllib3

        headers = {"Accept": "application/json", "Content-Type": kind}
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        text = None if body is None else json.dumps(body)
        try:
            answer = self._client.rest_client.pool_manager.request(
                method, host.rstrip("/") + path, body=text, headers=headers, retries=_patience(),
                timeout=urllib3.Timeout(connect=TIMEOUT[0], read=TIMEOUT[1]),
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _unreachable(host, error) from None
        try:
            data = json.loads(answer.data) if answer.data else {}
        except ValueError:
            data = {"message": answer.data[:200].decode(errors="replace")}
        return answer.status, data if isinstance(data, dict) else {}

    def _refused(self, method: str, path: str, status: int, data: Mapping[str, Any]) -> WizardError:
        said = redact(str(data.get("message", "")).strip()) or f"It answered {status}."
        if status in DENIED:
            return WizardError(
                f"The cluster's API does not allow {method} {path.partition('?')[0]} ({status}).", said,
                "The kubeconfig's credentials have expired or belong to another cluster; fetch a new one.",
            )  # fmt: skip
        kind = Unavailable if status in LATER else WizardError
        return kind(
            f"The cluster's API refused {method} {path.partition('?')[0]} ({status}).", said,
            "Run the same command again; when it stays so, the object above is at fault.",
        )  # fmt: skip


def _unreachable(host: str, error: Exception) -> WizardError:
    import urllib3.exceptions as kinds

    inner = getattr(error, "reason", None) or error
    if isinstance(inner, kinds.SSLError):
        why = "Its certificate is not the one of the cluster in the kubeconfig."
        fix = "Another cluster answers at this address; find out which before you go on."
    else:
        slow = isinstance(inner, kinds.TimeoutError) and not isinstance(inner, kinds.NewConnectionError)
        why = "It did not answer in time." if slow else "Nothing answers there, or the connection broke."
        fix = "Check that the control plane is up, then run the same command again."
    kind = WizardError if isinstance(inner, kinds.SSLError) else Unavailable
    return kind(f"The cluster's API at {urlsplit(host).netloc} can't be reached.", why, fix)


def _patience() -> Any:
    """Asks again what is answered with `LATER`; a connection that fails is for the caller to judge."""
    import urllib3

    return urllib3.Retry(
        total=None, connect=0, read=0, redirect=0, other=0, status=TRIES, status_forcelist=LATER, allowed_methods=None,
        backoff_factor=0.5, backoff_max=5, raise_on_status=False,
    )  # fmt: skip


def _content(kubeconfig: Path) -> Any:
    from wizard import yamlfile

    try:
        return yamlfile.load(kubeconfig.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unusable(kubeconfig, error) from None


def _client(kubeconfig: Path, content: Any) -> Any:
    from kubernetes import client, config  # half a second to import

    try:
        settings = type.__call__(client.Configuration)
        config.load_kube_config_from_dict(  # type: ignore[no-untyped-call]
            content, client_configuration=settings, persist_config=False
        )
        return client.ApiClient(settings)
    except (config.ConfigException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(kubeconfig, error) from None


def _unusable(kubeconfig: Path, error: Exception) -> WizardError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
    return WizardError(
        f"The kubeconfig {kubeconfig} can't be used.", redact(f"{reason}."),
        "Run the step Control plane again, which fetches it.",
    )  # fmt: skip


def _servers(content: Any, current: str) -> tuple[str, ...]:
    """`current` and the other servers of the same cluster: those with the same CA."""
    places = [each.get("cluster", {}) for each in content.get("clusters") or []]
    authority = next((p.get("certificate-authority-data") for p in places if p.get("server") == current), None)
    others = [str(p["server"]) for p in places if authority and p.get("certificate-authority-data") == authority]
    return tuple(dict.fromkeys([current, *others]))
