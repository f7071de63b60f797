"""Server-sent events: each line of the journal once, and a sign of life."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ategnatos.grimoire.journal import Event
    from ategnatos.web.changes import Changes

BEAT_SECONDS = 5.0

# What a reader may ask for, by the beginnings of what the journal calls it.
CHANNELS = {
    "pictures": ("art.",),
    "money": ("spend.", "budget.", "rental.", "gate."),
    "taste": ("eye.",),
    "training": ("train.", "dataset.", "run.", "checkpoint."),
}


def events(request: Request) -> Response:
    """Everything as it happens, from where the browser left off."""
    from sse_starlette import EventSourceResponse

    changes: Changes = request.app.state.changes
    wanted = _kinds(request.query_params.getlist("channel"))
    last = journal.event_number(request.headers.get("last-event-id", ""))
    return EventSourceResponse(
        _told(changes, last, wanted), ping=3600, headers={"cache-control": "no-store"}
    )


def _kinds(channels: list[str]) -> tuple[str, ...]:
    return tuple(start for name in channels for start in CHANNELS.get(name, (f"{name}.",)))


async def _told(
    changes: Changes, last: int | None, wanted: tuple[str, ...]
) -> AsyncIterator[dict[str, Any]]:
    async with changes.reading() as reader:
        yield _beat(changes)
        seen = changes.head if last is None else last
        # What was missed is read from the journal; what comes meanwhile waits in the queue.
        if last is not None and last < changes.head:
            for event in await asyncio.to_thread(changes.since, last):
                seen = max(seen, journal.event_number(event.id) or 0)
                if _is_wanted(event, wanted):
                    yield _said(event)
        while not reader.lost:
            try:
                kind, what = await asyncio.wait_for(reader.queue.get(), BEAT_SECONDS)
            except TimeoutError:
                yield _beat(changes)
                continue
            if kind != "journal":
                yield {"event": kind, "data": str(what)}
            elif (journal.event_number(what.id) or 0) > seen:
                seen = journal.event_number(what.id) or seen
                if _is_wanted(what, wanted):
                    yield _said(what)


def _is_wanted(event: Event, wanted: tuple[str, ...]) -> bool:
    return not wanted or event.kind.startswith(wanted)


def _beat(changes: Changes) -> dict[str, Any]:
    return {"event": "beat", "data": json.dumps({"sources": changes.facts()})}


def _said(event: Event) -> dict[str, Any]:
    facts = {
        "id": event.id,
        "kind": event.kind,
        "time": event.time,
        "references": event.references,
    }
    return {"event": "journal", "id": event.id, "data": json.dumps(facts)}
