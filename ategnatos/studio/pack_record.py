"""What an earlier ``init`` laid into this studio, so that a later one knows whose each file is.

A file whose hash is the recorded one is ours and may be replaced; any other is the user's. The
record is plain JSON, not a document with a view: ``init`` alone reads it, and a studio without
one only means that every file counts as the user's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ategnatos.grimoire.files import write_atomic
from ategnatos.grimoire.project import Project
from ategnatos.studio.reading import bytes_or_none

NAME = "pack.json"


@dataclass(frozen=True, slots=True)
class PackRecord:
    """``files`` maps a path to the SHA-256 of the text last laid down or offered there.

    ``version`` is the program's that the studio is up to date with. ``rules`` and ``ignored``
    are the permission rules and .gitignore lines offered so far: one that the user has taken
    out again is not put back. ``spoilt`` says that a record was there and could not be read.
    """

    version: str = ""
    files: dict[str, str] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    spoilt: bool = False


def path_of(project: Project) -> Path:
    """Where the record lies."""
    return project.state / NAME


def read(project: Project) -> PackRecord:
    """The record, empty where there is none. Raises StudioError (``read_failed``)."""
    raw = bytes_or_none(path_of(project))
    if raw is None:
        return PackRecord()
    try:
        found: Any = json.loads(raw)
        return PackRecord(
            version=str(found["version"]),
            files={str(path): str(digest) for path, digest in found["files"].items()},
            rules=tuple(map(str, found["rules"])),
            ignored=tuple(map(str, found["ignored"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return PackRecord(spoilt=True)


def write(project: Project, record: PackRecord) -> None:
    """Replace the record. Raises StudioError (``write_failed``, ``disk_full``)."""
    facts = {
        "_schema_version": "1.0",
        "version": record.version,
        "files": dict(sorted(record.files.items())),
        "rules": list(record.rules),
        "ignored": list(record.ignored),
    }
    write_atomic(path_of(project), (json.dumps(facts, indent=2) + "\n").encode())
