"""Credentials masked on every way out: terminal, JSON, journal, logs, metadata, other programs.

``loaded`` masks the values that this process holds, in every spelling; ``shapes`` masks what
looks like a credential; ``stream`` does both to text that arrives in pieces. Every search is
linear in the length of the text, and nothing is compiled before a text gives cause.
"""

from __future__ import annotations

from typing import Any

from ategnatos.guard.redaction import loaded, shapes
from ategnatos.guard.redaction.shapes import Span


def redact(text: str) -> str:
    """``text`` with every credential in it masked: ``sk-abc123xyz`` becomes ``sk-***xyz``.

    A longer one keeps its last four characters. Redacting twice is redacting once.
    """
    if len(text) < shapes.SHORTEST:
        return text
    found = spans(text)
    if not found:
        return text
    pieces: list[str] = []
    place = 0
    for start, end, mask in found:
        pieces += (text[place:start], mask)
        place = end
    return "".join((*pieces, text[place:]))


def redact_value(value: Any) -> Any:
    """A JSON value with every text in it redacted; what needs no change is the same object.

    A member's name counts as context: 32 characters under ``api_key`` are masked.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        changed = {
            redact(key) if isinstance(key, str) else key: _member(key, inner)
            for key, inner in value.items()
        }
        return changed if changed != value else value
    if isinstance(value, list | tuple):
        items = [redact_value(inner) for inner in value]
        if items == list(value):
            return value
        return items if isinstance(value, list) else tuple(items)
    return value


def remember(value: str) -> None:
    """Mask ``value`` from now on, wherever and however this process writes it."""
    loaded.remember(value)


def spans(text: str) -> list[Span]:
    """What is to be masked: start, end and mask, in order and apart from one another."""
    found = sorted((*shapes.find(text), *loaded.find(text)), key=lambda one: (one[0], -one[1]))
    merged: list[Span] = []
    for start, end, mask in found:
        if merged and start < merged[-1][1]:
            if end > merged[-1][1]:
                # Two that overlap are one piece of text; no end of either is shown.
                merged[-1] = (merged[-1][0], end, "***")
        else:
            merged.append((start, end, mask))
    return merged


def _member(name: Any, value: Any) -> Any:
    if isinstance(name, str) and isinstance(value, str) and shapes.is_secret_field(name, value):
        return shapes.masked(value)
    return redact_value(value)
