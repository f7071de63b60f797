"""``ategnatos train lora``: one module a verb, imported on entry.

A verb joins by one line in ``VERBS``: its module has an ``app`` with one command.
"""

from __future__ import annotations

from typing import ClassVar

import typer

from ategnatos.commands.lazy import LazyGroup, Table

VERBS: Table = {
    "show": ("ategnatos.commands.train.lora.show", "What is in a LoRA file."),
    "tag": ("ategnatos.commands.train.lora.tag", "Write what a file says of itself."),
    "convert": ("ategnatos.commands.train.lora.convert", "The same LoRA for another program."),
    "merge": ("ategnatos.commands.train.lora.merge", "Several LoRAs as one: their weighted sum."),
    "resize": ("ategnatos.commands.train.lora.resize", "A smaller rank, and what that loses."),
}


class LoraRoom(LazyGroup):
    """The verbs of the noun."""

    table: ClassVar[Table] = VERBS


app = typer.Typer(
    cls=LoraRoom,
    help="LoRA files: look inside, tag, convert, merge, make smaller.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)
