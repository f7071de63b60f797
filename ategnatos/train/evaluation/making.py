"""Make the pictures of an evaluation that are missing, one row after another; then count and draw.

Each picture is put under its name whole. A process that is killed leaves the rows it finished; the
same command makes the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.engines import Progress
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, sha256_file, write_atomic
from ategnatos.grimoire.locks import hold
from ategnatos.grimoire.spend.records import iso
from ategnatos.train.evaluation import measuring, paying, record, reporting
from ategnatos.train.evaluation.pairs import changed

if TYPE_CHECKING:
    from ategnatos.engines import Engine, ProgressCallback
    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation.planning import Planned, Row
    from ategnatos.train.evaluation.record import Evaluation

EVALUATION_SHORT = ErrorCode("evaluation_short", "The engine made fewer pictures than were asked.")

EVENT = "train.evaluated"


def carry_out(
    project: Project,
    engine: Engine,
    planned: Planned,
    *,
    actor: str,
    now: Callable[[], datetime],
    on_progress: ProgressCallback | None = None,
) -> Evaluation:
    """Make what is missing and finish the evaluation; it is returned as it stands on the disk.

    Raises StudioError: what the engine and the budget refuse, ``locked`` where somebody else is
    at it, ``evaluation_short``, ``evaluation_picture`` where one was changed since it was made.
    """
    with hold(project, lock_of(planned.evaluation.plan), wait=2.0):
        evaluation = _begun(project, planned)
        pictures = evaluation.home / record.PICTURES
        with explained(pictures, "No picture was made."):
            pictures.mkdir(parents=True, exist_ok=True)
        done = 0
        made: set[str] = set()
        for row in planned.missing:
            # Another command may have made it between the look at the disk and the lock.
            if not all((evaluation.home / one.path).is_file() for one in row.cells):
                _make(project, engine, row, evaluation.home, done, planned.pictures, actor, now,
                      on_progress)  # fmt: skip
                made |= {one.key for one in row.cells}
            done += len(row.cells)
        return finish(project, evaluation, made=made, actor=actor, now=now)


def lock_of(plan: str) -> str:
    """The lock that is held while an evaluation of the plan is made."""
    return f"evaluation-{plan}"


def _begun(project: Project, planned: Planned) -> Evaluation:
    """The evaluation on disk, under a number that no other took since it was planned."""
    one = planned.evaluation
    for other in record.every(project, one.plan):
        if other.digest == one.digest:
            return other
    return record.save(replace(one, number=record.next_number(one.home)))


def finish(
    project: Project,
    evaluation: Evaluation,
    *,
    made: Collection[str],
    actor: str,
    now: Callable[[], datetime],
) -> Evaluation:
    """Hash and count the pictures of a whole evaluation, and draw its grids, report and page.

    ``made`` are the keys of those that were made just now. Raises StudioError
    (``evaluation_picture``): another that is not what it was is not taken for it.
    """
    keys = {one.key: evaluation.picture(one) for one in evaluation.cells}
    hashed = {key: sha256_file(path) for key, path in keys.items()}
    for cell in evaluation.cells:
        if cell.sha256 and cell.key not in made and hashed[cell.key] != cell.sha256:
            raise changed(evaluation, str(keys[cell.key]))
    fresh = not evaluation.finished_at
    seen = record.with_pictures(evaluation, hashed)
    if fresh or seen.cells != evaluation.cells:
        counted = measuring.measure(project, seen)
        seen = replace(seen, numbers=counted, finished_at=evaluation.finished_at or iso(now()))
        for name in reporting.grid_names(seen):  # drawn of what the pictures were before
            (seen.folder / name).unlink(missing_ok=True)
    record.save(seen)
    reporting.write(project, seen)
    if fresh:
        journal.append(
            project,
            EVENT,
            actor=actor,
            references={"plan": seen.plan, "evaluation": seen.number, "digest": seen.digest},
            data={
                "engine": seen.engine,
                "run": seen.run,
                "files": {one.name: one.sha256 for one in seen.checkpoints},
                "weights": list(seen.weights),
                "pictures": len(hashed),
            },
            now=now(),
        )
    return seen


def _make(
    project: Project,
    engine: Engine,
    row: Row,
    home: Path,
    done: int,
    total: int,
    actor: str,
    now: Callable[[], datetime],
    on_progress: ProgressCallback | None,
) -> None:
    count = len(row.cells)

    def step(part: Progress) -> None:
        if on_progress is not None:
            # In thousandths of a picture: engines count steps of their own.
            share = part.done / part.total if part.total else 0.0
            on_progress(Progress(int(1000 * (done + count * share)), 1000 * total, part.message))

    result = paying.make(
        project, engine, row, lambda: engine.generate(row.request, step), actor=actor, now=now
    )
    if len(result.images) != count:
        raise StudioError(
            EVALUATION_SHORT,
            f"{engine.name} made {len(result.images)} pictures where {count} were asked for; they"
            " were not kept. What was made before stands.",
            hint="Run the same command again.",
            engine=engine.name,
        )
    for cell, image in zip(row.cells, result.images, strict=True):
        write_atomic(home / cell.path, image.png)
