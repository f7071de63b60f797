"""A web page or an error message that was saved under a model's name: told by its first bytes.

A site that wants a login answers 200 with a page; the file then has a few kilobytes and every
later error speaks of something else.
"""

from __future__ import annotations

import json
from pathlib import Path

HEAD_BYTES = 4096
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<body", b"<script")
_ERROR_KEYS = ("error", "message", "detail", "errors", "status")


def what_is_it(head: bytes, *, suffix: str) -> str:
    """What a file really is that begins with ``head``; "" where it may well be a model.

    ``suffix`` is that of its name (``.safetensors``). Needs at most 4,096 bytes.
    """
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    start = text[:64].lower()
    if start.startswith(_PAGES):
        return "a web page (most often a login page)"
    if start.startswith((b"{", b"[")):
        return _json(text)
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the file itself"
    if suffix in {".safetensors", ".sft"} and len(head) >= 9:
        length = int.from_bytes(head[:8], "little")
        if length > (100 << 20) or head[8:9] != b"{":
            return "no safetensors file"
    if suffix == ".gguf" and len(head) >= 4 and not head.startswith(b"GGUF"):
        return "no GGUF file"
    return ""


def of_file(path: Path) -> str:
    """As :func:`what_is_it`, of a file. Raises OSError."""
    with path.open("rb") as file:
        return what_is_it(file.read(HEAD_BYTES), suffix=path.suffix.lower())


def _json(text: bytes) -> str:
    """A message of an error, where it states one."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return "a JSON text"
    if isinstance(said, dict):
        for key in _ERROR_KEYS:
            value = said.get(key)
            if isinstance(value, str) and value.strip():
                shown = "".join(c if c.isprintable() else " " for c in value)[:160]
                return f'an error message: "{shown}"'
    return "a JSON text"
