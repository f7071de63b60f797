"""The record of runs: make one, read one, note what became of it.

The row says how a run stands; ``training-state.json`` in its folder says the same to whoever has
the folder alone. Journal: ``run.state``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.runs import RunRow
    from ategnatos.train.plan.store import Kept

RUN_UNKNOWN = ErrorCode("run_unknown", "There is no training run of that name.")

STATE_EVENT = "run.state"

# Looks at all runs, the oldest first, and refuses.
Check = Callable[[Sequence["Run"]], None]

# What a run can be, each with what it says to a person.
STATES = {
    "queued": "waits in the line",
    "preparing": "is being prepared",
    "training": "trains",
    "stopping": "is being stopped",
    "stopped": "was stopped",
    "finished": "is finished",
    "diverged": "lost its way",
    "failed": "failed",
    "lost": "lost its machine",
}
ENDED = frozenset({"stopped", "finished", "diverged", "failed", "lost"})
AT_WORK = frozenset({"preparing", "training", "stopping"})


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it stands in the record. ``folder`` is absolute; see the schema for the rest."""

    id: str
    plan: str
    number: int
    digest: str
    dataset: str
    dataset_version: int
    trainer: str
    machine: str
    gpu: str
    state: str
    job: str
    created_at: str
    begun_at: str
    ended_at: str
    step: int
    steps: int
    folder: Path
    parent: str
    changes: tuple[str, ...]
    why: str
    latest: str

    @property
    def output(self) -> Path:
        """Where the trainer's files are, here: of a far machine, what was brought."""
        from ategnatos.train.run import state

        found = state.read(self.folder).get("output", "")
        return self.folder / (found if isinstance(found, str) and found else "output")

    @property
    def says(self) -> str:
        """Its state in words."""
        return STATES.get(self.state, self.state)

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {**asdict(self), "folder": str(self.folder), "changes": list(self.changes)}


def load(project: Project, name: str) -> Run:
    """A run by its id, or the newest run of the plan of that name.

    Raises StudioError (``run_unknown``).
    """
    rows = documents.read(project, "runs").runs
    found = next((one for one in rows if one.id == name), None)
    if found is None:
        found = next((one for one in reversed(rows) if one.plan == name), None)
    if found is None:
        known = [one.id for one in rows]
        raise StudioError(
            RUN_UNKNOWN,
            f"There is no run or plan with a run called {name[:80]!r}; nothing was done.",
            hint=f"The runs are: {', '.join(known[-8:])}."
            if known
            else "Start one with 'ategnatos train launch PLAN'.",
            known=known,
        )
    return _run(project, found)


def every(project: Project, plan: str = "") -> list[Run]:
    """All runs, or those of one plan, the newest first."""
    rows = documents.read(project, "runs").runs
    return [_run(project, one) for one in reversed(rows) if not plan or one.plan == plan]


def new(
    project: Project,
    kept: Kept,
    *,
    trainer: str,
    machine: str,
    gpu: str,
    steps: int,
    now: datetime,
    parent: str = "",
    check: Check = lambda runs: None,
) -> Run:
    """Write a run down before anything of it exists.

    ``check`` sees the runs that there are while nobody else can write one down, and raises where
    this one must not be.
    """
    from ategnatos.grimoire.schemas.runs import RunRow

    with documents.edit(project, "runs", now=now) as document:
        check([_run(project, one) for one in document.runs])
        taken = [int(one.id.rpartition("-")[2]) for one in document.runs if one.plan == kept.name]
        identity = f"{kept.name}-{max(taken, default=0) + 1}"
        row = RunRow(
            id=identity,
            plan=kept.name,
            number=kept.number,
            digest=kept.digest,
            dataset=kept.plan.dataset,
            dataset_version=kept.plan.dataset_version,
            trainer=trainer,
            machine=machine,
            gpu=gpu,
            created_at=iso(now),
            steps=steps,
            folder=f"workspace/training/{kept.name}/runs/{identity}",
            parent=parent,
        )
        document.runs = [*document.runs, row]
    return _run(project, row)


def note(
    project: Project,
    run: str,
    *,
    now: datetime,
    actor: str = "ategnatos",
    check: Check = lambda runs: None,
    **values: Any,
) -> Run:
    """Set values of a run's row; a change of its state goes into the journal too. ``check`` as in
    :func:`new`.

    Raises StudioError (``run_unknown``).
    """
    with documents.edit(project, "runs", now=now) as document:
        check([_run(project, one) for one in document.runs])
        row = document.find(run)
        if row is None:
            raise StudioError(
                RUN_UNKNOWN,
                f"The run {run!r} is no longer in the record; nothing was noted.",
                hint="See 'ategnatos train list', and 'ategnatos doctor'.",
                known=[],
            )
        before = row.state
        for name, value in values.items():
            setattr(row, name, value)
    if row.state != before:
        journal.append(
            project,
            STATE_EVENT,
            actor=actor,
            references={"run": run, "plan": row.plan, "digest": row.digest},
            data={"from": before, "to": row.state, "step": row.step, "why": row.why},
            now=now,
        )
    return _run(project, row)


def at_work(project: Project, gpu: str) -> Sequence[Run]:
    """The runs that use, or are about to use, that GPU."""
    return [one for one in every(project) if one.gpu == gpu and one.state in AT_WORK]


def iso(moment: datetime) -> str:
    """An aware time as the records write it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _run(project: Project, row: RunRow) -> Run:
    return Run(
        **{
            name: getattr(row, name)
            for name in Run.__dataclass_fields__
            if name not in {"folder", "changes"}
        },
        folder=project.root / row.folder,
        changes=tuple(row.changes),
    )
