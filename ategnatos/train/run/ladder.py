"""What the next try of a run changes where GPU memory ran out: decided once, whatever dies.

The decision is written down first, with the try that it follows. All else that it brings about (the
plan, the journal, the run's row) is made from it and may be made again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.train.run import attempts, memory, preparing, record, state
from ategnatos.trainers.plan import read

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.attempts import Attempt
    from ategnatos.train.run.record import Run

CHANGED_EVENT = "run.changed"
# Where the state file keeps the newest decision.
_KEPT = "change"


def decided(run: Run, tried: Attempt) -> memory.Change | None:
    """What was decided to change after that try; None where nothing was."""
    kept = state.read(run.folder).get(_KEPT)
    if not isinstance(kept, dict) or kept.get("after") != tried.number:
        return None
    return memory.Change(
        kept["name"], kept["values"], read(kept["plan"]), kept["anew"], kept["said"]
    )


def decide(
    project: Project,
    run: Run,
    tried: Attempt,
    *,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> memory.Change | None:
    """Decide it after a try that ran out of memory, and set the run to it; None where nothing is
    left to change. Asked again, it is the same decision.

    Raises StudioError (``disk_full``, ``write_failed``, ...); then ask again.
    """
    change = decided(run, tried)
    if change is None:
        done = [str(one.change["name"]) for one in attempts.every(run.folder) if one.change]
        change = memory.next_change(preparing.plan_of(run.folder), run.trainer, done)
        if change is None:
            return None
        made = {**change.facts(), "plan": change.plan.facts(), "after": tried.number}
        state.change(run.folder, **{_KEPT: made})
        say(change.said)
    preparing.keep_plan(run.folder, change.plan)
    facts = {**change.facts(), "after": tried.number}
    if not _told(project, run, tried):
        journal.append(
            project,
            CHANGED_EVENT,
            actor="ategnatos",
            references={"run": run.id, "plan": run.plan, "digest": run.digest},
            data=facts,
            now=clock(),
        )
    said = record.load(project, run.id).changes
    if said[-1:] != (change.said,):
        said = (*said, change.said)
    record.note(project, run.id, now=clock(), state="preparing", changes=list(said))
    return change


def _told(project: Project, run: Run, tried: Attempt) -> bool:
    def same(references: dict[str, Any], data: dict[str, Any]) -> bool:
        return references.get("run") == run.id and data.get("after") == tried.number

    told = journal.read(project, {CHANGED_EVENT})
    return any(same(one.references, one.data) for one in told)
