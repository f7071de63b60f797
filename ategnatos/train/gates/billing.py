"""A rented machine costs by the second: nothing is asked of it that this computer can refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.train import gates
from ategnatos.train.machine import LOCAL, machine_of

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.plan.store import Kept

# Neither needs the machine: the dataset's report, and a person who has read the plan.
_DECIDED_HERE = (1, 2)


def before_a_second(project: Project, kept: Kept, trainer: str, machine: str) -> None:
    """Refuse to use a rented machine for a plan that could not be launched anyway.

    Raises StudioError (``train_machine_unknown``, ``no_way``, ``train_gate``).
    """
    if machine != LOCAL:
        machine_of(project, machine)
        gates.require(project, kept, trainer, machine, only=_DECIDED_HERE)
