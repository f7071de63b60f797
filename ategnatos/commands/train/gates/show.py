"""``train gates``: all four as they stand, and the command that opens each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.train.options import MachineOption, PlanName, TrainerOption

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.train.gates import Gate

app = room()


@command(app, "gates", example="ategnatos train gates ann --trainer kohya")
def gates(
    call: Call,
    name: PlanName,
    trainer: TrainerOption = "",
    machine: MachineOption = "local",
) -> Answer:
    """Which gates of a plan are open, why the others are not, and what opens them."""
    from ategnatos.train import gates as house
    from ategnatos.train.gates import usual
    from ategnatos.train.plan import store

    project = call.project()
    kept = store.load(project, name)
    chosen = usual.trainer(project, kept, trainer)
    found = house.states(project, kept, chosen, machine)
    closed = [one for one in found if not one.open]
    data: dict[str, Any] = {
        "plan": kept.name,
        "number": kept.number,
        "digest": kept.digest,
        "trainer": chosen,
        "machine": machine,
        "open": not closed,
        "gates": [one.as_json() for one in found],
    }
    launch = f"ategnatos train launch {kept.name} --trainer {chosen}"
    launch += "" if machine == "local" else f" --machine {machine}"
    return Answer(
        data,
        lambda console: _draw(console, data, found),
        tuple(dict.fromkeys(one.command for one in closed[:1])) or (launch,),
    )


def _draw(console: Console, data: dict[str, Any], found: tuple[Gate, ...]) -> None:
    from ategnatos.commands.page import Line, Row, draw

    console.print(
        f"{data['plan']}, version {data['number']}, with {data['trainer']} on {data['machine']}:",
        soft_wrap=True,
    )
    rows = []
    for one in found:
        state = ("open", "green") if one.open else ("closed", "yellow")
        lines = [Line(_opened(one))] if one.open else [Line(f"{one.why}."), Line(one.command)]
        rows.append(Row(((f"  {one.number}. {one.name}", ""), state), lines))
    draw(console, rows)
    if data["open"]:
        console.print("All four are open: the run may begin.")


def _opened(one: Gate) -> str:
    """What an open gate rests on, in a few words."""
    facts, at = one.facts, one.at[:16].replace("T", " ")
    if one.number == 1:
        return f"the report says GO of version {facts['version']}"
    if one.number == 2:
        how = "signed by" if facts["signed"] else "read and agreed to by"
        return f"{how} {facts['approver']}, {at}"
    if one.number == 3:
        what = facts["gpu"] or "the processor"
        return f"{what}, {facts['python_version'] and 'Python ' + facts['python_version']}, {at}"
    said = f"{facts['steps']} steps, {facts['seconds_a_step']:.3g} s a step"
    peak = facts.get("peak_mib")
    return said + (f", {peak / 1024:.1f} GiB at the peak" if peak else "") + f", {at}"
