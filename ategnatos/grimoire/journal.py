"""The journal: what happened, in order, each line bound to the one before it.

One event a line, canonical JSON. ``previous`` is the SHA-256 of the line before, so that a
changed, removed or inserted line breaks the chain; ``journal.head`` remembers the last line, so
that a changed or removed *last* line is seen too. Taste, history, spend and every page are
projections of this file. Reading imports neither pydantic nor filelock.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import canonical_json, explained, sha256_bytes, sync_file, write_all
from ategnatos.grimoire.journal_file import (
    Tail,
    read_tail,
    set_torn_aside,
    write_head,
)
from ategnatos.grimoire.outgoing import redacted
from ategnatos.grimoire.project import MARKER, Project

if TYPE_CHECKING:
    from ategnatos.grimoire.journal_check import JournalReport

JOURNAL_CORRUPT = ErrorCode("journal_corrupt", "The journal holds a line that is not its own.")
EVENT_UNKNOWN = ErrorCode("event_unknown", "A reference names an event that never happened.")

FIRST_PREVIOUS = "0" * 64
# How much of the journal is searched at once, in bytes.
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    ``id`` is ``e`` and eight digits, counted from 1 without gaps. ``time`` is ISO-8601 in UTC.
    ``references`` name what it is about (a job, a file hash, another event); ``data`` are facts.
    ``previous`` is the SHA-256 of the line before (64 zeros for the first).
    """

    id: str
    time: str
    kind: str
    actor: str
    references: dict[str, Any]
    data: dict[str, Any]
    previous: str

    def line(self) -> bytes:
        """The event as it stands in the file, without the newline."""
        return canonical_json({name: getattr(self, name) for name in self.__slots__})

    def sha256(self) -> str:
        """The hash of its line: what the next event names as ``previous``."""
        return sha256_bytes(self.line())


def append(
    project: Project,
    kind: str,
    *,
    actor: str,
    references: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    now: datetime | None = None,
) -> Event:
    """Add one event; when this returns it is on the disk.

    ``now`` is an aware time (default: the clock). A last line that a crash left unfinished is
    first moved aside, and the repair is an event of its own (``journal_repaired``). Every value
    of ``references`` under the key ``event`` or one ending in ``_event`` must be the id of an
    earlier event. Credentials in ``references`` and ``data`` are masked first: what is returned
    is what stands in the journal.

    Raises StudioError: ``event_unknown``, ``journal_corrupt``, ``not_json``, ``locked``,
    ``disk_full``, ``write_failed``; the journal then stands as before.
    """
    from ategnatos.grimoire.locks import hold

    references, data = redacted(references or {}), redacted(data or {})
    path = f"{project.root}/{MARKER}/journal.jsonl"
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    with hold(project, "journal"), explained(path, "The event was not recorded."):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
        try:
            tail = read_tail(project, descriptor)
            number = _last_number(project, tail) + 1
            _refuse_unknown_events(references, number)
            if tail.torn:
                repair = set_torn_aside(project, descriptor, tail, moment)
                repaired = _event(number, moment, "journal_repaired", "ategnatos", {}, repair, tail)
                tail = _write(project, descriptor, tail, repaired, number)
                number += 1
            event = _event(number, moment, kind, actor, references, data, tail)
            _write(project, descriptor, tail, event, number)
        finally:
            os.close(descriptor)
    return event


def read(project: Project, kinds: Collection[str] | None = None) -> Iterator[Event]:
    """Every whole event in order, or only those of ``kinds``; a torn last line is left out.

    Takes no lock: a line that is being written is simply not seen yet. Raises StudioError
    (``journal_corrupt``) at a line that is not an event.
    """
    wanted = None if kinds is None else [f'"kind":"{kind}"'.encode() for kind in kinds]
    # Cheaper than parsing, and never wrong: the text may stand elsewhere too, the kind is compared
    # after parsing.
    for number, line in lines(project) if wanted is None else lines_with(project, wanted):
        event = parse(line)
        if event is None:
            raise corrupt(project, number)
        if kinds is None or event.kind in kinds:
            yield event


def verify(project: Project) -> JournalReport:
    """Read the whole journal and name every line that is not what was written."""
    from ategnatos.grimoire import journal_check

    return journal_check.verify(project)


def lines(project: Project) -> Iterator[tuple[int, bytes]]:
    """Number (from 1) and bytes of every line that ends in a newline, without it."""
    try:
        file = project.journal_path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                yield number, line[:-1]


