"""Gate 3: the machine has what the plan and its trainer need.

``needs`` says what that is, ``there`` asks the machine, ``checks`` judges it with a mend for each
fault, ``recording`` writes it down, ``page`` for people. What the record is bound to stands in
``there.bound``: hardware and driver, the trainer's checkout and packages, the model's files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.train.gates import NAMES, Gate, Now

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.train.plan.store import Kept

EVENT = "train.environment"


def command(kept: Kept, trainer: str, machine: str, gpu: str = "0") -> str:
    """What opens it; ``gpu`` is the number of one, or ``cpu``."""
    where = "" if machine == "local" else f" --machine {machine}"
    where += "" if gpu == "0" else f" --gpu {gpu}"
    return f"ategnatos train environment {kept.name} --trainer {trainer}{where}"


def newest(project: Project, kind: str, kept: Kept, trainer: str, machine: str) -> Event | None:
    """The newest event of a gate for that plan, trainer and machine: of the plan as it is, where
    there is one (a plan that was set back is the same plan), else of an earlier version of it.
    """
    from ategnatos.grimoire import journal

    found = same = None
    for event in journal.read(project, {kind}):
        said = event.references
        about = (said.get("plan"), said.get("trainer"), said.get("machine"))
        if about == (kept.name, trainer, machine):
            found = event
            same = event if said.get("digest") == kept.digest else same
    return same or found


def looked(project: Project, kept: Kept, trainer: str, machine: str) -> Now:
    """What is there now, as far as gates 3 and 4 are bound to it. Never raises StudioError."""
    from ategnatos.train.gates.environment import there

    event = newest(project, EVENT, kept, trainer, machine)
    return there.now(project, kept, trainer, machine, event)


def moved(project: Project, kept: Kept, event: Event, now: Now, since: str) -> str:
    """Why what an event of gate 3 or 4 found does not hold any more, in a clause; "" where it does.

    ``since`` says in words what the event was: "the plan was changed since ...".
    """
    from ategnatos.train.plan import store

    digest = str(event.references.get("digest"))
    if now.problem:
        return now.problem
    if digest != kept.digest:
        return f"the plan was changed since {since}{store.since(project, kept, digest)}"
    if event.data.get("binding") != now.binding:
        return now.changed or f"the machine or the trainer was changed since {since}"
    return ""


def state(project: Project, kept: Kept, trainer: str, machine: str, now: Now) -> Gate:
    """Open where the newest check said so of exactly what is there now."""
    from ategnatos.train import processor

    event = now.event
    if event is None:
        why = f"nobody has looked at {machine} for {trainer} yet"
        return Gate(3, NAMES[2], False, why, command(kept, trainer, machine))
    how = command(kept, trainer, machine, processor.of_gates(event.data))
    why = moved(project, kept, event, now, "the machine was looked at")
    if not why and not event.data.get("fits"):
        stops = [one["what"] for one in event.data.get("checks", []) if one["level"] == "stop"]
        why = "the check found faults: " + ", ".join(dict.fromkeys(stops))
    return Gate(3, NAMES[2], not why, why, how, event.id, event.time, event.data)
