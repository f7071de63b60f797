"""``ategnatos status``: one page that a person understands, and the same for a machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.project import Project
    from ategnatos.studio.overview import JobLine, Overview

app = room()

# Lines of one kind on the page; the rest is counted, and listed by 'ategnatos art list'.
_SHOWN = 8


@command(app, "status", example="ategnatos status --json")
def status(call: Call) -> Answer:
    """One page: what waits for you, what runs, what it costs, and whether all is well."""
    from ategnatos.studio import overview

    project = call.project()
    page, trainings = overview.look(project), _trainings(project)
    return Answer(
        {**facts(page), "trainings": trainings},
        lambda console: _draw(console, page, trainings),
        _next(page, trainings),
    )


def _trainings(project: Project) -> dict[str, Any]:
    from ategnatos.train import now

    return now.look(project)


def facts(page: Overview) -> dict[str, Any]:
    """The page as JSON values."""
    return {
        "studio": page.root,
        "program": page.program,
        "pack": page.pack,
        "machine": page.machine,
        "engines": [engine.facts() for engine in page.engines],
        "jobs": page.jobs,
        "counts": {
            "waiting": page.waiting_in_all,
            "pictures_waiting": page.pictures_waiting,
            "running": page.running_in_all,
            "failed": page.failed_in_all,
        },
        "waiting": [_job(line) for line in page.waiting],
        "running": [_job(line) for line in page.running],
        "failed": [_job(line) for line in page.failed],
        "approved": page.approved,
        "approvals": page.approvals,
        "review_requests": page.requests,
        "not_exported": page.not_exported,
        "exports": page.exports,
        "bills": {
            "instances": page.bills,
            "per_hour_usd": page.per_hour_usd,
            "price_unknown": page.price_unknown,
        },
        "budget": _budget_facts(page),
        "drift": page.drift,
        "problems": page.problems,
    }


def _budget_facts(page: Overview) -> dict[str, Any] | None:
    from ategnatos.commands.studio import budget_words

    if page.money is None:
        return None
    problem = page.money.problem
    said = None if problem is None else {"code": problem.code.code, "message": problem.message}
    return {"problem": said, **budget_words.facts(page.money)}


def _job(line: JobLine) -> dict[str, Any]:
    return {name: getattr(line, name) for name in line.__slots__}


def _next(page: Overview, trainings: dict[str, Any]) -> tuple[str, ...]:
    steps = []
    if page.problems:
        steps.append("ategnatos doctor")
    if page.drift:
        steps.append("ategnatos grimoire check")
    if page.waiting:
        steps.append(f"ategnatos art show {page.waiting[0].job}")
    if trainings["waiting"]:
        steps.append(f"ategnatos train vote {trainings['waiting'][0]['evaluation']}")
    if page.not_exported:
        steps.append(f"ategnatos art export '{page.not_exported[0]}' --as NAME")
    if page.pack and page.pack != page.program:
        steps.append("ategnatos init --upgrade --dry-run")
    if not page.jobs:
        steps.append("ategnatos art generate 'a red potion, outlined'")
    return tuple(steps)


def _draw(console: Console, page: Overview, trainings: dict[str, Any]) -> None:
    from pathlib import Path

    from rich.text import Text

    from ategnatos.commands.page import Line, Row, draw

    heading = Text(plain(Path(page.root).name), style="bold").append(f"  {plain(page.root)}", "dim")
    console.print(heading, soft_wrap=True)
    console.print()
    rows = []
    for title, style, lines in _rows(page, trainings):
        styles = [style] + [""] * (len(lines) - 1)
        drawn = [Line(line, style) for line, style in zip(lines, styles, strict=True)]
        rows.append(Row(((title, "bold"),), drawn))
    draw(console, rows)


def _rows(page: Overview, trainings: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Title, style of the first line, and lines of each part of the page."""
    if page.problems:
        yield "Problems", "bold red", page.problems
    yield "Waits for you", "yellow" if page.waiting else "", list(_waiting(page))
    yield "Running", "", list(_running(page))
    if lines := list(_training_lines(trainings)):
        yield "Trainings", "yellow" if trainings["waiting"] else "", lines
    if page.failed:
        yield "Failed", "red", list(_listed(page.failed, page.failed_in_all, "failed"))
    yield "Approved", "", [_approved(page)]
    yield "Bills", "bold red" if page.bills else "", list(_bills(page))
    yield from _budget(page)
    yield "Engines", "", list(_engines(page))
    yield "Machine", "", [_machine(page.machine)]
    yield "Record", "yellow" if page.drift else "", list(_record(page))


