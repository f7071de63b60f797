"""``train dataset quarantine``: what is set aside, setting aside by hand, and undo."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "quarantine", example="ategnatos train dataset quarantine ann --undo")
def quarantine(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
    pictures: Annotated[
        list[str] | None, typer.Argument(metavar="PICTURE", help="Which; default: all with --undo.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Bring them back.")] = False,
    because: Annotated[str, typer.Option("--because", metavar="WHY", help="Why.")] = "by hand",
) -> Answer:
    """List what is set aside; with names set those aside; with --undo bring back."""
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import quarantine as aside
    from ategnatos.train.dataset import record

    project = call.project()
    who, now = actor(), datetime.now(UTC)
    lines: list[str] = []
    data: dict[str, Any] = {"name": name, "moved": [], "back": []}
    if undo:
        moved = aside.bring_back(project, name, pictures or [], actor=who, now=now)
        data["back"] = list(moved.names)
        data["taken_back"] = [{"from": keep, "to": file} for file, keep in moved.handed.items()]
        lines.append(f"{len(moved.names)} brought back; version {moved.version.number}.")
        lines += [f"  {file} took its caption back from {k}" for file, k in moved.handed.items()]
    elif pictures:
        why = dict.fromkeys(pictures, because)
        moved = aside.set_aside(project, name, why, actor=who, now=now)
        data["moved"] = list(moved.names)
        lines.append(f"{len(moved.names)} set aside; version {moved.version.number}.")
    row = record.row(project, name)
    data["quarantine"] = [one.model_dump(mode="json", exclude={"was"}) for one in row.quarantine]
    lines += [f"  {one.name}: {one.because} ({one.path})" for one in row.quarantine]
    if not row.quarantine:
        lines.append("Nothing is set aside.")
    steps = (f"ategnatos train dataset quarantine {name} --undo",) if row.quarantine else ()
    return Answer(data, "\n".join(lines), steps)
