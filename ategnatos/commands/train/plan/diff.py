"""``train plan diff``: what differs between two versions of a plan, or between two plans."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "diff", example="ategnatos train plan diff ann 1 3")
def diff(
    call: Call,
    name: Annotated[str, typer.Argument(help="The plan.")],
    old: Annotated[int, typer.Argument(help="A version; default: the one before.")] = 0,
    new: Annotated[int, typer.Argument(help="Another; default: the newest.")] = 0,
    other: Annotated[
        str, typer.Option("--other", metavar="PLAN", help="Another plan instead, newest to newest.")
    ] = "",
) -> Answer:
    """Every value that differs, with what it was and what it is."""
    from ategnatos.train.plan import fields, store

    project = call.project()
    if other:
        first, second = store.load(project, name), store.load(project, other)
    else:
        second = store.load(project, name, new or None)
        first = store.load(project, name, old or max(1, second.number - 1))
    found = store.differences(first.plan, second.plan)
    lines = [f"{first.name} version {first.number} and {second.name} version {second.number}:"]
    lines += [
        f"  {one}: {fields.shown(was)} -> {fields.shown(now)}" for one, (was, now) in found.items()
    ] or ["  nothing differs."]
    return Answer(
        {
            "from": {"name": first.name, "number": first.number},
            "to": {"name": second.name, "number": second.number},
            "changed": {one: {"from": was, "to": now} for one, (was, now) in found.items()},
        },
        "\n".join(lines),
    )
