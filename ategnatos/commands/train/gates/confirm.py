"""``train confirm``: gate 2. A person reads the plan and its losses at their terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.train.options import PlanName, TrainerOption

app = room()


@command(app, "confirm", example="ategnatos train confirm ann --trainer kohya")
def confirm(
    call: Call,
    name: PlanName,
    trainer: TrainerOption = "",
    because: Annotated[str, typer.Option("--because", help="Why, for the record.")] = "",
) -> Answer:
    """Read the plan and what the trainer does not do of it, and agree. A person's act."""
    from datetime import UTC, datetime

    from ategnatos.guard.actor import actor
    from ategnatos.train.gates import config_page, configuration, usual
    from ategnatos.train.plan import base_model, store

    project = call.project()
    now = datetime.now(UTC)
    kept = store.load(project, name)
    chosen = usual.trainer(project, kept, trainer)
    kept, said = base_model.settled(project, kept, chosen, actor=actor(), now=now)
    if said:
        call.warn(said)
    made = configuration.translated(project, kept, chosen)
    agreed = configuration.confirm(project, made, reason=because or None, now=now)
    page = config_page.write(project, made, agreed)
    return Answer(
        {
            **made.subject(),
            "event": agreed.event,
            "approver": agreed.approver,
            "signed": agreed.signed,
            "page": str(page),
        },
        f"Gate 2 is open: {agreed.approver} agrees to version {kept.number} of {kept.name!r} with"
        f" {made.trainer}. Any change of the plan closes it.\nWritten to {page}",
        (f"ategnatos train gates {kept.name} --trainer {made.trainer}",),
    )
