"""``ategnatos studio``: what the studio works with. One module a noun, imported on entry.

A noun joins the room by one line in ``NOUNS``: its module has an ``app`` made by
:func:`~ategnatos.commands.contract.room`.
"""

from __future__ import annotations

from typing import ClassVar

import typer

from ategnatos.commands.lazy import LazyGroup, Table

NOUNS: Table = {
    "secrets": (
        "ategnatos.commands.studio.secrets",
        "Credentials: store them, see where each comes from, what is missing.",
    ),
    "budget": (
        "ategnatos.commands.studio.budget",
        "How much may be spent, what is spent, what is rented.",
    ),
    "policy": (
        "ategnatos.commands.studio.policy",
        "What the pictures are for, and which models that leaves.",
    ),
    "workflow": (
        "ategnatos.commands.studio.workflow",
        "Workflows: keep them, check them before they are sent, convert, compare.",
    ),
    "comfyui": (
        "ategnatos.commands.studio.comfyui",
        "A ComfyUI server: find it, judge it, start it, end it.",
    ),
    "provider": (
        "ategnatos.commands.studio.provider",
        "Rented machines: offers, renting, working on them, ending them.",
    ),
    "reaper": (
        "ategnatos.commands.studio.reaper",
        "End rented machines that are overdue, idle, abandoned or unknown.",
    ),
    "reconnect": (
        "ategnatos.commands.studio.reconnect",
        "After the line broke: where a rented machine stands, and where to go on.",
    ),
    "models": (
        "ategnatos.commands.studio.models",
        "Model files: the inventory, downloads, and whether they are whole.",
    ),
}


class StudioRoom(LazyGroup):
    """The nouns of the room."""

    table: ClassVar[Table] = NOUNS


app = typer.Typer(
    cls=StudioRoom,
    help="Money, secrets, servers, models and workflows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)
