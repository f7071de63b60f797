"""``ategnatos train dataset``: one module a verb, imported on entry.

A verb joins by one line in ``VERBS``: its module has an ``app`` with one command, or a group.
"""

from __future__ import annotations

from typing import ClassVar

import typer

from ategnatos.commands.lazy import LazyGroup, Table

VERBS: Table = {
    "import": (
        "ategnatos.commands.train.dataset.importing",
        "Pictures from folders, zips and the studio become a dataset.",
    ),
    "audit": (
        "ategnatos.commands.train.dataset.audit",
        "What is wrong with the pictures, and what to do about it.",
    ),
    "dedup": (
        "ategnatos.commands.train.dataset.dedup",
        "Which pictures are the same, and which of them to keep.",
    ),
    "quarantine": (
        "ategnatos.commands.train.dataset.quarantine",
        "What is set aside; set aside by hand; undo.",
    ),
    "diff": ("ategnatos.commands.train.dataset.diff", "What changed between two versions."),
    "list": ("ategnatos.commands.train.dataset.listing", "The datasets of this studio."),
    "captions": (
        "ategnatos.commands.train.dataset.captions",
        "Captions: look at pictures, tell of them, judge and mend what is told.",
    ),
    "rights": (
        "ategnatos.commands.train.dataset.rights",
        "Whose the pictures are, and whether they may be trained on.",
    ),
    "concept": (
        "ategnatos.commands.train.dataset.concept",
        "Which pictures belong together under one name.",
    ),
    "split": (
        "ategnatos.commands.train.dataset.split",
        "Set pictures apart to measure with, by groups.",
    ),
    "structure": (
        "ategnatos.commands.train.dataset.structure",
        "The folders that a trainer reads, and what it will make of them.",
    ),
    "coach": (
        "ategnatos.commands.train.dataset.coach",
        "What the pictures show, what they lack, what to leave out.",
    ),
    "report": (
        "ategnatos.commands.train.dataset.report",
        "GO or NO-GO, with pictures and reasons: gate 1 of a training.",
    ),
    "show": ("ategnatos.commands.train.dataset.show", "One dataset: its versions, its pictures."),
}


class DatasetRoom(LazyGroup):
    """The verbs of the noun."""

    table: ClassVar[Table] = VERBS


app = typer.Typer(
    cls=DatasetRoom,
    help="Datasets: pictures by hash, what is wrong with them, which are the same.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)
