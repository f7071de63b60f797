"""``train dataset diff``: what changed between two versions of a dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "diff", example="ategnatos train dataset diff ann 1 3")
def diff(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
    old: Annotated[int, typer.Argument(help="A version; default: the one before.")] = 0,
    new: Annotated[int, typer.Argument(help="Another; default: the newest.")] = 0,
) -> Answer:
    """Pictures, captions, rights and settings that differ between two versions."""
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset.difference import between, sentences

    project = call.project()
    second = record.load(project, name, new or None)
    first = record.load(project, name, old or max(1, second.number - 1))
    found = between(first, second)
    lines = [f"{name}, from version {first.number} to {second.number}:", *sentences(found)]
    return Answer(
        {"name": name, "from": first.number, "to": second.number, **found}, "\n".join(lines)
    )
