"""What a real server made of each recorded prompt, and what the check says of it beforehand."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ategnatos.engines.comfyui.graph.body import BODY_BYTES, check_body
from ategnatos.engines.comfyui.graph.findings import Effect, Finding
from tests.comfyui import recordings

# What the server did: the words of our findings, and "ran" where it made what was written.
RAN = "ran"

# Where we differ from the server on purpose, and why.
ON_PURPOSE = {
    "load_image_path_traversal_existing_file": (
        "The server reads a picture outside its input folder. The check refuses a path that"
        " leaves it: we do not ask a server for files it was not meant to give."
    ),
    "float_nan": (
        "The server runs with 'not a number' and writes history that is no JSON. The check says"
        " that the value is taken for another, and lets it pass."
    ),
}


@dataclass(frozen=True)
class Case:
    """One recorded prompt: its bytes, what the server did, what the check found."""

    name: str
    server: str
    findings: list[Finding]

    @property
    def ours(self) -> str:
        """The check's verdict in the same words."""
        effects = {one.effect for one in self.findings}
        if Effect.REFUSED in effects or Effect.UNSAFE in effects:
            return Effect.REFUSED.value
        if Effect.DROPPED in effects:
            return Effect.DROPPED.value
        return Effect.FAILS.value if Effect.FAILS in effects else RAN


def object_info() -> dict[str, Any]:
    """The recorded classes, and the probe nodes that the recorded server had."""
    return {**recordings.object_info(), **recordings.packed("probe_nodes")["nodes"]}


def cases() -> Iterator[Case]:
    """Every recorded POST /prompt and every recorded graph."""
    known = object_info()
    for name in ("rejected", "accepted"):
        for entry in recordings.entries(name):
            yield Case(f"{name}: {entry['case']}", _did(entry), check_body(_sent(entry), known))


def _did(entry: dict[str, Any]) -> str:
    answer = entry["response"]
    if answer["status"] != 200:
        return Effect.REFUSED.value
    if answer.get("json", {}).get("node_errors"):
        return Effect.DROPPED.value
    status = (entry.get("history_after") or {}).get("status") or {}
    return Effect.FAILS.value if status.get("status_str") == "error" else RAN


def _sent(entry: dict[str, Any]) -> bytes:
    request = entry["request"]
    if "json" in request:
        return json.dumps(request["json"]).encode()
    if "raw_body_base64" in request:
        return base64.b64decode(request["raw_body_base64"])
    if entry["case"] == "oversize_body":
        return b" " * (BODY_BYTES + 1)
    return str(request.get("raw_body", "")).encode("latin-1")
