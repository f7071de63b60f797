"""``ategnatos train plan``: one module a verb, imported on entry.

A verb joins by one line in ``VERBS``: its module has an ``app`` with one command.
"""

from __future__ import annotations

from typing import ClassVar

import typer

from ategnatos.commands.lazy import LazyGroup, Table

VERBS: Table = {
    "new": ("ategnatos.commands.train.plan.new", "A plan from a preset."),
    "show": ("ategnatos.commands.train.plan.show", "One plan; with --explain in plain words."),
    "set": ("ategnatos.commands.train.plan.set", "Change values of a plan."),
    "diff": ("ategnatos.commands.train.plan.diff", "What differs between versions or plans."),
    "list": ("ategnatos.commands.train.plan.listing", "The plans of this studio."),
    "fields": ("ategnatos.commands.train.plan.fields", "Every value, and what to ask a person."),
}


class PlanRoom(LazyGroup):
    """The verbs of the noun."""

    table: ClassVar[Table] = VERBS


app = typer.Typer(
    cls=PlanRoom,
    help="Plans: what is trained on what, how, and for how long.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)
