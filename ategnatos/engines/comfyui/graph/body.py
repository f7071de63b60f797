"""A whole request as it would be posted: readable at all, and its other fields beside the graph.

For all of these the server answers "500 Internal Server Error" or "No prompt provided" and no
word more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ategnatos.engines.comfyui.graph.findings import Effect, Finding
from ategnatos.engines.comfyui.graph.preflight import check
from ategnatos.engines.comfyui.graph.shape import is_ui_workflow

# The server's default --max-upload-size, in bytes.
BODY_BYTES = 104_857_600


def check_body(raw: bytes, object_info: Mapping[str, Any]) -> list[Finding]:
    """Findings about the bytes of a ``POST /prompt``: the body, its fields, and its graph."""
    if len(raw) > BODY_BYTES:
        return [
            _refused(
                "body_too_big",
                f"The request is {len(raw)} bytes; the server takes {BODY_BYTES}.",
                "Upload pictures as files; do not put them into the graph.",
            )
        ]
    try:
        body = json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        return [_refused("not_json", f"This is not JSON: {error}.", "Save the workflow again.")]
    return check_request(body, object_info)


def check_request(body: Any, object_info: Mapping[str, Any]) -> list[Finding]:
    """Findings about the JSON value of a ``POST /prompt``."""
    if is_ui_workflow(body):
        return check(body, object_info)
    if not isinstance(body, Mapping) or "prompt" not in body:
        return [
            _refused(
                "no_prompt",
                'The request has no "prompt".',
                'Send {"prompt": graph}; the graph alone is not a request.',
            )
        ]
    found = []
    if "number" in body and not _is_number(body["number"]):
        found.append(
            _refused(
                "bad_number",
                f'"number" (the place in the queue) is {body["number"]!r}, not a number.',
                'Leave "number" out.',
            )
        )
    if "client_id" in body and not isinstance(body.get("extra_data", {}), Mapping):
        found.append(
            _refused(
                "bad_extra_data",
                f'"extra_data" is {body["extra_data"]!r}, not an object.',
                'Leave "extra_data" out, or send {}.',
            )
        )
    targets = body.get("partial_execution_targets")
    outputs = targets if isinstance(targets, Sequence) and not isinstance(targets, str) else None
    return [*found, *check(body["prompt"], object_info, outputs=outputs)]


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _refused(code: str, message: str, mend: str) -> Finding:
    return Finding(
        code,
        Effect.REFUSED,
        message,
        allowed='{"prompt": graph, "client_id": "...", "prompt_id": "..."}',
        mend=mend,
    )
