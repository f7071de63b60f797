"""``train unregister``: take a LoRA out of use; the file of its run stays."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()

_SAID = {
    "removed": "The file in use was removed; the one of its run is at {origin}.",
    "moved": "The file of its run is gone, so the one in use was moved to {aside}.",
    "kept": "The file at {location} is another one by now; it was left alone.",
    "own": "The file at {location} was there before; it was left alone.",
    "gone": "The file at {location} was gone already.",
}


@command(app, "unregister", example="ategnatos train unregister inky-owl", dry_run=True)
def unregister(
    call: Call,
    name: Annotated[str, typer.Argument(help="The LoRA's name.")],
    because: Annotated[str, typer.Option("--because", help="Why, for the record.")] = "",
) -> Answer:
    """Undo 'train register': the rows and the file in the engine's folder; nothing is lost."""
    from datetime import UTC, datetime

    from ategnatos.guard.actor import actor
    from ategnatos.train.registering import undoing

    project = call.project()
    done = undoing.unregister(
        project,
        name,
        because=because.strip(),
        actor=actor(),
        now=datetime.now(UTC),
        write=not call.dry_run,
    )
    row = done.row
    said = _SAID[done.file].format(origin=row.origin, location=row.location, aside=done.aside)
    return Answer(
        {
            "name": row.name,
            "file": done.file,
            "aside": None if done.aside is None else str(done.aside),
            "location": row.location,
            "origin": row.origin,
            "dry_run": call.dry_run,
        },
        f"{'Would take' if call.dry_run else 'Took'} {row.name} out of use. {said}",
        () if call.dry_run else (f"ategnatos train register {row.plan} --as {row.name}",),
    )