def lines_with(project: Project, marks: Collection[bytes]) -> Iterator[tuple[int, bytes]]:
    """Those of :func:`lines` that hold one of ``marks``; a long journal is searched, not walked.

    No mark holds a newline, and none is empty.
    """
    try:
        file = project.journal_path.open("rb")
    except FileNotFoundError:
        return
    before = 0
    with file:
        while piece := file.read(_PIECE):
            piece += file.readline()
            # Where each mark stands next; a mark that stands nowhere any more is left out.
            ahead = {mark: piece.find(mark) for mark in marks}
            counted, number = 0, before
            while ahead := {mark: place for mark, place in ahead.items() if place >= 0}:
                place = min(ahead.values())
                start, end = piece.rfind(b"\n", 0, place) + 1, piece.find(b"\n", place)
                if end < 0:
                    return
                number += piece.count(b"\n", counted, start)
                counted = start
                yield number + 1, piece[start:end]
                for mark, seen in ahead.items():
                    if seen < end:
                        ahead[mark] = piece.find(mark, end)
            before += piece.count(b"\n")


def parse(line: bytes) -> Event | None:
    """The event that ``line`` says, or None where it says none."""
    try:
        fields = json.loads(line)
        event = Event(**fields)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (event.id, event.time, event.kind, event.actor, event.previous)
    sound = all(isinstance(text, str) for text in texts)
    if not (sound and isinstance(event.references, dict) and isinstance(event.data, dict)):
        return None
    return event


def corrupt(project: Project, line: int) -> StudioError:
    """The refusal to read past a line that is no event."""
    return StudioError(
        JOURNAL_CORRUPT,
        f"Line {line} of {project.journal_path} is not an event; reading stopped there.",
        hint="See what is wrong with 'ategnatos grimoire verify', then bring it back"
        " with 'ategnatos grimoire restore journal'.",
        line=line,
    )


def event_number(event_id: str) -> int | None:
    """The place of an event id in the journal, from 1; None where it is not an id."""
    digits = event_id[1:]
    if event_id[:1] != "e" or len(digits) < 8 or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits)


def _event(
    number: int,
    moment: datetime,
    kind: str,
    actor: str,
    references: dict[str, Any],
    data: dict[str, Any],
    after: Tail,
) -> Event:
    return Event(
        id=f"e{number:08d}",
        time=moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        kind=kind,
        actor=actor,
        references=references,
        data=data,
        previous=sha256_bytes(after.last_line) if after.last_line else FIRST_PREVIOUS,
    )


def _write(project: Project, descriptor: int, tail: Tail, event: Event, number: int) -> Tail:
    line = event.line()
    try:
        write_all(descriptor, line + b"\n")
        sync_file(descriptor)
    except OSError:
        # A line half written would be a torn tail for the next reader: take it back.
        os.ftruncate(descriptor, tail.end)
        raise
    write_head(project, number, sha256_bytes(line), created=number == 1)
    return Tail(line, tail.end + len(line) + 1, b"", None)


def _last_number(project: Project, tail: Tail) -> int:
    last = parse(tail.last_line) if tail.last_line else None
    number = event_number(last.id) if last is not None else None
    if tail.last_line and number is None:
        why = "its last line is not an event"
    elif tail.head is not None and tail.head.number > (number or 0):
        why = f"it ends at event {number or 0} though {tail.head.number} were recorded"
    elif (
        tail.head is not None
        and tail.head.number == number
        and tail.head.sha256 != sha256_bytes(tail.last_line)
    ):
        why = f"its last event ({last.id if last else ''}) was changed after it was recorded"
    else:
        return number or 0
    raise StudioError(
        JOURNAL_CORRUPT,
        f"{project.journal_path} was changed by something else: {why}. Nothing was recorded.",
        hint="See 'ategnatos grimoire verify', then bring the journal back with"
        " 'ategnatos grimoire restore journal'.",
    )


def _refuse_unknown_events(references: dict[str, Any], next_number: int) -> None:
    for key, value in references.items():
        if key != "event" and not key.endswith("_event"):
            continue
        number = event_number(value) if isinstance(value, str) else None
        if number is None or not 1 <= number < next_number:
            raise StudioError(
                EVENT_UNKNOWN,
                f"The reference {key} names {value!r}, and there is no such event;"
                " nothing was recorded.",
                hint="Refer to an event of this journal; the newest is"
                f" {f'e{next_number - 1:08d}' if next_number > 1 else 'not there yet'}.",
                reference=key,
            )
