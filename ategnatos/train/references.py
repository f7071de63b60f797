"""What records refer to: hashes and paths that nobody may delete, wherever they are written.

Taken from every text in the studio's documents and evaluations, whatever its field is called: a
record that is added tomorrow protects its files today. The catalogues of runs and of ledgers are
left out, for they list everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

_HASH = re.compile(r"[0-9a-f]{64}")
_CATALOGUES = frozenset({"runs.json"})
_STATE = ".state"


@dataclass(frozen=True, slots=True)
class References:
    """``hashes`` are SHA-256, ``paths`` absolute."""

    hashes: frozenset[str]
    paths: frozenset[Path]

    def names(self, path: Path, sha256: str = "") -> bool:
        """Whether a record names this file or folder, or something in it."""
        if sha256 and sha256 in self.hashes:
            return True
        return any(one == path or path in one.parents for one in self.paths)


def find(project: Project) -> References:
    """Everything that documents and evaluations refer to. Raises OSError.

    A document that is damaged protects by its text: what looks like a hash or a path counts.
    """
    hashes: set[str] = set()
    paths: set[Path] = set()
    for file in _records(project):
        for text in _texts(file):
            hashes.update(_HASH.findall(text))
            path = _path(project, text)
            if path is not None:
                paths.add(path)
    return References(frozenset(hashes), frozenset(paths))


# --- inside -----------------------------------------------------------------------------------


def _records(project: Project) -> Iterator[Path]:
    state = project.grimoire / _STATE
    yield from (one for one in state.glob("*.json") if one.name not in _CATALOGUES)
    yield from project.workspace.glob("training/*/evaluations/*/evaluation.json")


def _texts(file: Path) -> Iterable[str]:
    raw = file.read_bytes()
    try:
        return list(_inside(json.loads(raw)))
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace").split('"')


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _inside(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _inside(inner)


def _path(project: Project, text: str) -> Path | None:
    if "/" not in text or len(text) > 4096 or "\n" in text or "\0" in text:
        return None
    path = Path(text)
    return path if path.is_absolute() else project.root / path
