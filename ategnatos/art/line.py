"""Put an order into the line: written down as a job, carried out by whoever is free.

Apart from ``generate``, which works: to put something down must take no longer than that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database, store

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.art.order import Order
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

Clock = Callable[[], "datetime"]


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


def put_down(
    project: Project,
    db: Database,
    engine: str,
    order: Order,
    *,
    now: Clock,
    actor: str,
    parent: str | None = None,
    change: str | None = None,
    priority: int = 0,
) -> tuple[store.Job, bool]:
    """Write the order down as a job, or find the one that stands; (job, whether it is new)."""
    job, fresh = store.record(
        db,
        kind="image",
        engine=engine,
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
        priority=priority,
        reason=order.reason,
    )
    version, numbered = _numbered(db, order, job, now)
    if fresh:
        journal.append(
            project,
            "art.ordered",
            actor=actor,
            references={
                "job": job.name,
                "binding": order.binding,
                "parent": parent,
                **version,
            },
            data={
                "engine": engine,
                "asked": order.asked,
                "request": order.canonical,
                "change": change,
                **({} if order.reason is None else {"reason": order.reason}),
                **({} if order.taste is None else {"taste": order.taste}),
            },
            now=now(),
        )
    elif numbered:
        journal.append(
            project,
            "art.assigned",
            actor=actor,
            references={"job": job.name, **version},
            now=now(),
        )
    if numbered:
        from ategnatos.art import pages

        pages.after(project, db, job.id)
    return job, fresh


def _numbered(
    db: Database, order: Order, job: store.Job, now: Clock
) -> tuple[dict[str, str], bool]:
    """Which version of its asset a job is, as references of an event, and whether it is new."""
    if order.asset is None:
        return {}, False
    from ategnatos.grimoire.jobs import assets

    version, fresh = assets.add_version(db, order.asset.id, job.id, now=store.iso(now()))
    return {"asset": order.asset.full_name, "version": version.name}, fresh


def enqueue(
    project: Project,
    engine: str,
    order: Order,
    *,
    now: Clock,
    actor: str,
    parent: str | None = None,
    change: str | None = None,
    priority: int = 0,
) -> tuple[store.Job, bool]:
    """Put the order into the line and return at once: (job, whether it is new).

    A job that failed is put back into the line.
    """
    with database.connect(project) as db:
        job, fresh = put_down(
            project,
            db,
            engine,
            order,
            now=now,
            actor=actor,
            parent=parent,
            change=change,
            priority=priority,
        )
        if job.state == store.FAILED:
            from ategnatos.grimoire.jobs import moves

            moves.retry(db, job.id, who=actor)
            job = store.get(db, job.id)
        return job, fresh
