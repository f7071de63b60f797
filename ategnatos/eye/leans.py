"""The preferences that may act now, read from the document: those with evidence that holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.eye.acting import Lean
    from ategnatos.grimoire.project import Project


def leans(project: Project) -> tuple[list[Lean], dict[str, str]]:
    """What acts, and by id why another that counts may not.

    An eye without preferences costs a glance at its file. Raises StudioError as
    :func:`ategnatos.grimoire.documents.read`.
    """
    if _surely_empty(project):
        return [], {}
    from ategnatos.eye.acting import Lean
    from ategnatos.eye.evidence import standing
    from ategnatos.eye.fold import ACTIVE
    from ategnatos.grimoire import documents

    document = documents.read(project, "eye")
    active = [one for one in document.preferences if one.standing == ACTIVE]
    problems = standing(project, active)
    found = [
        Lean(
            one.id,
            one.category,
            one.text,
            one.polarity,
            one.scope,
            None if one.words is None else tuple(one.words),
            one.confirmations - one.contradictions,
            one.last,
        )
        for one in active
        if one.id not in problems
    ]
    return found, problems


def _surely_empty(project: Project) -> bool:
    """Whether the file says so at a glance; anything odd is left to the real reader."""
    try:
        found = json.loads((project.state / "eye.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("preferences") == []
