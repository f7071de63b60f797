"""Carry an order out: write it down, make the pictures, keep them, show them on one sheet.

The job stands in the database before any work. The same order again is no second generation:
its candidates are checked on disk and shown, and made again only where a file is missing. A
process that dies half-way leaves a job that the same command carries on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import billing, sheets
from ategnatos.art.order import Order
from ategnatos.grimoire import content, journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes, sha256_file
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.locks import hold

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.engines import Engine, Image, ProgressCallback, Result
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

NOT_REPRODUCED = ErrorCode(
    "not_reproduced", "Making a missing picture again gave other bytes than the record holds."
)
ENGINE_BROKE = ErrorCode("engine_broke", "The engine delivered something other than it was asked.")


Clock = Callable[[], "datetime"]

# Somebody else making the very same pictures is worth waiting for: seconds.
GENERATION_WAIT = 600.0


@dataclass(frozen=True, slots=True)
class Made:
    """A job with its candidates; ``fresh`` tells whether pictures were made by this call."""

    job: store.Job
    candidates: list[store.Candidate]
    sheet: Path
    fresh: bool


def next_take(project: Project, order: Order, engine: str) -> int:
    """The take that ``--again`` means: one past the last recorded for the same words."""
    with database.connect(project) as connection:
        last = store.last_take(connection, order.recipe_id, order.base, engine)
    return 0 if last is None else last + 1


def standing(project: Project, order: Order, engine: str) -> store.Job | None:
    """The job that these inputs already have, if any; writes nothing."""
    if not database.exists(project):
        return None
    with database.connect(project) as connection:
        return store.find_binding(connection, order.recipe_id, order.binding, engine)


def carry_out(
    project: Project,
    engine: Engine,
    order: Order,
    *,
    now: Clock,
    actor: str,
    parent: str | None = None,
    change: str | None = None,
    on_progress: ProgressCallback | None = None,
) -> Made:
    """Make what ``order`` says, or return what stands.

    ``now`` gives aware times. Raises StudioError, with the job recorded as failed, for what
    the engine refuses or breaks on.
    """
    lock = f"job-{engine.name}-{order.binding}"
    with hold(project, lock, wait=GENERATION_WAIT), database.connect(project) as db:
        job, fresh = store.record(
            db,
            kind="image",
            engine=engine.name,
            recipe_id=order.recipe_id,
            base=order.base,
            take=order.take,
            binding=order.binding,
            asked=order.asked,
            request=order.canonical,
            now=store.iso(now()),
            parent=parent,
            change=change,
            warnings=order.warnings,
        )
        if fresh:
            journal.append(
                project,
                "art.ordered",
                actor=actor,
                references={"job": job.name, "binding": order.binding, "parent": parent},
                data={
                    "engine": engine.name,
                    "asked": order.asked,
                    "request": order.canonical,
                    "change": change,
                },
                now=now(),
            )
        if job.state in {store.PENDING, store.GENERATING, store.FAILED}:
            _generate(project, db, engine, order, job, now, actor, on_progress)
            made = True
        else:
            made = _restore_missing(project, db, engine, order, job, now, actor, on_progress)
        job = store.get(db, job.id)
        candidates = store.candidates(db, job.id)
        sheet = sheets.write_job_sheet(project, job, candidates)
    return Made(job, candidates, sheet, made)


def _generate(
    project: Project,
    db: Database,
    engine: Engine,
    order: Order,
    job: store.Job,
    now: Clock,
    actor: str,
    on_progress: ProgressCallback | None,
) -> None:
    bought = billing.purchase(project, db, engine, order, job, now=now, actor=actor)
    store.move(
        db,
        job.id,
        store.GENERATING,
        now=store.iso(now()),
        also=None if bought is None else lambda db: bought.reserve(db, now()),
    )
    try:
        result = _made_by(db, engine, order, bought, now, on_progress)
        kept = [
            _keep(project, engine.name, order, job, number, image)
            for number, image in enumerate(result.images, start=1)
        ]
    except BaseException as error:
        facts = _facts(error)
        # The reason for the failure is what must reach the person, not a second one.
        with suppress(StudioError):
            store.move(db, job.id, store.FAILED, now=store.iso(now()), error=facts)
            journal.append(
                project,
                "art.failed",
                actor=actor,
                references={"job": job.name},
                data=facts,
                now=now(),
            )
        raise
    warnings = dict.fromkeys((*order.warnings, *result.warnings))
    store.deliver(db, job.id, kept, warnings=warnings, now=store.iso(now()))
    journal.append(
        project,
        "art.delivered",
        actor=actor,
        references={"job": job.name, "sha256": [one.sha256 for one in kept]},
        data={"warnings": list(warnings)},
        now=now(),
    )


def _restore_missing(
    project: Project,
    db: Database,
    engine: Engine,
    order: Order,
    job: store.Job,
    now: Clock,
    actor: str,
    on_progress: ProgressCallback | None,
) -> bool:
    """Make candidates again whose file is gone or damaged; True if any was."""
    missing = [
        one
        for one in store.candidates(db, job.id)
        if not (project.root / one.path).is_file()
        or sha256_file(project.root / one.path) != one.sha256
    ]
    if not missing:
        return False
    bought = billing.purchase(project, db, engine, order, job, now=now, actor=actor)
    if bought is not None:
        with database.writing(db):
            bought.reserve(db, now())
    result = _made_by(db, engine, order, bought, now, on_progress)
    for one in missing:
        image = result.images[one.number - 1]
        png = _labelled(engine.name, order, job, one.number, image)
        if sha256_bytes(png) != one.sha256:
            raise StudioError(
                NOT_REPRODUCED,
                f"{one.reference} is missing on disk, and making it again gave other bytes than "
                "the record holds. The record was kept as it is.",
                hint="Make a new take: add --again to the command.",
                candidate=one.reference,
            )
        path = project.root / one.path
        path.unlink(missing_ok=True)
        _put(project, engine.name, order, one.number, png)
    store.mark_restored(db, [(one.job, one.number) for one in missing])
    return True


def _made_by(
    db: Database,
    engine: Engine,
    order: Order,
    bought: billing.Purchase | None,
    now: Clock,
    on_progress: ProgressCallback | None,
) -> Result:
    """What the engine makes of the order, each picture labelled with what made it."""
    if bought is None:
        result = engine.generate(order.request, on_progress)
    else:
        result = bought.pay(db, lambda: engine.generate(order.request, on_progress), now)
    wanted = order.request.count
    if len(result.images) != wanted:
        raise StudioError(
            ENGINE_BROKE,
            f"The engine delivered {len(result.images)} pictures instead of {wanted}; "
            "none was kept.",
            hint="Run it again; if it happens again, report it to the engine's author.",
            delivered=len(result.images),
            wanted=wanted,
        )
    label = {"made_by": engine.capabilities().label}
    labelled = (replace(image, settings={**image.settings, **label}) for image in result.images)
    return replace(result, images=tuple(labelled))


def _keep(
    project: Project, engine: str, order: Order, job: store.Job, number: int, image: Image
) -> store.Candidate:
    png = _labelled(engine, order, job, number, image)
    stored = _put(project, engine, order, number, png)
    return store.Candidate(
        job=job.id,
        number=number,
        path=stored.path.relative_to(project.root).as_posix(),
        sha256=stored.sha256,
        bytes=stored.size,
        width=image.width,
        height=image.height,
        seed=image.seed,
        settings=image.settings,
    )


def _put(project: Project, engine: str, order: Order, number: int, png: bytes) -> content.Stored:
    return content.put_candidate(project, order.recipe_id, order.binding, engine, number - 1, png)


def _labelled(engine: str, order: Order, job: store.Job, number: int, image: Image) -> bytes:
    """The picture with its whole provenance inside; no clock, so that it can be made again."""
    from ategnatos.pictures import metadata

    return metadata.embed(
        image.png,
        {
            "candidate": f"{job.name}#{number}",
            "engine": engine,
            "recipe_id": order.recipe_id,
            "binding": order.binding,
            "asked": job.asked,
            "request": order.canonical,
            "settings": image.settings,
        },
    )


def _facts(error: BaseException) -> dict[str, Any]:
    if isinstance(error, StudioError):
        return {"code": error.code.code, "message": error.message, "hint": error.hint}
    if isinstance(error, KeyboardInterrupt):
        return {"code": "interrupted", "message": "Stopped by Ctrl-C.", "hint": ""}
    return {"code": "unexpected", "message": f"{type(error).__name__}: {error}", "hint": ""}
