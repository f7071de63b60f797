"""``art reproduce``: whether a candidate comes out the same again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.art.make import AllowRemote, Server, Timeout
from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from ategnatos.art.reproduce import Plan, Reproduced

_SAID = {
    "bytes": "The bytes agree: it is the same file.",
    "pixels": "The pixels agree; the file differs in what is written beside them.",
    "settings": "Only the settings agree: the picture came out otherwise.",
    "nothing": "Neither pixels nor settings agree.",
}


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the art room."""
    command(app, "reproduce", example="ategnatos art reproduce 'j1#2'", dry_run=True)(reproduce)


def reproduce(
    call: Call,
    candidate: Annotated[str, typer.Argument(help="The candidate, like 'j1#2'.")],
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Make it although weights or graph differ.")
    ] = False,
    server: Server = None,
    allow_remote: AllowRemote = False,
    timeout: Timeout = None,
) -> Answer:
    """Say what differs from the first time, make the picture again, and say how far it agrees."""
    from ategnatos.art import reproduce as room
    from ategnatos.commands.art.place import place_of
    from ategnatos.commands.art.wanted import candidate_named
    from ategnatos.commands.progress import progress
    from ategnatos.engines import load_engine
    from ategnatos.guard.actor import actor

    project = call.project()
    job, one = room.of(project, *candidate_named(call, project, candidate))
    place = place_of(project, server=server, allow_remote=allow_remote, timeout=timeout)
    engine = load_engine(job.engine, place)
    planned = room.plan(project, engine, job, one)
    if call.dry_run:
        return _answer(planned, None)
    if not anyway:
        room.check(planned)
    if any(found.name == "engine" for found in planned.differences):
        # The engine refuses the request itself: there is nothing that could be made anyway.
        room.check(planned)
    for line in _told(planned):
        call.say(line)
    with progress(call, f"{engine.name}: {one.reference} again") as on_progress:
        made = room.make(
            project,
            engine,
            planned,
            actor=actor(),
            now=lambda: datetime.now(UTC),
            on_progress=on_progress,
        )
    return _answer(planned, made)


def _answer(planned: Plan, made: Reproduced | None) -> Answer:
    data: dict[str, Any] = {
        "candidate": planned.candidate.reference,
        "sha256": planned.candidate.sha256,
        "differences": [asdict(one) for one in planned.differences],
        "unknown": list(planned.unknown),
        "dry_run": made is None,
    }
    lines = [f"{planned.candidate.reference}  {planned.job.asked}", *_told(planned)]
    if made is None:
        decisive = any(one.decides for one in planned.differences)
        lines.append(
            "It would not be made: it cannot come out the same."
            if decisive
            else "Nothing that is recorded stands against it coming out the same."
        )
        return Answer(data, plain("\n".join(lines)))
    data |= {
        "agreement": made.agreement,
        "made_sha256": made.sha256,
        "changed_pixels": made.changed_pixels,
        "pixels": made.pixels,
        "most_of_255": made.most,
        "differing_settings": list(made.differing_settings),
        "path": None if made.path is None else str(made.path),
    }
    lines.append(_SAID[made.agreement])
    if made.changed_pixels:
        lines.append(
            f"  {made.changed_pixels:,} of {made.pixels:,} pixels differ, by at most {made.most} of"
            " 255"
        )
    if made.changed_pixels is None:
        lines.append("  The first picture is not on disk, so pixels could not be compared.")
    if made.differing_settings:
        lines.append(f"  Settings that differ: {', '.join(made.differing_settings)}")
    if made.path is not None:
        lines.append(f"  The new one: {made.path}")
    return Answer(data, plain("\n".join(lines)))


def _told(planned: Plan) -> list[str]:
    """What differs, and what nobody knows, before anything is made."""
    lines = [
        f"  {one.name}: was {one.was}, is {one.now}"
        + ("" if one.decides else " (may or may not show)")
        for one in planned.differences
    ]
    if planned.unknown:
        lines.append(f"  Not recorded, so not checked: {', '.join(planned.unknown)}")
    return lines
