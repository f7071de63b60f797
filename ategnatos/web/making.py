"""Orders from the page: the same functions as ``art vary`` and ``art generate --again``.

What is billed is not agreed to here: such an order is refused with the command that asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ategnatos.commands.contract import Answer, Call
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.web.agreeing import call_of

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

WISH_EMPTY = ErrorCode("wish_empty", "Nothing was said of what to change.")

Make = Callable[["Project", dict[str, Any]], dict[str, Any]]
_MOST = 16


def vary(project: Project, given: dict[str, Any]) -> dict[str, Any]:
    """``picture`` (``j7#2``), ``change`` in the person's words, ``because``, ``count``.

    Raises StudioError (``wish_empty``, and those of ``art vary``).
    """
    from ategnatos.commands.art.make import vary as command

    change = str(given.get("change") or "").strip()
    if not change:
        raise StudioError(
            WISH_EMPTY,
            "Say what to change: one thing, in your words. Nothing was made.",
            hint="For example: warmer. Or: less busy.",
        )
    call = call_of(project, "art vary")
    answer = command(
        call,
        str(given.get("picture") or ""),
        change=change,
        because=str(given.get("because") or ""),
        count=_count(given),
    )
    return _told(call, answer)


def again(project: Project, given: dict[str, Any]) -> dict[str, Any]:
    """The next take of ``job``: its words and settings, another seed. Raises StudioError."""
    from ategnatos.art import vary as room
    from ategnatos.art.references import parse_job
    from ategnatos.commands.art.place import place_of
    from ategnatos.commands.art.wanted import asset_of
    from ategnatos.commands.art.work import make
    from ategnatos.engines import load_engine
    from ategnatos.grimoire.jobs import database, store

    call = call_of(project, "art generate")
    with database.connect(project) as db:
        job = store.get(db, parse_job(str(given.get("job") or "")))
    place = place_of(project, server=None, allow_remote=False, timeout=None)
    answer = make(
        call,
        project,
        load_engine(job.engine, place),
        room.request_of(project, job),
        seed=None,
        again=True,
        because=str(given.get("because") or ""),
        parent=job.parent,
        change=job.change,
        wanted=asset_of(call, project, job.id, job.name),
    )
    return _told(call, answer)


def _count(given: dict[str, Any]) -> int:
    said = str(given.get("count") or "4")
    return min(int(said), _MOST) if said.isdecimal() and int(said) else 4


def _told(call: Call, answer: Answer) -> dict[str, Any]:
    pictures = answer.data.get("candidates") or []
    return {
        "job": answer.data.get("job"),
        "fresh": answer.data.get("fresh", True),
        "pictures": [one.get("candidate") for one in pictures],
        "warnings": call.warnings,
    }
