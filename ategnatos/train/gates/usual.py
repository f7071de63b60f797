"""Which trainer is meant where none is named: the one that the plan was last taken to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.plan.store import Kept


def trainer(project: Project, kept: Kept, asked: str) -> str:
    """``asked``, else the trainer of the plan's newest gate, else the first that can train it.

    Raises StudioError (``trainer_unknown``, ``trainer_unavailable``).
    """
    from ategnatos.grimoire import journal
    from ategnatos.train.gates.configuration import GATE
    from ategnatos.train.gates.dry_run import EVENT as DRY_RUN
    from ategnatos.train.gates.environment import EVENT as ENVIRONMENT
    from ategnatos.train.plan import choosing
    from ategnatos.trainers import load_trainer

    if asked:
        return load_trainer(asked).name
    last = ""
    for event in journal.read(project, {ENVIRONMENT, DRY_RUN, "gate.authorised"}):
        said = event.references
        if event.kind == "gate.authorised":
            said = event.data.get("subject") or {} if event.data.get("for") == GATE else {}
        if said.get("plan") == kept.name:
            last = str(said.get("trainer", ""))
    if choosing.trainers_for(kept.plan).get(last) == "":
        return last
    return choosing.first_able(kept.plan)
