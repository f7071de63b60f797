"""Outputs as jobs: written down all at once, then carried out one by one, by us or by a worker.

Every output is a job before the first picture is made. A process killed in the middle of a sweep
leaves the rest in the line, and the same command again finds what was made, and makes what was
not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import generate
from ategnatos.art.inputs import keep_input
from ategnatos.art.recipes import origin, shelf
from ategnatos.art.recipes.gate import CONCEPT_REQUEST
from ategnatos.grimoire import journal
from ategnatos.grimoire.files import write_atomic
from ategnatos.grimoire.jobs import database, moves, saga, store

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.art.recipes.model import Recipe
    from ategnatos.art.recipes.planning import EngineOf, Output
    from ategnatos.engines import ProgressCallback
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

Clock = Callable[[], "datetime"]

CONCEPT_GATE = "awaiting_concept_approval"
# As many pictures as a person takes in at once.
ON_ONE_SHEET = 64


def standing(project: Project, outputs: Sequence[Output]) -> list[store.Job | None]:
    """The job that each output already has, if any; writes nothing."""
    if not database.exists(project):
        return [None] * len(outputs)
    with database.connect(project) as db:
        return [_standing(db, one) for one in outputs]


def put_down(
    project: Project,
    db: Database,
    recipe: Recipe,
    outputs: Sequence[Output],
    *,
    now: Clock,
    actor: str,
    priority: int = 0,
) -> list[tuple[store.Job, bool]]:
    """Write every output down as a job, or find the one that stands; (job, whether it is new).

    Jobs that failed go back into the line. Raises StudioError (``recipe_changed``).
    """
    shelf.freeze(project, recipe, actor=actor, now=now)
    found = []
    for one in outputs:
        job, fresh = _put_down(project, db, one, now=now, actor=actor, priority=priority)
        if job.state == store.FAILED:
            moves.retry(db, job.id, who=actor)
            job = store.get(db, job.id)
        settle(project, db, job)
        found.append((store.get(db, job.id), fresh))
    return found


def carry_out(
    project: Project,
    db: Database,
    job: store.Job,
    engine_of: EngineOf,
    *,
    now: Clock,
    actor: str,
    on_progress: ProgressCallback | None = None,
) -> bool:
    """Carry one job to where it waits for a person; True where this call worked on it.

    What is asked is what the job's record says. Raises StudioError as
    :func:`ategnatos.art.generate.carry_out`.
    """
    return generate.carry_on(
        project,
        db,
        job,
        engine_of=engine_of,
        now=now,
        actor=actor,
        on_progress=on_progress,
    )


def settle(project: Project, db: Database, job: store.Job) -> None:
    """Carry a verdict on the concept that only the journal holds into the database."""
    if job.state == CONCEPT_GATE:
        from ategnatos.art import verdicts

        verdicts.settle(project, db, job.id, 1)


def write_sheets(
    project: Project, recipe: Recipe, shown: Sequence[tuple[store.Job, store.Candidate]]
) -> list[Path]:
    """Draw the contact sheets of a run, up to 64 pictures each, and return their paths.

    They lie beside the folders of the bindings and are drawn anew by every run.
    """
    from ategnatos.pictures.sheet import SheetItem, contact_sheet

    there = [(job, one) for job, one in shown if (project.root / one.path).is_file()]
    pages = [there[at : at + ON_ONE_SHEET] for at in range(0, len(there), ON_ONE_SHEET)]
    paths = []
    for number, page in enumerate(pages, start=1):
        items = [
            SheetItem(
                picture=project.root / one.path,
                label=one.reference,
                caption=f"{_levers(job)} · seed {one.seed}",
                badge=one.verdict,
            )
            for job, one in page
        ]
        of_all = f"  ({number} of {len(pages)})" if len(pages) > 1 else ""
        sheet = contact_sheet(
            items,
            title=f"{recipe.id}{of_all}",
            subtitle=recipe.about or f"{recipe.bindings} bindings",
            footer=f"recipe {recipe.sha256[:16]}  ·  {len(there)} pictures",
        )
        name = "sheet.png" if number == 1 else f"sheet-{number}.png"
        path = project.outputs / str(recipe.id) / name
        write_atomic(path, sheet)
        paths.append(path)
    return paths


def _levers(job: store.Job) -> str:
    made_from = origin.of(job)
    return "" if made_from is None else ", ".join(made_from.levers.values())


def _standing(db: Database, one: Output) -> store.Job | None:
    order = one.order
    return store.find_binding(db, order.recipe_id, order.binding, one.engine.name)


def _put_down(
    project: Project, db: Database, one: Output, *, now: Clock, actor: str, priority: int
) -> tuple[store.Job, bool]:
    from ategnatos.art.recipes.model import parse_id

    order, made_from = one.order, one.origin
    recipe_id = parse_id(order.recipe_id)
    assert recipe_id is not None
    data: dict[str, Any] = made_from.data()
    if one.concept is not None:
        data[CONCEPT_REQUEST] = one.concept.canonical
    for each in (order, one.concept):
        if each is not None and each.request.workflow is not None:
            keep_input(project, each.request.workflow.encode())
    job, fresh = store.record(
        db,
        kind=recipe_id.kind,
        engine=one.engine.name,
        recipe_id=order.recipe_id,
        base=order.base,
        take=order.take,
        binding=order.binding,
        asked=order.asked,
        request=order.canonical,
        now=store.iso(now()),
        warnings=order.warnings,
        saga=saga.load("picture" if one.concept is None else "art"),
        priority=priority,
        data=data,
    )
    if fresh:
        journal.append(
            project,
            "art.ordered",
            actor=actor,
            references={
                "job": job.name,
                "binding": order.binding,
                "parent": None,
                "recipe": order.recipe_id,
            },
            data={
                "engine": one.engine.name,
                "asked": order.asked,
                "request": order.canonical,
                "change": None,
                **data,
                **({} if order.taste is None else {"taste": order.taste}),
            },
            now=now(),
        )
    return job, fresh
