"""A person's verdict on one candidate: bound to the bytes that were shown, given once.

The journal is written first and the database follows it. A process killed between the two
leaves a verdict in the journal that :func:`settle` carries into the database before anything
else is asked of that candidate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.locks import hold
from ategnatos.guard import gate

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

BYTES_CHANGED = ErrorCode("bytes_changed", "The file's bytes are not the ones that were made.")
FILE_GONE = ErrorCode("file_gone", "The candidate's file is not on disk.")
REASON = ErrorCode("reason", "A rejection needs a reason.")

EVENT_KIND = "art.verdict"
# "unsigned": the gate asked at a terminal, no key was involved.
GATE = "unsigned"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A recorded verdict: ``event`` is its id in the journal."""

    candidate: str
    sha256: str
    verdict: str
    reason: str | None
    event: str


def approve(
    project: Project, job_id: int, number: int, *, actor: str, now: Callable[[], datetime]
) -> Verdict:
    """Ask the person at the terminal to approve one candidate; record the answer.

    Raises StudioError (``needs_person``, ``not_confirmed``, ``verdict_final``,
    ``bytes_changed``, ``file_gone``, ``job_unknown``); nothing is recorded then.
    """
    return _ask_and_record(project, job_id, number, store.APPROVED, None, actor, now)


def reject(
    project: Project,
    job_id: int,
    number: int,
    reason: str,
    *,
    actor: str,
    now: Callable[[], datetime],
) -> Verdict:
    """Ask the person at the terminal to reject one candidate, for ``reason``.

    Raises StudioError as :func:`approve` does, and ``reason`` for an empty one.
    """
    if not reason.strip():
        raise StudioError(
            REASON,
            "A rejection needs a reason: it is what the next try learns from. "
            "Nothing was recorded.",
            hint=f"ategnatos art reject 'j{job_id}#{number}' --because 'too dark'",
        )
    return _ask_and_record(project, job_id, number, store.REJECTED, reason.strip(), actor, now)


def record_choice(
    project: Project,
    job_id: int,
    number: int,
    verdict: str,
    *,
    sha256: str,
    reason: str | None,
    actor: str,
    now: Callable[[], datetime],
) -> Verdict:
    """Record a verdict that a person has just typed at the gate, for the bytes shown there.

    Raises StudioError (``verdict_final``, ``bytes_changed``, ``file_gone``).
    """
    # One verdict at a time in a studio: the check and the two records belong together.
    with hold(project, "verdicts"), database.connect(project) as db:
        settle(project, db, job_id, number)
        candidate = still_open(project, db, job_id, number)
        if candidate.sha256 != sha256:
            raise _changed(candidate.reference, sha256, candidate.sha256)
        event = journal.append(
            project,
            EVENT_KIND,
            actor=actor,
            references={"candidate": candidate.reference, "sha256": sha256},
            data={"verdict": verdict, "reason": reason, "gate": GATE},
            now=now(),
        )
        store.decide(
            db,
            job_id,
            number,
            verdict,
            sha256=sha256,
            event=event.id,
            reason=reason,
            now=event.time,
        )
    return Verdict(candidate.reference, sha256, verdict, reason, event.id)


def open_candidate(project: Project, job_id: int, number: int) -> store.Candidate:
    """The candidate, if it may take a verdict now. Raises StudioError as :func:`approve` does."""
    with database.connect(project) as db:
        settle(project, db, job_id, number)
        return still_open(project, db, job_id, number)


def settle(project: Project, db: Database, job_id: int, number: int) -> None:
    """Carry a verdict that only the journal holds into the database."""
    candidate = store.get_candidate(db, job_id, number)
    if candidate.verdict is not None:
        return
    for event in journal.read(project, kinds={EVENT_KIND}):
        names = event.references
        if names.get("candidate") == candidate.reference and names["sha256"] == candidate.sha256:
            store.decide(
                db,
                job_id,
                number,
                event.data["verdict"],
                sha256=candidate.sha256,
                event=event.id,
                reason=event.data.get("reason"),
                now=event.time,
            )
            return


def still_open(project: Project, db: Database, job_id: int, number: int) -> store.Candidate:
    """The candidate, if it may take a verdict: none yet, and its bytes are as recorded.

    Raises StudioError (``verdict_final``, ``bytes_changed``, ``file_gone``).
    """
    candidate = store.get_candidate(db, job_id, number)
    if candidate.verdict is not None:
        raise store.final_verdict(candidate)
    verify_bytes(project, candidate)
    return candidate


def verify_bytes(project: Project, candidate: store.Candidate) -> None:
    """Check a candidate's file against its hash. Raises StudioError (``bytes_changed``, ...)."""
    path = project.root / candidate.path
    if not path.is_file():
        raise StudioError(
            FILE_GONE,
            f"The file of {candidate.reference} ({candidate.path}) is not on disk; "
            "nothing was done.",
            hint=f"Make it again: run the command of 'ategnatos art show j{candidate.job}'.",
            candidate=candidate.reference,
        )
    found = sha256_file(path)
    if found != candidate.sha256:
        raise _changed(candidate.reference, found, candidate.sha256)


def _changed(reference: str, found: str, recorded: str) -> StudioError:
    return StudioError(
        BYTES_CHANGED,
        f"The file of {reference} is not the one that was made: its hash is {found[:16]}, the "
        f"record says {recorded[:16]}. Nothing was recorded.",
        hint="Run its 'art generate' command again: a changed file is made anew.",
        candidate=reference,
        found=found,
        recorded=recorded,
    )


def _ask_and_record(
    project: Project,
    job_id: int,
    number: int,
    verdict: str,
    reason: str | None,
    actor: str,
    now: Callable[[], datetime],
) -> Verdict:
    with database.connect(project) as db:
        settle(project, db, job_id, number)
        candidate = still_open(project, db, job_id, number)
        prompt = store.get(db, job_id).asked
    word = {store.APPROVED: "approve", store.REJECTED: "reject"}[verdict]
    because = "" if reason is None else f" --because {reason!r}"
    answer = gate.ask(
        [
            f"{candidate.reference}: {prompt}",
            f"  file   {project.root / candidate.path}",
            f"  hash   {candidate.sha256}",
            *([] if reason is None else [f"  reason {reason}"]),
            f"Your verdict is final for these bytes: {word}?",
        ],
        "yes or no:",
        ("yes", "no"),
        redo=f"ategnatos art {word} '{candidate.reference}'{because}",
    )
    if answer != "yes":
        raise StudioError(
            gate.NOT_CONFIRMED,
            f"You said no: {candidate.reference} has no verdict yet.",
            hint=f"See it again: ategnatos art sheet j{job_id}",
        )
    return record_choice(
        project,
        job_id,
        number,
        verdict,
        sha256=candidate.sha256,
        reason=reason,
        actor=actor,
        now=now,
    )
