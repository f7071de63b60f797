"""Read files again in full and hold them against the inventory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.values.tensor_header import read_header
from ategnatos.studio.models import wrong_content
from ategnatos.studio.models.scan import hash_file

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.models import ModelFile


@dataclass(frozen=True, slots=True)
class Verified:
    """``problem`` in words; "" where the file is what is on record."""

    name: str
    path: str
    problem: str


def verify(
    entries: Sequence[ModelFile],
    *,
    progress: Callable[[int, int | None], None] = lambda done, whole: None,
) -> list[Verified]:
    """Every entry, hashed anew. A kept hash is not believed here: that is the point."""
    whole, before = sum(entry.bytes for entry in entries), 0
    found = []
    for entry in entries:
        problem = _problem(entry, before, whole, progress)
        before += entry.bytes
        found.append(Verified(entry.name, entry.path, problem))
    return found


def _problem(
    entry: ModelFile, before: int, whole: int, progress: Callable[[int, int | None], None]
) -> str:
    path = Path(entry.path)
    try:
        if not path.is_file():
            return "is gone"
        size = path.stat().st_size
        if wrong := wrong_content.of_file(path):
            return f"is {wrong}"
        if path.suffix.lower() in {".safetensors", ".sft"}:
            read_header(path)
        if size != entry.bytes:
            return f"has {size:,} bytes and had {entry.bytes:,}"
        if not entry.sha256:
            return "has no hash on record: run 'ategnatos studio models scan'"
        digest = hash_file(path, lambda done: progress(before + done, whole))
        return "" if digest == entry.sha256 else "has other bytes than when it was recorded"
    except StudioError as error:
        return error.message
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
