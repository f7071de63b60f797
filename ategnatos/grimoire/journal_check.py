"""Is the journal still what was written? And what can be saved of one that is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ategnatos.grimoire import journal
from ategnatos.grimoire.files import explained, sha256_bytes, write_atomic
from ategnatos.grimoire.journal_file import read_head, write_head
from ategnatos.grimoire.locks import hold
from ategnatos.grimoire.project import Project


@dataclass(frozen=True, slots=True)
class JournalProblem:
    """What is wrong at one line, counted from 1."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What a reading of the whole journal found.

    ``events`` counts whole lines. ``torn_bytes`` follow the last of them: a crash cut an event
    off, which was never confirmed; the next append moves them aside. ``set_aside`` names the
    files where earlier ones are kept.
    """

    events: int
    last_id: str
    problems: tuple[JournalProblem, ...]
    torn_bytes: int
    set_aside: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether every event is what was written; a torn tail does not count against it."""
        return not self.problems


def verify(project: Project) -> JournalReport:
    """Read every line and check number, shape and chain, and the last one against the head.

    Raises OSError where the file cannot be read.
    """
    problems: list[JournalProblem] = []
    previous, last_id, count, size = journal.FIRST_PREVIOUS, "", 0, 0
    for number, line in journal.lines(project):
        problems += _problems_of(number, line, previous)
        event = journal.parse(line)
        last_id = event.id if event is not None else last_id
        previous, count, size = sha256_bytes(line), number, size + len(line) + 1
    head = read_head(project)
    if head is not None and head.number > count:
        problems.append(
            JournalProblem(count, f"it ends here, but {head.number} events were recorded")
        )
    elif head is not None and head.number == count and count and head.sha256 != previous:
        problems.append(JournalProblem(count, "this last line was changed after it was written"))
    whole = project.journal_path.stat().st_size if project.journal_path.exists() else 0
    return JournalReport(
        events=count,
        last_id=last_id,
        problems=tuple(problems),
        torn_bytes=max(whole - size, 0),
        set_aside=tuple(sorted(p.name for p in project.state.glob("journal.torn-*"))),
    )


def salvage(project: Project, *, actor: str, now: datetime | None = None) -> tuple[int, str]:
    """Keep the events before the first broken line and set the damaged journal aside.

    Returns how many events were kept and the name of the file that holds the damaged one. The
    salvage itself becomes an event. Raises StudioError (``locked``, ``disk_full``,
    ``write_failed``).
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    path = project.journal_path
    aside = project.state / f"journal.damaged-{moment.strftime('%Y%m%dT%H%M%S%fZ')}"
    with hold(project, "journal"), explained(path, "The journal is as it was before."):
        kept = list(_unbroken(project))
        head = read_head(project)
        if head and kept and head.number == len(kept) and head.sha256 != sha256_bytes(kept[-1]):
            kept.pop()
        content = path.read_bytes()
        lost = content.count(b"\n") - len(kept)
        write_atomic(aside, content)
        write_atomic(path, b"".join(line + b"\n" for line in kept))
        if kept:
            write_head(project, len(kept), sha256_bytes(kept[-1]))
        elif (project.state / "journal.head").exists():
            os.unlink(project.state / "journal.head")  # noqa: PTH108
    journal.append(
        project,
        "journal_salvaged",
        actor=actor,
        references={"file": aside.name, "sha256": sha256_bytes(content)},
        data={"events_kept": len(kept), "lines_lost": lost},
        now=moment,
    )
    return len(kept), aside.name


def _unbroken(project: Project) -> Iterator[bytes]:
    previous = journal.FIRST_PREVIOUS
    for number, line in journal.lines(project):
        if _problems_of(number, line, previous):
            return
        previous = sha256_bytes(line)
        yield line


def _problems_of(number: int, line: bytes, previous: str) -> list[JournalProblem]:
    event = journal.parse(line)
    if event is None:
        return [JournalProblem(number, "this line is not an event")]
    found: list[JournalProblem] = []
    if event.id != f"e{number:08d}":
        found.append(JournalProblem(number, f"it is {event.id[:40]!r} where e{number:08d} was due"))
    if event.previous != previous:
        what = (
            "the line before was changed, removed or inserted" if number > 1 else "it is no first"
        )
        found.append(JournalProblem(number, f"its chain is broken: {what}"))
    return found
