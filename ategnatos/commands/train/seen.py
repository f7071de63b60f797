"""``train seen``: what somebody saw in the pictures, and what the next plan changes for it."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.grimoire.errors import StudioError

app = room()


@command(app, "seen", example="ategnatos train seen owl 'too strong' bleeds")
def seen(
    call: Call,
    name: Annotated[str, typer.Argument(help="The plan that the LoRA was trained by.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS...", help="What was seen; quote each.")
    ] = None,
) -> Answer:
    """Cause, first help, the page to read, and the command that makes the next plan."""
    from dataclasses import asdict

    from ategnatos.train.evaluation import seen as room_of
    from ategnatos.train.plan import fields, store

    if not words:
        raise StudioError(
            USAGE,
            "Say what was seen; nothing was proposed.",
            hint=f"ategnatos train seen {name} 'too strong' bleeds 'rigid pose'",
        )
    project = call.project()
    plan = store.load(project, name).plan
    sights = [room_of.find(one) for one in words]
    proposal = room_of.propose(plan, sights)
    line = proposal.line(name, words)
    lines = []
    for one in sights:
        lines += [
            f"{one.said}: {one.title}",
            f"  cause  {one.cause}",
            f"  first  {one.first}",
            f"  also   {one.also}",
            f"  read   {one.page} (ategnatos knowledge pages)",
        ]
    changed = {name: (was, now) for name, (was, now) in proposal.values.items()}
    lines += ["The next plan:"] if changed or proposal.left else ["No value of the plan mends it."]
    lines += [
        f"  {one}: {fields.shown(was)} -> {fields.shown(now)}"
        for one, (was, now) in changed.items()
    ]
    lines += [f"  {one}" for one in proposal.left]
    return Answer(
        {
            "plan": name,
            "seen": [{**asdict(one), "changes": [dict(c) for c in one.changes]} for one in sights],
            "changes": {one: {"from": was, "to": now} for one, (was, now) in changed.items()},
            "left": list(proposal.left),
            "command": line,
        },
        "\n".join(lines),
        (line,) if line else (),
    )
