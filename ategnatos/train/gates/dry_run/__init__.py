"""Gate 4: the trainer has done a few real steps of this plan on this machine, and saved.

``carry`` lays a run of its own out and watches it, ``verdict`` says whether it was one (an exit
status of 0 proves nothing), ``diagnosis`` what to do about a failure, ``recording`` writes it down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.train.gates import NAMES, Gate, Now
from ategnatos.train.gates.environment import moved, newest

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.plan.store import Kept

EVENT = "train.dry_run"


def command(kept: Kept, trainer: str, machine: str) -> str:
    """What opens it."""
    where = "" if machine == "local" else f" --machine {machine}"
    return f"ategnatos train dry-run {kept.name} --trainer {trainer}{where}"


def state(project: Project, kept: Kept, trainer: str, machine: str, now: Now) -> Gate:
    """Open where the newest dry run went well, of this plan, on exactly what is there now."""
    how = command(kept, trainer, machine)
    event = newest(project, EVENT, kept, trainer, machine)
    if event is None:
        why = f"no step of it was tried on {machine} with {trainer} yet"
        return Gate(4, NAMES[3], False, why, how)
    why = moved(project, kept, event, now, "its dry run")
    if not why and not event.data.get("passed"):
        why = str(event.data.get("why") or "it failed")
        how = str(event.data.get("mend") or how)
    return Gate(4, NAMES[3], not why, why, how, event.id, event.time, event.data)
