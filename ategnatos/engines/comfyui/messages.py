"""What comes over the websocket, as plain values; what nobody needs is not even decoded.

Layouts as recorded from ComfyUI 0.3.64: text messages ``{"type", "data"}``; binary ones begin
with a big-endian event number. 1 is a picture with its type (1 JPEG, 2 PNG), 3 a text with its
node, 4 a picture with facts about it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

# It repeats every finished node in every message: 8 MB for a graph of 201 nodes. ``progress``
# and ``executing`` say the same in a few bytes, so it is skipped without being decoded.
_SKIPPED = (b'{"type": "progress_state"', b'{"type":"progress_state"')
_LOADING = b'"activity"'
_MIMES = {1: "image/jpeg", 2: "image/png"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture over the socket; ``node`` and ``prompt_id`` are None where it does not say."""

    data: bytes
    mime: str
    node: str | None = None
    prompt_id: str | None = None


@dataclass(frozen=True, slots=True)
class NodeText:
    """A line that a node wants shown while it works."""

    node: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """A text message: its type and its data."""

    kind: str
    data: dict[str, Any]


Message = Picture | NodeText | Told | None


def read(message: bytes) -> Message:
    """The message, or None for one that says nothing we use or is malformed."""
    if message[:1] == b"{":
        return _read_text(message)
    return _read_binary(message)


def _read_text(message: bytes) -> Told | None:
    if message.startswith(_SKIPPED) and _LOADING not in message:
        return None
    try:
        parsed = json.loads(message)
        kind, data = parsed["type"], parsed.get("data")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Told(str(kind), data if isinstance(data, dict) else {})


def _read_binary(message: bytes) -> Picture | NodeText | None:
    if len(message) < 8:
        return None
    event = int.from_bytes(message[:4], "big")
    second = int.from_bytes(message[4:8], "big")
    if event == 1:
        return Picture(message[8:], _MIMES.get(second, "application/octet-stream"))
    if event == 3:
        end = 8 + second
        if end > len(message):
            return None
        node, text = message[8:end], message[end:]
        return NodeText(node.decode("utf-8", "replace"), text.decode("utf-8", "replace"))
    if event == 4:
        return _with_facts(message, 8 + second)
    return None


def _with_facts(message: bytes, end: int) -> Picture | None:
    if end > len(message):
        return None
    try:
        facts = json.loads(message[8:end])
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    node = facts.get("display_node_id") or facts.get("node_id")
    prompt_id = facts.get("prompt_id")
    return Picture(
        message[end:],
        str(facts.get("image_type") or "application/octet-stream"),
        None if node is None else str(node),
        None if prompt_id is None else str(prompt_id),
    )
