"""Jobs and candidates: recorded before work begins, moved only along the table of states.

A job is one order to one engine: ``j7`` for people, ``j7#2`` for its second candidate. Verdicts
are final: the row takes one, once, and only while the bytes have the hash that was shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.jobs.records import (
    APPROVED,
    AWAITING_REVIEW,
    FAILED,
    GENERATING,
    PENDING,
    REJECTED,
    TRANSITIONS,
    Candidate,
    Job,
    iso,
)

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

# The records and states are part of this surface: who uses the store needs them.
__all__ = [
    "APPROVED",
    "AWAITING_REVIEW",
    "FAILED",
    "GENERATING",
    "JOB_STATE",
    "JOB_UNKNOWN",
    "PENDING",
    "REJECTED",
    "TRANSITIONS",
    "VERDICT_FINAL",
    "Candidate",
    "Job",
    "all_candidates",
    "candidates",
    "decide",
    "deliver",
    "final_verdict",
    "find_binding",
    "get",
    "get_candidate",
    "iso",
    "jobs",
    "last_take",
    "mark_cleaned",
    "mark_restored",
    "move",
    "record",
]

JOB_UNKNOWN = ErrorCode("job_unknown", "There is no such job or candidate in this studio.")
JOB_STATE = ErrorCode("job_state", "The job is not in a state that allows this.")
VERDICT_FINAL = ErrorCode("verdict_final", "The candidate already has a verdict; it is final.")


def find_binding(connection: Database, recipe_id: str, binding: str, engine: str) -> Job | None:
    """The job with exactly these inputs on that engine, if there is one."""
    row = connection.execute(
        "SELECT * FROM job WHERE recipe_id=? AND binding=? AND engine=?",
        (recipe_id, binding, engine),
    ).fetchone()
    return None if row is None else _job(row)


def last_take(connection: Database, recipe_id: str, base: str, engine: str) -> int | None:
    """The highest take recorded for inputs that differ in nothing but the seed."""
    row = connection.execute(
        "SELECT MAX(take) FROM job WHERE recipe_id=? AND base=? AND engine=?",
        (recipe_id, base, engine),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def record(
    connection: Database,
    *,
    kind: str,
    engine: str,
    recipe_id: str,
    base: str,
    take: int,
    binding: str,
    asked: str,
    request: dict[str, Any],
    now: str,
    parent: str | None = None,
    change: str | None = None,
    warnings: Iterable[str] = (),
) -> tuple[Job, bool]:
    """Write a job down before any work; with the same inputs, return the one that stands.

    Returns (job, whether it is new). ``now`` is ISO 8601 in UTC.
    """
    with writing(connection):
        standing = find_binding(connection, recipe_id, binding, engine)
        if standing is not None:
            return standing, False
        connection.execute(
            "INSERT INTO job (kind, state, engine, recipe_id, base, take, binding, asked, request,"
            " parent, change, warnings, created_at, updated_at)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                kind,
                PENDING,
                engine,
                recipe_id,
                base,
                take,
                binding,
                asked,
                json.dumps(request, ensure_ascii=False, sort_keys=True),
                parent,
                change,
                json.dumps(list(warnings), ensure_ascii=False),
                now,
                now,
            ),
        )
        fresh = find_binding(connection, recipe_id, binding, engine)
    assert fresh is not None
    return fresh, True


def move(
    connection: Database,
    job_id: int,
    state: str,
    *,
    now: str,
    error: dict[str, Any] | None = None,
    also: Callable[[Database], None] | None = None,
) -> None:
    """Move a job along the table. Raises StudioError (``job_state``) for any other move.

    ``also`` writes what belongs to the move in the same transaction, such as its money.
    """
    with writing(connection):
        _move(connection, job_id, state, now=now, error=error)
        if also is not None:
            also(connection)


def _move(
    connection: Database,
    job_id: int,
    state: str,
    *,
    now: str,
    error: dict[str, Any] | None = None,
) -> None:
    current = get(connection, job_id).state
    if state not in TRANSITIONS[current]:
        raise StudioError(
            JOB_STATE,
            f"Job j{job_id} is {current.replace('_', ' ')} and cannot become "
            f"{state.replace('_', ' ')}; nothing was changed.",
            hint=f"Look at it: ategnatos art show j{job_id}",
            state=current,
            wanted=state,
        )
    connection.execute(
        "UPDATE job SET state=?, updated_at=?, error=?, attempts=attempts+? WHERE id=?",
        (
            state,
            now,
            None if error is None else json.dumps(error, ensure_ascii=False),
            1 if state == GENERATING else 0,
            job_id,
        ),
    )


def deliver(
    connection: Database,
    job_id: int,
    candidates: Iterable[Candidate],
    *,
    warnings: Iterable[str],
    now: str,
) -> None:
    """Record the finished candidates (their files are on disk) and hand the job to a person."""
    with writing(connection):
        for one in candidates:
            connection.execute(
                "INSERT INTO candidate (job, number, path, sha256, bytes, width, height, seed,"
                " settings) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (job, number) DO UPDATE SET"
                " path=excluded.path, sha256=excluded.sha256, bytes=excluded.bytes,"
                " width=excluded.width, height=excluded.height, seed=excluded.seed,"
                " settings=excluded.settings",
                (
                    job_id,
                    one.number,
                    one.path,
                    one.sha256,
                    one.bytes,
                    one.width,
                    one.height,
                    one.seed,
                    json.dumps(one.settings, ensure_ascii=False, sort_keys=True),
                ),
            )
        connection.execute(
            "UPDATE job SET warnings=? WHERE id=?",
            (json.dumps(list(warnings), ensure_ascii=False), job_id),
        )
        _move(connection, job_id, AWAITING_REVIEW, now=now)


def decide(
    connection: Database,
    job_id: int,
    number: int,
    verdict: str,
    *,
    sha256: str,
    event: str,
    reason: str | None,
    now: str,
) -> None:
    """Take a person's verdict, once, for the bytes with that hash.

    Raises StudioError (``verdict_final``) when the row has one already.
    """
    with writing(connection):
        changed = connection.execute(
            "UPDATE candidate SET verdict=?, verdict_event=?, reason=?, decided_at=?"
            " WHERE job=? AND number=? AND sha256=? AND verdict IS NULL",
            (verdict, event, reason, now, job_id, number, sha256),
        ).rowcount
        if changed != 1:
            raise final_verdict(get_candidate(connection, job_id, number))
        verdicts = [one.verdict for one in candidates(connection, job_id)]
        state = get(connection, job_id).state
        if APPROVED in verdicts and state != APPROVED:
            _move(connection, job_id, APPROVED, now=now)
        elif all(one == REJECTED for one in verdicts) and state == AWAITING_REVIEW:
            _move(connection, job_id, REJECTED, now=now)


def final_verdict(candidate: Candidate) -> StudioError:
    """The refusal of a second verdict."""
    return StudioError(
        VERDICT_FINAL,
        f"{candidate.reference} was already {candidate.verdict} on {candidate.decided_at}; "
        "a verdict is final and nothing was changed.",
        hint=f"To go on from it: ategnatos art vary '{candidate.reference}' --change '...'",
        verdict=candidate.verdict,
    )


def get(connection: Database, job_id: int) -> Job:
    """One job. Raises StudioError (``job_unknown``)."""
    row = connection.execute("SELECT * FROM job WHERE id=?", (job_id,)).fetchone()
    if row is None:
        raise _unknown(f"j{job_id}")
    return _job(row)


def get_candidate(connection: Database, job_id: int, number: int) -> Candidate:
    """One candidate. Raises StudioError (``job_unknown``)."""
    row = connection.execute(
        "SELECT * FROM candidate WHERE job=? AND number=?", (job_id, number)
    ).fetchone()
    if row is None:
        job = get(connection, job_id)
        count = len(candidates(connection, job_id))
        raise StudioError(
            JOB_UNKNOWN,
            f"Job {job.name} has {count} candidate{'' if count == 1 else 's'}; "
            f"there is no #{number}.",
            hint=f"See them: ategnatos art show {job.name}",
            job=job.name,
            candidates=count,
        )
    return _candidate(row)


def candidates(connection: Database, job_id: int) -> list[Candidate]:
    """The candidates of a job, by number."""
    rows = connection.execute("SELECT * FROM candidate WHERE job=? ORDER BY number", (job_id,))
    return [_candidate(row) for row in rows]


def jobs(
    connection: Database, *, states: Iterable[str] = (), limit: int | None = None
) -> list[Job]:
    """Jobs, newest first; ``states`` empty means all."""
    wanted = list(states)
    where = f"WHERE state IN ({','.join('?' * len(wanted))})" if wanted else ""
    rows = connection.execute(
        f"SELECT * FROM job {where} ORDER BY id DESC LIMIT ?",  # noqa: S608 - only '?' marks
        (*wanted, 2**62 if limit is None else limit),
    )
    return [_job(row) for row in rows]


def all_candidates(connection: Database) -> list[Candidate]:
    """Every candidate of the studio, in the order of jobs and numbers."""
    rows = connection.execute("SELECT * FROM candidate ORDER BY job, number")
    return [_candidate(row) for row in rows]


def mark_cleaned(connection: Database, references: Iterable[tuple[int, int]], *, now: str) -> None:
    """Note that the files of these candidates (job id, number) were removed to free space."""
    with writing(connection):
        connection.executemany(
            "UPDATE candidate SET cleaned_at=? WHERE job=? AND number=?",
            [(now, job_id, number) for job_id, number in references],
        )


def mark_restored(connection: Database, references: Iterable[tuple[int, int]]) -> None:
    """Note that the files of these candidates (job id, number) are there again."""
    with writing(connection):
        connection.executemany(
            "UPDATE candidate SET cleaned_at=NULL WHERE job=? AND number=?", list(references)
        )


def _unknown(name: str) -> StudioError:
    return StudioError(
        JOB_UNKNOWN,
        f"There is no job {name} in this studio.",
        hint="See what there is: ategnatos art list",
        job=name,
    )


def _job(row: Any) -> Job:
    facts = dict(row)
    facts["request"] = json.loads(facts["request"])
    facts["warnings"] = tuple(json.loads(facts["warnings"]))
    facts["error"] = None if facts["error"] is None else json.loads(facts["error"])
    return Job(**facts)


def _candidate(row: Any) -> Candidate:
    facts = dict(row)
    facts["settings"] = json.loads(facts["settings"])
    return Candidate(**facts)
