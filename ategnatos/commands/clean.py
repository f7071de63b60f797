"""``ategnatos clean``: free the space of pictures that were never approved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.page import Line, Row, draw

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.project import Project
    from ategnatos.studio.cleaning import Plan

app = room()

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


@command(app, "clean", example="ategnatos clean --dry-run", dry_run=True)
def clean(
    call: Call,
    waiting: Annotated[
        bool,
        typer.Option("--waiting", help="Also pictures that still wait for a verdict."),
    ] = False,
) -> Answer:
    """Free the space of rejected pictures, of failed jobs, and of unfinished files.

    Approved and exported pictures and work in progress are never touched. The record stays, and
    the contact sheets; the same 'art generate' command makes a freed picture again.
    """
    from ategnatos.guard.actor import actor
    from ategnatos.studio import cleaning

    project = call.project()
    now = datetime.now(UTC)
    if call.dry_run:
        plan = cleaning.look(project, waiting=waiting, now=now)
    else:
        plan = cleaning.clean(project, waiting=waiting, actor=actor(), now=now)
    return Answer(
        _data(project, plan, call.dry_run),
        lambda console: _draw(console, project, plan, call.dry_run),
        _next(plan, call.dry_run, waiting),
    )


def _data(project: Project, plan: Plan, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "files": [
            {
                "path": one.path.relative_to(project.root).as_posix(),
                "candidate": one.reference,
                "bytes": one.bytes,
                "why": one.why,
            }
            for one in plan.removals
        ],
        "bytes": plan.bytes,
        "kept": plan.kept,
    }


def _next(plan: Plan, dry_run: bool, waiting: bool) -> tuple[str, ...]:
    steps = []
    if dry_run and plan.removals:
        steps.append(f"ategnatos clean{' --waiting' if waiting else ''}")
    if dry_run and plan.kept.get("waiting for a verdict") and not waiting:
        steps.append("ategnatos clean --waiting --dry-run")
    return tuple(steps)


def _draw(console: Console, project: Project, plan: Plan, dry_run: bool) -> None:
    rows = [
        Row(
            ((one.reference or one.job or "", "bold"), (one.why, "")),
            [Line(one.path.relative_to(project.root).as_posix(), whole=True)],
        )
        for one in plan.removals
    ]
    draw(console, rows)
    if rows:
        console.print()
    count = len(plan.removals)
    verb = "would be freed" if dry_run else "freed"
    freed = f"{count} file{'' if count == 1 else 's'}, {in_units(plan.bytes)} {verb}."
    console.print(freed if count else "There is nothing to free.")
    if plan.kept:
        kept = ", ".join(f"{number} {why}" for why, number in plan.kept.items())
        console.print(f"Kept: {kept}.")


def in_units(size: int) -> str:
    """A number of bytes for people: ``1.5 MB`` (powers of 1000, as disks are sold)."""
    amount, unit = float(size), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.0f} {_UNITS[0]}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"
