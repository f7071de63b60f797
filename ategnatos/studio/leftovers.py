"""Unfinished files of processes that died: nothing reads them, they only take room."""

from __future__ import annotations

from pathlib import Path

from ategnatos.grimoire.files import TEMPORARY_PREFIX
from ategnatos.grimoire.project import Project

# No write of ours lasts an hour: a temporary file older than that belongs to a dead process.
LEFT_OVER_SECONDS = 3600


def left_over(project: Project, now: float) -> list[Path]:
    """Temporary files of ours that no living process can still be writing; ``now`` is Unix time.

    A temporary folder stands for all that is in it.
    """
    found: list[Path] = []
    for zone in (project.grimoire, project.workspace, project.exports):
        for path in zone.rglob(f"{TEMPORARY_PREFIX}*"):
            try:
                old = now - path.lstat().st_mtime > LEFT_OVER_SECONDS
            except FileNotFoundError:
                continue  # its writer has just finished with it
            if old:
                found.append(path)
    return sorted(path for path in found if not set(path.parents) & set(found))
