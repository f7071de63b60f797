"""``gate status`` and ``gate verify``: how the gate stands, and what each verdict is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.guard.gate.audit import Report
    from ategnatos.guard.gate.trust import Trust

VERDICTS_BROKEN = ErrorCode("verdicts_broken", "A verdict on record is not what a person gave.")
FOUNDER_DIFFERS = ErrorCode("founder_differs", "The studio was founded by another key.")

_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the house command."""
    command(app, "status", example="ategnatos gate status")(status)
    command(app, "verify", example="ategnatos gate verify --json")(verify)


def status(call: Call) -> Answer:
    """Signed or unsigned, who may sign, your own key, and what is unlocked."""
    from ategnatos.guard.gate import keyfile, statements, trust, unlocked_client

    approvers = trust.load(call.project())
    mode = "unsigned" if approvers is None else "signed" if approvers.signing else "left"
    mine: dict[str, Any] | None = None
    if keyfile.path().exists():
        key = keyfile.load()
        found = None if approvers is None else approvers.approver(key.public)
        mine = {
            "file": str(key.path),
            "name": key.name,
            "fingerprint": statements.fingerprint(key.public),
            "approver": found is not None and found.active,
        }
    unlocked = unlocked_client.unlocked()
    names = [] if approvers is None else [one.name for one in approvers.active()]
    known = approvers is None or bool(approvers.pins)

    def words(console: Console) -> None:
        said = {
            "unsigned": "Verdicts are unsigned: they need a terminal, and no key.",
            "left": "Signed mode was left: verdicts are unsigned again.",
            "signed": f"Only signed verdicts count. Approvers: {', '.join(names)}.",
        }
        console.print(plain(said[mode]))
        if not known:
            console.print("This account does not know them yet: 'ategnatos gate trust'.")
        if mine is None:
            console.print("This account has no key.")
        else:
            role = "an approver here" if mine["approver"] else "no approver here"
            console.print(plain(f"Your key: {mine['fingerprint']}, {role} ({mine['file']})"))
        for one in unlocked:
            where = "in this terminal" if one["here"] else "in another terminal"
            console.print(f"Unlocked {where} until {plain(str(one['until']))}.")
        if not unlocked:
            console.print("No key is unlocked.")

    steps = () if mode == "signed" else ("ategnatos gate init",)
    if not known:
        steps = ("ategnatos gate trust",)
    return Answer(
        {"mode": mode, "approvers": names, "known": known, "key": mine, "unlocked": unlocked},
        words,
        steps,
    )


def verify(
    call: Call,
    founder: Annotated[
        str | None,
        typer.Option(
            "--founder",
            help="The first approver's fingerprint, for a machine that does not know the studio.",
        ),
    ] = None,
) -> Answer:
    """Check every verdict of the studio: signed, unsigned or broken; exit 1 if any is broken."""
    from ategnatos.guard.gate import audit, trust

    project = call.project()
    approvers = trust.load(project) if founder else trust.known(project)
    if founder:
        _check_founder(approvers, founder)
    report = audit.audit(project, approvers)
    counts = report.counts()
    data = {
        "mode": "unsigned" if approvers is None else "signed" if approvers.signing else "left",
        "counts": counts,
        "broken": [
            {"where": one.where, "about": one.about, "problem": one.problem}
            for one in report.broken
        ],
    }
    if not report.broken:
        return Answer(data, lambda console: _draw(console, report))
    failed = StudioError(
        VERDICTS_BROKEN,
        f"{len(report.broken)} of {len(report.lines)} records do not hold; none of them counts.",
        hint="What is broken stays refused. Bring the record back from a backup ('ategnatos"
        " grimoire backup --list'), or have the person give the verdict again.",
        broken=len(report.broken),
    )
    return Answer(data, lambda console: _draw(console, report), failed=failed)


def _check_founder(approvers: Trust | None, founder: str) -> None:
    from ategnatos.guard.gate import statements

    found = "nobody" if approvers is None else statements.fingerprint(approvers.approvers[0].key)
    if found != founder:
        raise StudioError(
            FOUNDER_DIFFERS,
            f"This studio was founded by {found}, not by {founder}; no verdict was looked at.",
            hint="Ask the first approver for the fingerprint in their 'ategnatos gate list'.",
            found=found,
        )


def _draw(console: Console, report: Report) -> None:
    for where, counts in report.counts().items():
        told = ", ".join(f"{number} {standing}" for standing, number in sorted(counts.items()))
        console.print(f"{where:<10} {told}")
    if not report.lines:
        console.print("No verdict was given yet.")
    for one in report.broken[:_SHOWN]:
        console.print(plain(f"  broken: {one.where} {one.about}: {one.problem}"))
    if len(report.broken) > _SHOWN:
        console.print(f"  and {len(report.broken) - _SHOWN} more (--json has all)")
