"""A person's verdict on one candidate: bound to the bytes that were shown, given once.

In a studio with keys it is signed; one from before, without a signature, can be signed later by
the same command, and never turned into another. The journal is written first and the database
follows it. A process killed between the two leaves a verdict in the journal that :func:`settle`
carries into the database before anything else is asked of that candidate.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.art import consequences
from ategnatos.art.recipes import origin
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.locks import hold
from ategnatos.guard import gate
from ategnatos.guard.gate import agreement, book, record, trust
from ategnatos.guard.gate.record import Standing

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.book import Book
    from ategnatos.guard.gate.statements import Signed

BYTES_CHANGED = ErrorCode("bytes_changed", "The file's bytes are not the ones that were made.")
FILE_GONE = ErrorCode("file_gone", "The candidate's file is not on disk.")
REASON = ErrorCode("reason", "A rejection needs a reason.")

EVENT_KIND = record.VERDICT_EVENT


@dataclass(frozen=True, slots=True)
class Verdict:
    """A recorded verdict: ``event`` is its id in the journal, ``notes`` what followed from it."""

    candidate: str
    sha256: str
    verdict: str
    reason: str | None
    event: str
    signed: bool = False
    approver: str = ""
    notes: tuple[str, ...] = ()


def approve(
    project: Project, job_id: int, number: int, *, actor: str, now: Callable[[], datetime]
) -> Verdict:
    """Ask the person at the terminal to approve one candidate; record the answer.

    Raises StudioError (``needs_person``, ``not_confirmed``, ``verdict_final``,
    ``bytes_changed``, ``file_gone``, ``job_unknown``, and those of
    :func:`ategnatos.guard.gate.authorise`); nothing is recorded then.
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
    signed: Signed | None = None,
) -> Verdict:
    """Record a verdict that a person has just given at the gate, for the bytes shown there.

    ``signed`` is its statement with the signature, where the studio has keys. Raises StudioError
    (``verdict_final``, ``bytes_changed``, ``file_gone``, ``not_confirmed``).
    """
    # One verdict at a time in a studio: the check and the two records belong together.
    with hold(project, "verdicts"), database.connect(project) as db:
        given = book.read(project)
        agreement.check_still_counts(given.approvers, signed)
        settle(project, db, job_id, number, given)
        candidate = still_open(project, db, job_id, number, verdict, given)
        if candidate.sha256 != sha256:
            raise _changed(candidate.reference, sha256, candidate.sha256)
        event = journal.append(
            project,
            EVENT_KIND,
            actor=actor,
            references={"candidate": candidate.reference, "sha256": sha256},
            data={
                "verdict": verdict,
                "reason": reason,
                "gate": record.UNSIGNED if signed is None else record.SIGNED,
                **({} if signed is None else signed.data()),
            },
            now=now(),
        )
        if candidate.verdict is None:
            store.decide(
                db,
                job_id,
                number,
                verdict,
                sha256=sha256,
                event=event.id,
                reason=event.data["reason"],
                now=event.time,
            )
        approver = "" if signed is None else trust.remember_signature(project, event, signed)
    notes = consequences.of_verdict(project, job_id, verdict, actor=actor, now=now)
    return Verdict(
        candidate.reference, sha256, verdict, reason, event.id, signed is not None, approver, notes
    )


def open_candidate(project: Project, job_id: int, number: int, verdict: str) -> store.Candidate:
    """The candidate, if it may take that verdict now. Raises StudioError as :func:`approve`."""
    given = book.read(project)
    with database.connect(project) as db:
        settle(project, db, job_id, number, given)
        return still_open(project, db, job_id, number, verdict, given)


def settle(
    project: Project,
    db: Database,
    job_id: int,
    number: int,
    given: Book | None = None,
) -> None:
    """Carry a verdict that only the journal holds, and that counts, into the database."""
    candidate = store.get_candidate(db, job_id, number)
    if candidate.verdict is not None:
        return
    found = (given or book.read(project)).of(candidate.reference, candidate.sha256)
    if found is None or found.standing is Standing.BROKEN:
        return
    event = found.event
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


def still_open(
    project: Project,
    db: Database,
    job_id: int,
    number: int,
    verdict: str,
    given: Book,
) -> store.Candidate:
    """The candidate, if it may take ``verdict`` now, and its bytes are as recorded.

    It may when it has none yet; and where it has just that one, without a signature, in a
    studio that signs. Raises StudioError (``verdict_final``, ``bytes_changed``, ``file_gone``).
    """
    candidate = store.get_candidate(db, job_id, number)
    if candidate.verdict is not None:
        standing, _ = given.on_record(candidate.reference, candidate.sha256, candidate.verdict)
        to_sign = given.signing and standing is not Standing.SIGNED
        if not to_sign or candidate.verdict != verdict:
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
    given = book.read(project)
    with database.connect(project) as db:
        settle(project, db, job_id, number, given)
        candidate = still_open(project, db, job_id, number, verdict, given)
        job = store.get(db, job_id)
    word = {store.APPROVED: "approve", store.REJECTED: "reject"}[verdict]
    because = "" if reason is None else f" --because {shlex.quote(reason)}"
    redo = f"ategnatos art {word} '{candidate.reference}'{because}"
    lines = [
        f"{candidate.reference}: {job.asked}",
        *origin.lines(job, candidate),
        f"  file   {project.root / candidate.path}",
        f"  hash   {candidate.sha256}",
        *([] if reason is None else [f"  reason {reason}"]),
    ]
    signed = None
    if given.signing:
        signed = sign_choice(project, given, candidate, verdict, reason, lines, redo, now())
    else:
        lines.append(f"Your verdict is final for these bytes: {word}?")
        if gate.ask(lines, "yes or no:", ("yes", "no"), redo=redo) != "yes":
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
        signed=signed,
    )


def sign_choice(
    project: Project,
    given: Book,
    candidate: store.Candidate,
    verdict: str,
    reason: str | None,
    lines: list[str],
    redo: str,
    now: datetime,
) -> Signed:
    """The person's signature over a verdict on these bytes. Raises StudioError as
    :func:`ategnatos.guard.gate.signing.sign`.
    """
    from ategnatos.guard.gate.signing import sign

    assert given.approvers is not None
    return sign(
        project,
        given.approvers,
        gate=record.REVIEW,
        subject={"asset": candidate.reference, "sha256": candidate.sha256},
        verdict=verdict,
        reason=reason,
        lines=lines,
        redo=redo,
        now=now,
    )
