"""An eye as a file for somebody else, and somebody else's taken in.

What travels are events: the statements and the verdicts behind them, line by line, each with
the hash that its own journal gave it. So two eyes merge by putting their acts together; the
foreign ones stay marked as foreign. A hash shows that a line is what the other studio's file
says, not that it is true there: signatures of verdicts are not checked across studios.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.eye import ledger as ledgers
from ategnatos.eye import record
from ategnatos.eye.acts import IMPORTED_EVENT, RETIRE, STATEMENT_EVENT
from ategnatos.eye.fold import ACTIVE, Conflict, Taste, conflicts, fold
from ategnatos.eye.ledger import Known, Ledger
from ategnatos.eye.wording import wording
from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.outgoing import redacted
from ategnatos.guard.gate.record import VERDICT_EVENT
from ategnatos.knowledge.taste import knowledge

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project

EYE_FILE = ErrorCode("eye_file", "The file is no eye, or it was changed on the way.")
EYE_EMPTY = ErrorCode("eye_empty", "There is no taste to hand on.")

FORMAT = "ategnatos-eye"
VERSION = 1
LARGEST = 8_000_000  # bytes; ten thousand statements are about five million
_TRAVELS = (STATEMENT_EVENT, VERDICT_EVENT)


@dataclass(slots=True)
class Imported:
    """What an import brought, or would bring. ``event`` is None where nothing was new."""

    studio: str
    name: str
    events: int
    event: str | None = None
    added: list[str] = field(default_factory=list)
    strengthened: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    retirements: list[str] = field(default_factory=list)


def export(project: Project, name: str, *, now: datetime) -> dict[str, Any]:
    """This studio's eye as JSON values, foreign evidence included.

    Raises StudioError (``eye_empty``, ``journal_corrupt``).
    """
    ledger = ledgers.read(project)
    if not ledger.acts:
        raise StudioError(
            EYE_EMPTY,
            "The eye holds no preference, so there is nothing to hand on; no file was written.",
            hint="Write one down: ategnatos eye add 'warm light'",
        )
    lines: dict[tuple[str, str, str], Known] = {}
    for act in ledger.acts:
        places = [(one.studio, one.event, one.sha256) for one in act.proofs]
        for at in (*places, (act.studio, act.event, act.sha256)):
            lines[at] = ledger.events[at]
    return {
        "format": FORMAT,
        "version": VERSION,
        "studio": ledger.studio,
        "from": name,
        "exported_at": now.isoformat(timespec="seconds"),
        "events": [_entry(known) for _, known in sorted(lines.items())],
    }


def read_file(path: Path) -> dict[str, Any]:
    """An exported eye, every line held against its hash. Raises StudioError (``eye_file``)."""
    try:
        if not path.is_file():
            raise refused(path, "there is no such file")
        if path.stat().st_size > LARGEST:
            raise refused(path, f"it is larger than {LARGEST} bytes")
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise refused(path, str(error)) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise refused(path, "it is not a file that 'ategnatos eye export' wrote")
    if found.get("version") != VERSION:
        raise refused(
            path, f"its version is {found.get('version')!r}, this program reads {VERSION}"
        )
    studio, name, entries = found.get("studio"), found.get("from"), found.get("events")
    if not (isinstance(studio, str) and isinstance(name, str) and isinstance(entries, list)):
        raise refused(path, "it names no studio or holds no events")
    for place, entry in enumerate(entries, start=1):
        problem = _problem(entry)
        if problem:
            raise refused(path, f"event {place}: {problem}")
    if redacted(found) != found:
        raise refused(path, "it holds a credential")
    return found


def take_in(
    project: Project,
    found: dict[str, Any],
    *,
    actor: str,
    now: datetime,
    dry_run: bool = False,
) -> Imported:
    """Merge an eye of :func:`read_file` into this one; what is known already is not taken twice.

    Raises StudioError (``eye_file`` where it names events of this studio that never were, and
    those of writing).
    """
    before = ledgers.read(project)
    fresh = []
    for entry in found["events"]:
        event = journal.parse(entry["line"].encode())
        assert event is not None
        at = (entry["studio"], event.id, entry["sha256"])
        if at in before.events:
            continue
        if entry["studio"] == before.studio:
            raise refused(
                Path(found["from"]),
                f"it names {event.id} of this studio, and this journal has no such event",
            )
        fresh.append({"studio": entry["studio"], "sha256": entry["sha256"], "line": entry["line"]})
    data = {"from": found["from"], "studio": found["studio"], "events": fresh}
    if dry_run or not fresh:
        return _compared(before, _as_if(project, before, data), data)
    with documents.edit(project, "eye", now=now) as document:
        # In memory first: what does not fit the document must not reach the journal.
        record.refold(document, _as_if(project, before, data))
        documents.validate(type(document), documents.as_payload(document))
        event = journal.append(project, IMPORTED_EVENT, actor=actor, data=data, now=now)
        after = ledgers.read(project)
        record.refold(document, after)
    result = _compared(before, after, data)
    result.event = event.id
    return result


def conflicts_of(ledger: Ledger) -> list[Conflict]:
    """Every pair of preferences that cannot both be followed."""
    numbers = record.numbering(ledger.acts)
    tastes = fold(ledger.acts)
    rows = [
        (numbers[key], taste.identity, wording(taste.identity.text, taste.words, knowledge()).terms)
        for key, taste in tastes.items()
        if taste.standing == ACTIVE
    ]
    return conflicts(sorted(rows, key=lambda row: int(row[0][1:])))


def refused(path: Path, why: str) -> StudioError:
    """The refusal of a file that cannot be taken in."""
    return StudioError(
        EYE_FILE,
        f"{path} cannot be taken in: {why}. Nothing was imported.",
        hint="Ask for the file again, or write a new one there: ategnatos eye export FILE",
    )


def _entry(known: Known) -> dict[str, str]:
    line = ledgers.line_of(known.event)
    return {"studio": known.studio, "sha256": known.sha256, "line": line}


def _problem(entry: Any) -> str:
    fields = ("studio", "sha256", "line")
    if not (isinstance(entry, dict) and all(isinstance(entry.get(one), str) for one in fields)):
        return "it is no studio, hash and line"
    if not entry["studio"]:
        return "it names no studio"
    event = journal.parse(entry["line"].encode("utf-8", "surrogatepass"))
    if event is None or journal.event_number(event.id) is None:
        return "its line is no event"
    if event.kind not in _TRAVELS:
        return f"{event.kind} does not belong to an eye"
    if event.sha256() != entry["sha256"]:
        return f"{event.id} was changed after it was written: its hash is another"
    known = Known(entry["studio"], event, entry["sha256"])
    if event.kind == STATEMENT_EVENT and ledgers.act_of(known, lambda *_: None) is None:
        return f"{event.id} says nothing that the eye can read"
    return ""


def _as_if(project: Project, before: Ledger, data: dict[str, Any]) -> Ledger:
    """The ledger as the import would make it; nothing is written."""
    after = ledgers.read(project, to_write=True)
    event = journal.Event("e00000001", "", IMPORTED_EVENT, "", {}, data, before.studio)
    for known in ledgers.foreign_events(event):
        ledgers.enter(after, known)
    return after


def _compared(before: Ledger, after: Ledger, data: dict[str, Any]) -> Imported:
    old, new = fold(before.acts), fold(after.acts)
    numbers = record.numbering(after.acts)
    result = Imported(str(data["studio"]), str(data["from"]), len(data["events"]))
    for key, name in numbers.items():
        taste = new.get(key)
        if taste is None:
            continue
        if key not in old:
            result.added.append(name)
        elif _count(taste) != _count(old[key]):
            result.strengthened.append(name)
        if _disagree(taste, after.studio):
            result.retirements.append(name)
    result.conflicts = conflicts_of(after)
    return result


def _count(taste: Taste) -> tuple[int, int, int]:
    return taste.confirmations, taste.contradictions, taste.approvals


def _disagree(taste: Taste, studio: str) -> bool:
    """Whether one studio's last word is that it counts, and another's that it does not."""
    last = {act.studio: act.act == RETIRE for act in taste.acts}
    return len(set(last.values())) == 2 and studio in last
