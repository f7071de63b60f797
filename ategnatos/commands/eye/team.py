"""``eye export`` and ``eye import``: a taste handed on, with its evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.commands.eye.present import many
from ategnatos.commands.eye.speaking import now
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.eye.exchange import Imported


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the eye."""
    command(app, "export", example="ategnatos eye export ann.eye.json", dry_run=True)(export)
    command(app, "import", example="ategnatos eye import ann.eye.json --dry-run", dry_run=True)(
        take_in
    )


def export(
    call: Call,
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    name: Annotated[
        str, typer.Option("--name", help="Whose eye it is; default: the studio's folder.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
) -> Answer:
    """Write your taste into a file for somebody else: statements, reasons, verdict ids, hashes."""
    import json

    from ategnatos.eye import exchange
    from ategnatos.grimoire.files import explained, write_atomic

    project = call.project()
    if file.exists() and not overwrite:
        raise StudioError(
            USAGE,
            f"{file} is there already; nothing was written.",
            hint="Choose another name, or add --overwrite.",
        )
    found = exchange.export(project, name or project.root.name, now=now())
    statements = sum('"kind":"eye.statement"' in one["line"] for one in found["events"])
    data = {
        "file": str(file),
        "studio": found["studio"],
        "statements": statements,
        "verdicts": len(found["events"]) - statements,
        "dry_run": call.dry_run,
    }
    what = f"{many(statements, 'statement')} and {many(data['verdicts'], 'verdict')}"
    if call.dry_run:
        return Answer(data, f"Would write {what} to {file}.")
    with explained(file, "The eye was not written."):
        write_atomic(file, json.dumps(found, ensure_ascii=False, indent=1).encode() + b"\n")
    told = f"Wrote {what} to {file}. It holds names, reasons and your words; no pictures."
    return Answer(data, told, (f"ategnatos eye import {file} --dry-run",))


def take_in(
    call: Call, file: Annotated[Path, typer.Argument(help="A file of 'eye export'.")]
) -> Answer:
    """Merge somebody's taste into this one by its evidence; what disagrees is shown."""
    from ategnatos.eye import exchange
    from ategnatos.guard.actor import actor

    found = exchange.read_file(file)
    result = exchange.take_in(call.project(), found, actor=actor(), now=now(), dry_run=call.dry_run)
    for one in result.conflicts:
        call.warn(f"{one.one} and {one.other} disagree about {one.about!r}: {one.outcome}.")
    for name in result.retirements:
        call.warn(
            f"{name} counts for one of you and is retired by the other: the last word counts."
        )
    data = {
        "from": result.name,
        "studio": result.studio,
        "events": result.events,
        "event": result.event,
        "added": result.added,
        "strengthened": result.strengthened,
        "conflicts": [
            {"one": one.one, "other": one.other, "about": one.about, "outcome": one.outcome}
            for one in result.conflicts
        ],
        "retirements": result.retirements,
        "dry_run": call.dry_run,
    }
    return Answer(data, _told(result, dry_run=call.dry_run), ("ategnatos eye show",))


def _told(result: Imported, *, dry_run: bool) -> str:
    if not result.events:
        return f"Everything of {result.name} is here already; nothing was written."
    verb = "Would take in" if dry_run else "Took in"
    lines = [f"{verb} {many(result.events, 'event')} of {result.name}, marked as theirs."]
    if result.added:
        lines.append(f"New: {', '.join(result.added)}")
    if result.strengthened:
        lines.append(f"Counted otherwise now: {', '.join(result.strengthened)}")
    return "\n".join(lines)
