"""A wish that a person look at a candidate: anybody may voice it, and it decides nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

REVIEW_NOTE = ErrorCode("review_note", "The note of a request is empty or too long.")

EVENT_KIND = "art.review_requested"
LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """One wish. ``candidate`` is such as ``j7#2``, ``event`` its id in the journal."""

    candidate: str
    note: str
    actor: str
    time: str
    event: str


def ask(project: Project, candidate: str, note: str, *, actor: str, now: datetime) -> ReviewRequest:
    """Write a wish down; the same wish again is the one that stands.

    The caller has checked that the candidate has no verdict yet. Raises StudioError
    (``review_note``).
    """
    note = " ".join(note.split())
    if not 0 < len(note) <= LONGEST_NOTE:
        raise StudioError(
            REVIEW_NOTE,
            f"A note has 1 to {LONGEST_NOTE} characters, this one {len(note)}; nobody was asked.",
            hint=f"Say in one sentence what to look at: ategnatos art request-review '{candidate}'"
            " --note 'is the outline right?'",
        )
    for standing in waiting(project, {candidate}):
        if (standing.note, standing.actor) == (note, actor):
            return standing
    event = journal.append(
        project,
        EVENT_KIND,
        actor=actor,
        references={"candidate": candidate},
        data={"note": note},
        now=now,
    )
    return _request(event)


def waiting(project: Project, undecided: Collection[str]) -> list[ReviewRequest]:
    """The wishes about candidates that have no verdict yet, oldest first.

    Raises StudioError (``journal_corrupt``).
    """
    return [one for one in voiced(project) if one.candidate in undecided] if undecided else []


def voiced(project: Project) -> list[ReviewRequest]:
    """Every wish, whatever became of its candidate, oldest first.

    Raises StudioError (``journal_corrupt``).
    """
    return [_request(event) for event in journal.read(project, {EVENT_KIND})]


def _request(event: journal.Event) -> ReviewRequest:
    return ReviewRequest(
        str(event.references.get("candidate")),
        str(event.data.get("note")),
        event.actor,
        event.time,
        event.id,
    )
