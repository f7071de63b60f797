"""``train dataset report``: GO or NO-GO, with pictures and reasons; gate 1 of a training."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.train.dataset.report.writing import Weighed

app = room()

DATASET_NO_GO = ErrorCode("dataset_no_go", "The report of a dataset says NO-GO.")


@command(app, "report", example="ategnatos train dataset report ann", dry_run=True)
def report(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
    gate: Annotated[
        bool, typer.Option("--gate", help="Only say whether gate 1 is open; write nothing.")
    ] = False,
) -> Answer:
    """Weigh pictures, captions, rights and coverage, and write the page that opens gate 1."""
    from ategnatos.art.licences import policy_of
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset.report import NO_GO, writing
    from ategnatos.train.dataset.report import gate as gates

    project = call.project()
    if gate:
        return _gate(gates.state(project, name))
    version = record.load(project, name)
    call.say(f"Looking at {len(version.pictures)} pictures ...")
    weighed = writing.weigh(project, version, policy_of(project))
    data: dict[str, Any] = {**weighed.facts(), "dry_run": call.dry_run, "report": None}
    if not call.dry_run:
        path = writing.write(project, weighed, actor=actor(), now=datetime.now(UTC))
        data["report"] = str(path)
        data["gate"] = gates.state(project, name).facts()
    failed = None
    if weighed.decision.verdict == NO_GO:
        stops = [one for one in weighed.decision.reasons if one.stops]
        many = "1 reason" if len(stops) == 1 else f"{len(stops)} reasons"
        failed = StudioError(
            DATASET_NO_GO,
            f"{name}: NO-GO, for {many}; gate 1 stays closed.",
            hint=next((one.then for one in stops if one.then), "Read the report."),
            reasons=[one.says for one in stops],
        )
    return Answer(data, lambda console: _draw(console, weighed, data), (), failed)


def _gate(found: Any) -> Answer:
    from ategnatos.train.dataset.report.gate import DATASET_GATE

    words = f"Gate 1 of {found.dataset} is {'open' if found.open else 'closed: ' + found.why}."
    failed = None
    if not found.open:
        failed = StudioError(
            DATASET_GATE,
            f"Gate 1 of {found.dataset!r} is closed: {found.why}.",
            hint=f"ategnatos train dataset report {found.dataset}",
        )
    return Answer({"gate": found.facts()}, words if found.open else None, (), failed)


def _draw(console: Console, weighed: Weighed, data: dict[str, Any]) -> None:
    verdict = weighed.decision.verdict
    console.print(verdict, style="bold green" if verdict == "GO" else "bold red")
    for one in weighed.decision.reasons:
        mark = "stops" if one.stops else "     "
        console.print(f"  {mark}  {plain(one.says)}", soft_wrap=True)
        if one.then:
            console.print(f"         {plain(one.then)}", soft_wrap=True)
    if not weighed.decision.reasons:
        console.print("  Nothing speaks against it.")
    if data["report"]:
        console.print(f"The whole report: {data['report']}", soft_wrap=True)
