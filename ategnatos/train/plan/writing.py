"""Put a translation's files into a run's folder: each whole, and stale ones of ours away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import canonical_json, explained, write_atomic

if TYPE_CHECKING:
    from ategnatos.trainers import Translation

MANIFEST = "ategnatos-config.json"


def write(place: Path, made: Translation, ours: Mapping[str, str]) -> list[Path]:
    """Write the files of ``made`` into ``place``; those of an earlier translation that it has no
    more are removed. ``ours`` (plan, digest) stands in the manifest. Raises StudioError
    (``disk_full``, ``write_failed``).
    """
    written = []
    with explained(place, "The files of the run are as they were, or in part the new ones."):
        place.mkdir(parents=True, exist_ok=True)
        for name in _before(place) - set(made.files):
            (place / name).unlink(missing_ok=True)
        for name, raw in made.files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, raw)
            written.append(path)
        said = {
            **ours,
            "files": sorted(made.files),
            "before": [list(one.command) for one in made.before],
            "command": list(made.command),
        }
        write_atomic(place / MANIFEST, canonical_json(said) + b"\n")
    return written


def _before(place: Path) -> set[str]:
    try:
        found = json.loads((place / MANIFEST).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {one for one in found if isinstance(one, str) and Path(one).name == one}
