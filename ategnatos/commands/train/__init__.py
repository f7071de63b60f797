"""``ategnatos train``: from pictures to a LoRA. One module a noun, imported on entry.

A noun joins the room by one line in ``NOUNS``: its module has an ``app``.
"""

from __future__ import annotations

from typing import ClassVar

import typer

from ategnatos.commands.lazy import LazyGroup, Table

NOUNS: Table = {
    "dataset": (
        "ategnatos.commands.train.dataset",
        "Datasets: pictures by hash, what is wrong with them, which are the same.",
    ),
    "plan": (
        "ategnatos.commands.train.plan",
        "Plans: what is trained on what, how, and for how long.",
    ),
    "vram": (
        "ategnatos.commands.train.vram",
        "Whether a plan fits a GPU, and what to change where it does not.",
    ),
    "cost": (
        "ategnatos.commands.train.cost",
        "How long a plan takes and what it costs, here or on each known offer.",
    ),
    "config": (
        "ategnatos.commands.train.config",
        "A plan in a trainer's own files, and what that trainer cannot do of it.",
    ),
    "gates": (
        "ategnatos.commands.train.gates.show",
        "Which of the four gates before a run are open, and what opens the others.",
    ),
    "confirm": (
        "ategnatos.commands.train.gates.confirm",
        "Gate 2: read the plan and what the trainer does not do of it, and agree.",
    ),
    "environment": (
        "ategnatos.commands.train.gates.environment",
        "Gate 3: whether the machine has what the training needs, and what mends it.",
    ),
    "dry-run": (
        "ategnatos.commands.train.gates.dry_run",
        "Gate 4: a few real steps of the plan, one save, and what they took.",
    ),
    "launch": (
        "ategnatos.commands.train.run.launch",
        "Start a run that outlives the shell; refuses while a gate is closed.",
    ),
    "status": (
        "ategnatos.commands.train.run.status",
        "How a run stands: step, loss, checkpoints, what was noticed.",
    ),
    "watch": (
        "ategnatos.commands.train.run.watch",
        "Follow a run to its end; takes up one that nobody follows.",
    ),
    "stop": ("ategnatos.commands.train.run.stop", "Stop a run cleanly."),
    "resume": (
        "ategnatos.commands.train.run.resume",
        "Go on from the newest whole checkpoint, here or on another machine.",
    ),
    "list": ("ategnatos.commands.train.run.listing", "Every run, the newest first."),
    "queue": (
        "ategnatos.commands.train.run.queue",
        "The line of trainings: one GPU trains one, the next begins by itself.",
    ),
    "eval": (
        "ategnatos.commands.train.evaluate",
        "The same pictures from each save at several weights, and numbers beside them.",
    ),
    "checkpoints": (
        "ategnatos.commands.train.checkpoints",
        "What a run saved: is it whole, which is the best, what may go.",
    ),
    "clean": (
        "ategnatos.commands.train.clean",
        "Free caches, old states and other things that trainings leave behind.",
    ),
    "vote": (
        "ategnatos.commands.train.vote",
        "Which of two is better, without knowing which is which.",
    ),
    "verdict": (
        "ategnatos.commands.train.verdict",
        "Say which is which, and sign for one.",
    ),
    "register": (
        "ategnatos.commands.train.register",
        "Put the LoRA that a person chose to use, under a name.",
    ),
    "unregister": (
        "ategnatos.commands.train.unregister",
        "Take a LoRA out of use again.",
    ),
    "seen": (
        "ategnatos.commands.train.seen",
        "What was seen in the pictures, and what the next plan changes for it.",
    ),
    "lora": (
        "ategnatos.commands.train.lora",
        "LoRA files: look inside, tag, convert, merge, make smaller.",
    ),
}


class TrainRoom(LazyGroup):
    """The nouns of the room."""

    table: ClassVar[Table] = NOUNS


app = typer.Typer(
    cls=TrainRoom,
    help="From pictures to a dataset, from a dataset to a LoRA.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)
