"""``grimoire check``, ``render`` and ``verify``: is the record what was written?"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.drift import Drift
    from ategnatos.grimoire.journal_check import JournalReport
    from ategnatos.grimoire.manifest import ExportProblem

RECORD_DRIFTED = ErrorCode("record_drifted", "A document or its page is not as recorded.")
RECORD_BROKEN = ErrorCode("record_broken", "The journal or an export is not what was written.")

Names = Annotated[list[str] | None, typer.Argument(help="Documents; without any: all.")]

# How many lines of a difference people are shown; --json has all.
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the grimoire room."""
    command(app, "check", example="ategnatos grimoire check")(check)
    command(app, "render", example="ategnatos grimoire render studio", dry_run=True)(render)
    command(app, "verify", example="ategnatos grimoire verify --json")(verify)


def check(call: Call, names: Names = None) -> Answer:
    """Say which document or page was edited by hand, and which lines; exit 1 if any was."""
    from ategnatos.grimoire import drift

    found = drift.check(call.project(), names or None)
    wrong = [one for one in found if one.state is not drift.State.CLEAN]
    data = {
        "clean": not wrong,
        "documents": [{**asdict(one), "state": one.state.value} for one in found],
    }
    if not wrong:
        return Answer(data, f"All {len(found)} documents and their pages are as recorded.")
    steps = tuple(dict.fromkeys(_step(one) for one in wrong))
    failed = StudioError(
        RECORD_DRIFTED,
        f"{len(wrong)} of {len(found)} documents are not as recorded; nothing was changed.",
        hint=f"Run '{steps[0]}'.",
        documents=[one.document for one in wrong],
    )
    return Answer(data, "\n".join(_lines(wrong)), steps, failed)


def render(call: Call, names: Names = None) -> Answer:
    """Write the pages anew from the record; an edited page is kept beside it as .edited."""
    from ategnatos.grimoire import drift, schemas

    project = call.project()
    wanted = [one for one in names or schemas.names() if schemas.load(one).has_view]
    if call.dry_run:
        stale = [one.document for one in drift.check(project, wanted) if one.state != "clean"]
        return Answer(
            {"dry_run": True, "would_render": stale},
            f"Nothing was written. Not as recorded: {', '.join(stale) or 'none'}.",
        )
    done = [one for one in (drift.render(project, name) for name in wanted) if one is not None]
    root = project.root
    data = [
        {
            "document": one.document,
            "view": str(one.view.relative_to(root)),
            "edited": str(one.edited.relative_to(root)) if one.edited else None,
            "adopted": one.adopted,
        }
        for one in done
    ]
    for row in data:
        if row["edited"]:
            call.warn(f"{row['view']} had been edited; that text is kept in {row['edited']}.")
        if row["adopted"]:
            call.warn(f"The hand edit of the document {row['document']!r} was taken over.")
    return Answer(
        {"dry_run": False, "rendered": data},
        f"Rendered {', '.join(str(row['view']) for row in data) or 'nothing'}.",
    )


def verify(call: Call) -> Answer:
    """Check the journal's chain, the hash of every exported file, and who approved it."""
    from ategnatos.grimoire import content, journal
    from ategnatos.guard.gate import audit, book

    project = call.project()
    report = journal.verify(project)
    exports = content.verify_exports(project)
    given, gate_problem = book.for_display(project)
    approvals = list(audit.exports(project, given))
    named = {one.path for one in exports}
    unapproved = [
        one for one in approvals if one.standing is audit.Standing.BROKEN and one.about not in named
    ]
    data: dict[str, Any] = {
        "journal": {**asdict(report), "sound": report.sound},
        "exports": {
            "listed": len(content.manifest_read(project).entries),
            "problems": [asdict(one) for one in exports],
            "approvals": Counter(one.standing.value for one in approvals),
            "unapproved": [{"path": one.about, "problem": one.problem} for one in unapproved],
        },
    }
    if gate_problem:
        call.warn(gate_problem)
    if report.torn_bytes:
        call.warn(
            f"The journal ends in {report.torn_bytes} bytes of an event that a crash cut off."
            " It was never confirmed; the next event moves them aside."
        )
    if report.set_aside:
        call.warn(f"Cut-off events of earlier crashes are kept: {', '.join(report.set_aside)}.")
    if report.sound and not exports and not unapproved:
        return Answer(
            data,
            f"The journal's {report.events} events are what was written, and so is every one of"
            f" {data['exports']['listed']} exported files.",
        )
    steps = ("ategnatos grimoire restore journal",) if not report.sound else ()
    failed = StudioError(
        RECORD_BROKEN,
        f"{len(report.problems)} places in the journal and {len(exports) + len(unapproved)}"
        " exports are not what was written or approved; nothing was changed.",
        hint="Look at them, then bring a backup back with 'ategnatos grimoire restore --all'"
        " (exports) or 'ategnatos grimoire restore journal'.",
    )
    lines = _problems(report, exports)
    lines += [f"{one.about}: its approval does not count: {one.problem}" for one in unapproved]
    return Answer(data, "\n".join(lines), steps, failed)


def _step(drift: Drift) -> str:
    verbs = {"damaged": "restore", "handwritten": "migrate"}
    from ategnatos.grimoire import schemas

    schema = schemas.load(drift.document)
    verb = verbs.get(drift.state.value, "render")
    own = f"{schema.name}.json" if schema.location is None else schema.location.rpartition("/")[2]
    if not schema.by_hand and any(line.file == own for line in drift.differences):
        # Evidence that was changed by hand is not taken over: it is brought back.
        verb = "restore"
    return f"ategnatos grimoire {verb} {drift.document}"


def _lines(wrong: list[Drift]) -> list[str]:
    lines: list[str] = []
    for one in wrong:
        lines.append(f"{one.document}: {one.message}")
        for line in one.differences[:_SHOWN]:
            lines.append(f"  {line.file}:{line.line}")
            lines += [f"    recorded: {line.was}"] if line.was is not None else []
            lines += [f"    now:      {line.now}"] if line.now is not None else []
        if len(one.differences) > _SHOWN:
            lines.append(f"  and {len(one.differences) - _SHOWN} more lines")
    return lines


def _problems(report: JournalReport, exports: list[ExportProblem]) -> list[str]:
    lines = [f"journal line {one.line}: {one.problem}" for one in report.problems[:_SHOWN]]
    if len(report.problems) > _SHOWN:
        lines.append(f"and {len(report.problems) - _SHOWN} more lines of the journal")
    return lines + [f"{one.path}: {one.problem}" for one in exports]
