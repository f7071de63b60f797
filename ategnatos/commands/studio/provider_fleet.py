"""``provider fleet``: how every rented machine is, and their disks kept free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

# Between two looks, and how many looks there are to one tidying: 5 and 30 minutes.
EVERY_SECONDS = 300.0
LOOKS_A_TIDYING = 6


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the noun ``provider``."""
    command(
        app, "fleet", example="ategnatos studio provider fleet --maintain --dry-run", dry_run=True
    )(fleet)


def fleet(
    call: Call,
    maintain: Annotated[
        bool, typer.Option("--maintain", help="Remove there what is home, and what is stale.")
    ] = False,
    keep: Annotated[
        int, typer.Option("--keep", help="Checkpoints of a run that stay there, the newest.")
    ] = 10,
    every: Annotated[
        float | None,
        typer.Option("--every", help="Go on, looking so often (seconds); tidying at every sixth."),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", help="With --every: end after so many.")] = 0,
) -> Answer:
    """How each rented machine is: reached, disk, GPUs, trainings, its own end; and keep it tidy."""
    import threading

    if not 1 <= keep <= 10_000 or (every is not None and not 0.1 <= every <= 86_400) or rounds < 0:
        raise StudioError(
            USAGE,
            "--keep takes 1 to 10000, --every 0.1 to 86400 and --rounds no less than 0; nothing was"
            " looked at.",
            hint="ategnatos studio provider fleet --maintain --every 300",
        )
    project = call.project()
    number, said = 0, ""
    while True:
        tidying = maintain and number % LOOKS_A_TIDYING == 0
        number += 1
        rows = _round(call, project, keep if tidying else 0)
        words = "\n".join(_words(one) for one in rows) or "Nothing is rented."
        if every is None or (rounds and number >= rounds):
            return Answer({"machines": rows, "dry_run": call.dry_run}, words)
        if words != said:
            call.say(words)
            said = words
        threading.Event().wait(every)


def _round(call: Call, project: Project, keep: int) -> list[dict[str, Any]]:
    """One look at each; ``keep`` 0: only looked at."""
    from ategnatos.machines.ssh import dead_man
    from ategnatos.studio import fleet as room
    from ategnatos.studio import ways

    rows: list[dict[str, Any]] = []
    for rental, order in ways.live(project):
        row: dict[str, Any] = {"machine": rental.name, "due_at": rental.due_at, "reached": False}
        rows.append(row)
        try:
            link = ways.link(ways.label_of(rental, order), rental.name)
            row |= room.look(link).facts()
            row["reached"] = True
            heard = dead_man.hear(link)
            row["dead_man"] = heard.alive
            if not heard.alive:
                call.warn(
                    f"{rental.name}: its dead-man script does not run; ategnatos studio reconnect"
                    f" {rental.name} starts it."
                )
            if keep:
                gone = room.tidy(link, keep=keep, dry=call.dry_run)
                row["removed"] = [one.facts() for one in gone]
        except StudioError as error:
            row["said"] = error.message
            call.warn(error.message)
            continue
        if row["disk_used"] >= room.FULL:
            call.warn(f"{rental.name}: its disk is {row['disk_used']:.0%} full.")
    return rows


def _words(row: dict[str, Any]) -> str:
    if not row["reached"]:
        return f"{row['machine']}: not reached, ends {row['due_at']}"
    gpus = ", ".join(f"GPU {one['busy_percent']}% busy" for one in row["gpus"]) or "no GPU"
    runs = ", ".join(f"{name} {how}" for name, how in row["runs"].items()) or "no training"
    line = (
        f"{row['machine']}: {gpus}, disk {row['disk_used']:.0%} full, {runs}, ends {row['due_at']}"
    )
    gone = row.get("removed")
    if gone:
        size = sum(one["bytes"] for one in gone) / 1e9
        line += f"\n  {len(gone)} things of {size:.1f} GB tidied away"
    return line
