"""``ategnatos doctor``: every check, what it means, and the command that mends it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.page import Line, Row, draw
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.project import Project
    from ategnatos.studio.doctor import Report

app = room()

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "failed": ("FAILED", "bold red")}


@command(app, "doctor", example="ategnatos doctor", dry_run=True)
def doctor(call: Call) -> Answer:
    """Check everything, and say what mends what is wrong. Exits 1 if a check failed.

    It changes nothing but one thing: what it learns of the GPU goes into the studio's record.
    """
    from ategnatos.studio.doctor import examine

    project = _project(call)
    report = examine(project, remember=not call.dry_run)
    if project is None:
        call.warn("There is no studio here, so only the machine was looked at.")
    return Answer(
        data=_data(project, report),
        words=lambda console: _draw(console, report),
        next_steps=("ategnatos init my-studio",) if project is None else (),
        failed=report.verdict(),
    )


def _project(call: Call) -> Project | None:
    """The studio; None where none was named and none is here."""
    from ategnatos.grimoire.project import NO_PROJECT

    try:
        return call.project()
    except StudioError as error:
        if error.code is not NO_PROJECT or call.project_option is not None:
            raise
        return None


def _data(project: Project | None, report: Report) -> dict[str, Any]:
    counts = dict.fromkeys(_MARKS, 0)
    for finding in report.findings:
        counts[finding.outcome.value] += 1
    return {
        "studio": None if project is None else str(project.root),
        "gpus": [asdict(one) for one in report.gpus],
        "counts": counts,
        "checks": [finding.facts() for finding in report.findings],
    }


def _draw(console: Console, report: Report) -> None:
    rows = []
    for finding in report.findings:
        lines = [Line(finding.found)]
        if finding.means:
            lines.append(Line(finding.means, "dim"))
        if finding.mend:
            lines.append(Line(f"-> {finding.mend}", "bold", whole=True))
        rows.append(Row((_MARKS[finding.outcome.value], (finding.check, "")), lines))
    draw(console, rows)
