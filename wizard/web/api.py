"""JSON over HTTP for the clients beside this file: one way to send, one way to say what went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from wizard.errors import WizardError
from wizard.secret import redact
from wizard.world import Request, Response, World


class ApiError(WizardError):
    """A web service refused a request. `status` is its HTTP status; 0 when the answer made no sense."""

    def __init__(self, what: str, why: str = "", fix: str = "", *, status: int = 0) -> None:
        super().__init__(what, why, fix)
        self.status = status


def call(world: World, request: Request, *, service: str, key_fix: str, rights_fix: str = "") -> Any:
    """Sends `request` and returns the decoded JSON of a 2xx answer, None when it is empty.

    `service` names the other side in errors; `key_fix` says how to get a key that works, `rights_fix` how to get one
    that may do this. Raises `ApiError`, and what `World.http` raises when no answer comes.
    """
    response = world.http(request)
    if not 200 <= response.status < 300:
        raise _refusal(request, response, service, key_fix, rights_fix or key_fix)
    if not response.body.strip():
        return None
    try:
        return json.loads(response.body)
    except ValueError:
        raise ApiError(
            f"What answers at {request.url} is not {service}.", f"It sent: {_message(response.body)}",
            "Check the address: a router's or proxy's page may be answering there.",
        ) from None  # fmt: skip


def _refusal(request: Request, response: Response, service: str, key_fix: str, rights_fix: str) -> ApiError:
    said, status = _message(response.body), response.status
    asked = f"{request.method} {request.url}"
    if status == 401:
        return ApiError(f"{service} refused the API key.", said, key_fix, status=status)
    if status == 403:
        return ApiError(f"{service} does not let the API key do {asked}.", said, rights_fix, status=status)
    if status == 429:
        seconds = response.headers.get("retry-after", "")
        fix = f"Wait {seconds} seconds" if seconds.isdigit() else "Wait some minutes"
        return ApiError(
            f"{service} was asked too often.", said, f"{fix} and run the same command again.", status=status
        )
    what = f"{service} answered {asked} with status {status}."
    return ApiError(what, said, "Run again; when it stays so, look at its log.", status=status)


def _message(body: bytes) -> str:
    first = reason(body)
    return f"It says: {first}" if first else ""


def reason(body: bytes) -> str:
    """The reason in an error's body, in its own words: what its messages say, or the beginning of the text."""
    text = body.decode("utf-8", "replace").strip()
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if isinstance(data, dict):
        text = ". ".join(part.rstrip(".") for part in _words(data)) or text
    return redact(" ".join(text.split())[:300])


def _words(data: Any, field: str = "") -> Iterator[str]:
    """The sentences in an error: of GitHub (`message`, `errors`), GitLab (`message` by field) and OAuth (`error…`)."""
    if isinstance(data, str):
        yield f"{field} {data}".strip()
    elif isinstance(data, list):
        for one in data:
            yield from _words(one.get("message") or one.get("code") if isinstance(one, dict) else one, field)
    elif isinstance(data, dict):
        known = [data[key] for key in ("message", "error_description", "errors") if data.get(key)]
        if known or "error" in data:
            yield from (word for part in known or [data["error"]] for word in _words(part))
        else:
            for name, part in data.items():
                yield from _words(part, str(name))
