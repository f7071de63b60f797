"""Read what may be absent."""

from __future__ import annotations

from pathlib import Path

from ategnatos.grimoire.files import read_bytes


def bytes_or_none(path: Path) -> bytes | None:
    """The whole file, or None where there is none. Raises StudioError (``read_failed``)."""
    try:
        return read_bytes(path)
    except FileNotFoundError:
        return None
