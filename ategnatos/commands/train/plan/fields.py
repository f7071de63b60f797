"""``train plan fields``: every value of a plan, and what to ask a person before making one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

if TYPE_CHECKING:
    from rich.console import Console

app = room()


@command(app, "fields", example="ategnatos train plan fields --interview --json")
def fields(
    call: Call,
    interview: Annotated[
        bool, typer.Option("--interview", help="Only what a person should be asked.")
    ] = False,
) -> Answer:
    """What a plan consists of: names, what each may be, what it means, the questions to ask."""
    from ategnatos.train.plan import fields as known
    from ategnatos.train.plan import presets

    rows = known.described(asked_only=interview)
    table = presets.known()
    return Answer(
        {
            "fields": rows,
            "presets": {name: one.says for name, one in table.presets.items()},
            "families": list(table.families),
        },
        lambda console: _draw(console, rows),
    )


def _draw(console: Console, rows: list[dict[str, Any]]) -> None:
    from ategnatos.commands.page import Line, Row, draw
    from ategnatos.train.plan.fields import shown

    told = []
    for one in rows:
        lines = [Line(one["question"] or one["means"])]
        if one.get("choices"):
            lines.append(Line("one of: " + ", ".join(one["choices"])))
        if one["default"] not in (None, "", [], {}):
            lines.append(Line(f"else: {shown(one['default'])}"))
        told.append(Row(((one["name"], "bold"),), lines))
    draw(console, told)
