"""JSON over HTTP for the clients beside this file: one way to send, one way to say what went wrong."""

from __future__ import annotations

import json
from typing import Any

from wizard.errors import WizardError
from wizard.secret import redact
from wizard.world import Request, World


class ApiError(WizardError):
    """A web service refused a request. `status` is its HTTP status; 0 when the answer made no sense."""

    def __init__(self, what: str, why: str = "", fix: str = "", *, status: int = 0) -> None:
        super().__init__(what, why, fix)
        self.status = status


def call(world: World, request: Request, *, service: str, key_fix: str) -> Any:
    """Sends `request` and returns the decoded JSON of a 2xx answer, None when it is empty.

    `service` names the other side in errors; `key_fix` says how to get a key that works. Raises `ApiError`,
    and what `World.http` raises when no answer comes.
    """
    response = world.http(request)
    said = _message(response.body)
    if response.status in (401, 403):
        raise ApiError(f"{service} refused the API key.", said, key_fix, status=response.status)
    if not 200 <= response.status < 300:
        raise ApiError(
            f"{service} answered {request.method} {request.url} with status {response.status}.", said,
            "Run again; when it stays so, look at its log.", status=response.status,
        )  # fmt: skip
    if not response.body.strip():
        return None
    try:
        return json.loads(response.body)
    except ValueError:
        raise ApiError(
            f"What answers at {request.url} is not {service}.", f"It sent: {said}",
            "Check the address: a router's or proxy's page may be answering there.",
        ) from None  # fmt: skip


def _message(body: bytes) -> str:
    """The reason in an error's body: its `message`, or the beginning of the text."""
    text = body.decode("utf-8", "replace").strip()
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if isinstance(data, dict) and isinstance(data.get("message"), str):
        text = data["message"]
    first = redact(" ".join(text.split())[:200])
    return f"It says: {first}" if first else ""
