"""What a real ComfyUI 0.3.64 said, kept for tests: HTTP entries and websocket transcripts.

``recorded/`` holds it as it came, apart from folders (written ``/ComfyUI``), source lines of
tracebacks, and headers that describe no body. Prompt ids and times are those of the recording.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recorded"


@cache
def packed(name: str) -> Any:
    """The JSON of ``recorded/<name>.json.gz``; do not change what it returns."""
    return json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))


def object_info() -> dict[str, Any]:
    """GET /object_info, complete for the 141 node classes that were kept."""
    nodes: dict[str, Any] = packed("object_info")["response"]["json"]
    return nodes


def known_classes() -> set[str]:
    """The names of all 478 node classes that the recorded server had, and its probe nodes."""
    return set(packed("object_info_index")["nodes"]) | set(packed("probe_nodes")["nodes"])


def entries(name: str) -> list[dict[str, Any]]:
    """The entries of an HTTP file, packed or plain."""
    plain = FOLDER / f"{name}.json"
    found = json.loads(plain.read_text("utf-8")) if plain.exists() else packed(name)
    cases: list[dict[str, Any]] = found["cases"] if isinstance(found, dict) else found
    return cases


def transcript(name: str) -> list[dict[str, Any]]:
    """The lines of a websocket transcript, in order of arrival."""
    text = (FOLDER / "ws" / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def frame(name: str) -> bytes:
    """One whole recorded binary frame, by its name in ``binary_samples.json``."""
    import base64

    samples = json.loads((FOLDER / "ws" / "binary_samples.json").read_text("utf-8"))
    return base64.b64decode(samples["frames"][name]["base64"])