def _waiting(page: Overview) -> Iterator[str]:
    if not page.waiting:
        yield "nothing"
        return
    pictures = _count(page.pictures_waiting, "picture")
    yield f"{pictures} in {_count(page.waiting_in_all, 'job')}, for your verdict"
    for line in page.waiting[:_SHOWN]:
        yield f"  {line.job}  {_count(line.pictures, 'picture')}  {_short(line.prompt)}"
    yield from _rest(page.waiting_in_all)
    for one in page.requests[:_SHOWN]:
        yield f"  please look at {one['candidate']}: {_short(one['note'])} ({one['actor']})"
    if len(page.requests) > _SHOWN:
        yield f"  and {len(page.requests) - _SHOWN} more requests: ategnatos art list"


def _running(page: Overview) -> Iterator[str]:
    at_work = [line for line in page.running if line.at_work]
    queued = [line for line in page.running if not line.at_work]
    if not page.running:
        yield "nothing"
    if at_work:
        yield from _listed(at_work, len(at_work), "being made")
    if queued:
        line = "in the line; 'ategnatos jobs work' carries them on"
        yield from _listed(queued, page.running_in_all - len(at_work), line)


def _training_lines(trainings: dict[str, Any]) -> Iterator[str]:
    for run in trainings["running"][:_SHOWN]:
        yield f"{run['run']} {run['says']}: step {run['step']} of {run['steps']}"
    for one in trainings["waiting"][:_SHOWN]:
        votes = _count(one["votes"], "vote")
        yield f"{one['evaluation']} waits for your choice ({votes}): ategnatos train vote"
    if trainings["problem"]:
        yield trainings["problem"]


def _listed(lines: list[JobLine], in_all: int, what: str) -> Iterator[str]:
    yield f"{_count(in_all, 'job')} {what}"
    for line in lines[:_SHOWN]:
        yield f"  {line.job}  {line.engine}  {_short(line.prompt)}{_how_far(line)}"
    yield from _rest(in_all)


def _how_far(line: JobLine) -> str:
    if line.progress is not None and line.progress.get("total"):
        return f"  {100 * line.progress['done'] // line.progress['total']} %"
    return f"  ({line.why})" if line.why else ""


def _rest(in_all: int) -> Iterator[str]:
    if in_all > _SHOWN:
        yield f"  and {in_all - _SHOWN} more: ategnatos art list"


def _approved(page: Overview) -> str:
    if not page.approved:
        return "nothing yet"
    worth = ", ".join(f"{number} {kind}" for kind, number in sorted(page.approvals.items()))
    judged = sum(page.approvals.values())
    if judged < page.approved:
        worth = f"of the newest {judged}: {worth}; all: ategnatos gate verify"
    text = f"{_count(page.approved, 'picture')} ({worth})"
    text += f", {_count(page.exports, 'file')} in exports/"
    if page.not_exported:
        text += f"; not exported yet: {', '.join(page.not_exported[:_SHOWN])}"
    return text


def _bills(page: Overview) -> Iterator[str]:
    if not page.bills:
        yield "nothing costs money now"
        return
    total = f"{page.per_hour_usd} dollars an hour"
    if page.price_unknown:
        total += f", and {_count(page.price_unknown, 'machine')} at a price nobody wrote down"
    yield total
    for one in page.bills:
        cost = one["cost_per_hour"] or "?"
        yield f"  {one['id']}  {one['provider']}  {one['gpu']}  {one['status']}  {cost}/h"


def _budget(page: Overview) -> Iterator[tuple[str, str, list[str]]]:
    if page.money is None:
        return
    problem = page.money.problem
    if problem is not None:
        yield "Budget", "bold red", [problem.message, problem.hint]
        return
    from ategnatos.commands.studio import budget_words

    lines = list(budget_words.used(page.money))
    if page.money.unclear:
        what = _count(len(page.money.unclear), "call")
        lines.append(f"{what} with an unknown end, still counted: ategnatos studio budget show")
    yield "Budget", "bold red" if page.money.unclear else "", lines


def _engines(page: Overview) -> Iterator[str]:
    if not page.engines:
        yield "none installed: install the program again"
    for engine in page.engines:
        if not engine.ok:
            yield f"{engine.name}: does not load: {engine.message} {engine.hint}"
        else:
            named = engine.label.startswith(engine.name)
            yield engine.label if named else f"{engine.name}: {engine.label}"


def _machine(facts: dict[str, Any]) -> str:
    gpu = facts["gpu"] or "GPU not looked for yet (ategnatos doctor looks)"
    return (
        f"{facts['system']} {facts['architecture']}, {_count(facts['cores'], 'core')},"
        f" {facts['memory_gib']:g} GiB memory, {facts['disk_free_gib']:g} GiB disk free; {gpu}"
        + (f", CUDA {facts['cuda']}" if facts["cuda"] else "")
    )


def _record(page: Overview) -> Iterator[str]:
    if not page.drift:
        yield "pages and record agree"
    for one in page.drift:
        yield f"{one['page']}: {one['why']}"
    if page.pack and page.pack != page.program:
        yield f"skill pack of {page.pack}; this program brings {page.program}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:57]}..."
