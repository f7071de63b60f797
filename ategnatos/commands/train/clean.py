"""``train clean``: free what trainings left behind and nothing refers to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.project import Project
    from ategnatos.train.cleaning import Piece

app = room()

CLEAN_KIND = ErrorCode("clean_kind", "Nothing of that kind is ever cleaned.")


@command(app, "clean", example="ategnatos train clean --dry-run", dry_run=True)
def clean(
    call: Call,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="KIND", help="caches, logs, states, dry-runs, orphans ..."),
    ] = None,
) -> Answer:
    """Free caches, event files, old states, past dry runs and folders that no record knows.

    Never anything of a run at work, what a run goes on from, or what an evaluation, a registered
    LoRA or another record refers to. Checkpoints go by 'train checkpoints RUN --clean' alone.
    """
    from ategnatos.guard.actor import actor
    from ategnatos.train import cleaning

    kinds = frozenset(only or cleaning.KINDS)
    unknown = sorted(kinds - set(cleaning.KINDS))
    if unknown:
        raise StudioError(
            CLEAN_KIND,
            f"{unknown[0][:40]!r} is nothing that is cleaned; nothing was freed.",
            hint=f"Say --only with one of: {', '.join(cleaning.KINDS)}.",
            known=list(cleaning.KINDS),
        )
    project = call.project()
    now = datetime.now(UTC)
    if call.dry_run:
        pieces = [one for one in cleaning.look(project, now=now) if one.kind in kinds]
    else:
        pieces = cleaning.clean(project, actor=actor(), now=now, kinds=kinds)
    chosen = " ".join(f"--only {one}" for one in only or ())
    again = f"ategnatos train clean {chosen}".strip()
    return Answer(
        _data(project, pieces, call.dry_run),
        lambda console: _draw(console, project, pieces, call.dry_run),
        (again,) if call.dry_run and pieces else (),
    )


def _data(project: Project, pieces: list[Piece], dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "pieces": [
            {
                "path": one.path.relative_to(project.root).as_posix(),
                "kind": one.kind,
                "bytes": one.bytes,
                "why": one.why,
                "run": one.run,
            }
            for one in pieces
        ],
        "bytes": sum(one.bytes for one in pieces),
    }


def _draw(console: Console, project: Project, pieces: list[Piece], dry_run: bool) -> None:
    from ategnatos.commands.clean import in_units
    from ategnatos.commands.page import Line, Row, draw

    draw(
        console,
        [
            Row(
                ((one.kind, "bold"), (in_units(one.bytes), "")),
                [Line(one.path.relative_to(project.root).as_posix(), whole=True), Line(one.why)],
            )
            for one in pieces
        ],
    )
    if not pieces:
        console.print("There is nothing to free.")
        return
    console.print()
    total = in_units(sum(one.bytes for one in pieces))
    verb = "would be freed; nothing was deleted" if dry_run else "freed"
    console.print(f"{len(pieces)} {'piece' if len(pieces) == 1 else 'pieces'}, {total} {verb}.")
