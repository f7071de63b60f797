"""What of the trainings a person or an agent should know at once: what runs, what waits for votes.

Cheap where nothing was ever trained: the overview of the studio asks with every look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

_MOST = 50


def look(project: Project) -> dict[str, Any]:
    """``running``: runs that are not at their end; ``waiting``: evaluations without a verdict,
    the newest of each plan; ``problem``: why they could not be read, "" where they could.
    """
    found: dict[str, Any] = {"running": [], "waiting": [], "problem": ""}
    if not (project.root / "workspace" / "training").is_dir():
        return found
    try:
        found["running"] = _running(project)
        found["waiting"] = _waiting(project)
    except StudioError as error:
        found["problem"] = error.message
    return found


def _running(project: Project) -> list[dict[str, Any]]:
    from ategnatos.train.run import record

    at_work = [one for one in record.every(project) if one.state not in record.ENDED]
    return [
        {"run": one.id, "says": one.says, "step": one.step, "steps": one.steps}
        for one in at_work[:_MOST]
    ]


def _waiting(project: Project) -> list[dict[str, Any]]:
    from ategnatos.train.evaluation import record, verdict, votes

    newest = {one.plan: one for one in record.every(project) if one.finished_at}
    return [
        {
            "evaluation": one.name,
            "contenders": len(one.contenders),
            "votes": len(votes.cast_votes(project, one)),
        }
        for one in list(newest.values())[:_MOST]
        if verdict.standing(project, one.plan, one) is None
    ]
