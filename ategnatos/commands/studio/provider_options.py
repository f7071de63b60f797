"""Options that several verbs of ``studio provider`` share, and what is made of them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import USAGE
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.studio.market import Stay

Count = Annotated[int, typer.Option("--count", help="GPUs in one machine.")]
Region = Annotated[str | None, typer.Option("--region", help="As the provider calls it.")]
Disk = Annotated[int, typer.Option("--disk", help="GB of disk.")]
Down = Annotated[float, typer.Option("--down-gb", help="GB that it will download.")]
Up = Annotated[float, typer.Option("--up-gb", help="GB that it will send.")]
Confirm = Annotated[bool, typer.Option("--confirm", help="Agree to the price that was said.")]
Overriding = Annotated[
    bool, typer.Option("--override", help="Pass the caps this once; a person signs.")
]
Because = Annotated[str, typer.Option("--because", help="Why, with --override.")]


def stay_of(
    project: Project, hours: str | None, disk: int, down_gb: float = 0.0, up_gb: float = 0.0
) -> Stay:
    """How long and with what; the budget's ``auto_teardown_minutes`` where nobody says."""
    from ategnatos.guard.budget import approved
    from ategnatos.studio.market import Stay

    if down_gb < 0 or up_gb < 0:
        raise StudioError(
            USAGE, "--down-gb and --up-gb are no less than 0; nobody was asked.", hint="Mend it."
        )
    if hours is None:
        planned = Decimal(approved.load(project).auto_teardown_minutes) / 60
    else:
        planned = number("--hours", hours)
    return Stay(planned, disk, down_gb, up_gb)


def number(option: str, text: str) -> Decimal:
    """A plain number above 0. Raises StudioError (``usage``)."""
    try:
        found = Decimal(text)
        sound = found.is_finite() and 0 < found < 1_000_000
    except InvalidOperation:
        sound = False
    if not sound:
        raise StudioError(
            USAGE, f"{option} takes a number above 0, like 1.5; nobody was asked.", hint="Mend it."
        )
    return found
