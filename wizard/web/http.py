"""HTTP requests: certificates always verified, secrets never in an error, a deadline on everything.

urllib3 rather than requests: it trusts the certificates the system trusts (a home's own CA included), it has
timeouts for the whole request, and `kubernetes` brings it along anyway.
"""

from __future__ import annotations

import json
import ssl
import threading
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from wizard.errors import WizardError
from wizard.net.soon import soon
from wizard.world import Request, Response

REDIRECTS = 5


def send(request: Request, stop: threading.Event) -> Response:
    """Sends it; see `World.http`. Redirects of a GET are followed, never from https to http, and a token or secret
    parameter goes only to the host it was given for."""
    return soon(stop, lambda: _follow(request))


def _follow(request: Request) -> Response:
    import urllib3

    url = request.url
    first = urlsplit(url)
    with urllib3.PoolManager(ssl_context=_context(request), retries=False) as pool:
        for _ in range(REDIRECTS + 1):
            here = urlsplit(url)
            trusted = (here.scheme, here.netloc) == (first.scheme, first.netloc)
            answer = _once(pool, request, url, with_secrets=trusted)
            target = answer.headers.get("location", "")
            if request.method.upper() != "GET" or answer.status not in (301, 302, 303, 307, 308) or not target:
                return answer
            url = urljoin(url, target)
            if first.scheme == "https" and urlsplit(url).scheme != "https":
                return answer
    raise WizardError(f"{_shown(request.method, request.url)} failed.", f"It redirected more than {REDIRECTS} times.")


def _once(pool: Any, request: Request, url: str, *, with_secrets: bool) -> Response:
    import urllib3

    headers = dict(request.headers)
    if with_secrets and request.token is not None:
        headers["Authorization"] = f"Bearer {request.token.reveal()}"
    body = None
    if request.json is not None:
        body = json.dumps(request.json).encode()
        headers.setdefault("Content-Type", "application/json")
    if with_secrets and request.secret_form:
        body = urlencode({name: secret.reveal() for name, secret in request.secret_form.items()}).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if with_secrets and request.secret_query:
        query = urlencode({name: secret.reveal() for name, secret in request.secret_query.items()})
        url += ("&" if "?" in url else "?") + query
    try:
        answer = pool.request(
            request.method, url, body=body, headers=headers, redirect=False,
            timeout=urllib3.Timeout(connect=min(10.0, request.timeout), total=request.timeout),
        )  # fmt: skip
    except (urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        why, fix = _cause(error, url, request.timeout)
        raise WizardError(
            f"{_shown(request.method, url)} failed.", why, fix
        ) from None  # its own text holds the whole address
    return Response(answer.status, answer.data, {name.lower(): value for name, value in answer.headers.items()})


def _context(request: Request) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=request.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise WizardError(
            f"The certificate file {request.ca_file} can't be used.", f"{error.strerror or error}.",
            "It must hold one or more certificates in PEM form.",
        ) from None  # fmt: skip


def _shown(method: str, url: str) -> str:
    """The request without its query, which may hold a secret."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{method.upper()} {parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _cause(error: Exception, url: str, timeout: float) -> tuple[str, str]:
    """What went wrong and what to do, from urllib3's error. Its own words are never quoted as a whole."""
    import urllib3.exceptions as kinds

    host = urlsplit(url).hostname or ""
    inner = getattr(error, "reason", None) or error
    if isinstance(inner, kinds.SSLError):
        detail = getattr(inner.args[0] if inner.args else None, "verify_message", "") or "the TLS handshake failed"
        return (
            f"The certificate of {host} is not trusted: {detail}.",
            "Check the clock of this computer, and give the CA's certificate when the service has one of its own.",
        )
    if isinstance(inner, kinds.NameResolutionError):
        return f"The name {host} could not be resolved.", "Check the name, and that this computer has DNS."
    if isinstance(inner, kinds.NewConnectionError):
        return f"{host} could not be reached: the connection was refused.", "Check that it is running and reachable."
    if isinstance(inner, kinds.TimeoutError):  # ConnectTimeoutError and ReadTimeoutError
        return f"{host} did not answer within {timeout:g} seconds.", "Check the network and try again."
    if isinstance(inner, kinds.ProtocolError):
        return f"{host} ended the connection without an answer.", "Try again in a moment."
    return f"{host} could not be asked ({type(inner).__name__}).", "Check the address and try again."
