"""Jobs and candidates: recorded before work begins, read by everybody, judged by a person.

A job is one order to one engine: ``j7`` for people, ``j7#2`` for its second candidate. Verdicts
are final: the row takes one, once, and only while the bytes have the hash that was shown. How a
job moves is in ``moves``, who works on it in ``leases`` and ``claims``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import job_words
from ategnatos.grimoire.jobs import saga as sagas
from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.jobs.records import (
    APPROVED,
    AWAITING_REVIEW,
    FAILED,
    GENERATING,
    PENDING,
    PICTURE,
    REJECTED,
    STAGE_FROM,
    Candidate,
    Job,
    candidate_of,
    iso,
    job_of,
)

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

# The records and states are part of this surface: who uses the store needs them.
__all__ = [
    "APPROVED",
    "AWAITING_REVIEW",
    "FAILED",
    "GENERATING",
    "JOB_UNKNOWN",
    "PENDING",
    "REJECTED",
    "VERDICT_FINAL",
    "Candidate",
    "Job",
    "all_candidates",
    "candidates",
    "decide",
    "final_verdict",
    "find_binding",
    "get",
    "get_candidate",
    "iso",
    "jobs",
    "last_take",
    "mark_cleaned",
    "mark_restored",
    "put_candidates",
    "record",
    "restate",
]

JOB_UNKNOWN = ErrorCode("job_unknown", "There is no such job or candidate in this studio.")
VERDICT_FINAL = ErrorCode("verdict_final", "The candidate already has a verdict; it is final.")


def find_binding(connection: Database, recipe_id: str, binding: str, engine: str) -> Job | None:
    """The job with exactly these inputs on that engine, if there is one."""
    row = connection.execute(
        "SELECT * FROM job WHERE recipe_id=? AND binding=? AND engine=?",
        (recipe_id, binding, engine),
    ).fetchone()
    return None if row is None else job_of(row)


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
    saga: sagas.Saga | None = None,
    priority: int = 0,
    reason: str | None = None,
    data: dict[str, Any] | None = None,
) -> tuple[Job, bool]:
    """Write a job down before any work; with the same inputs, return the one that stands.

    ``saga`` None is simple generation; ``data`` is what its steps find. Returns (job, whether it
    is new). ``now`` is ISO 8601 in UTC.
    """
    saga = saga or sagas.load(PICTURE)
    with writing(connection):
        standing = find_binding(connection, recipe_id, binding, engine)
        if standing is not None:
            return standing, False
        connection.execute(
            "INSERT INTO job (kind, state, engine, recipe_id, base, take, binding, asked, request,"
            " parent, change, warnings, created_at, updated_at, saga, runnable, priority, moved_at,"
            " reason, data) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                kind,
                saga.start,
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
                saga.name,
                int(saga.runnable(saga.start, kind)),
                priority,
                connection.now(),
                reason,
                json.dumps(data or {}, ensure_ascii=False),
            ),
        )
        fresh = find_binding(connection, recipe_id, binding, engine)
        assert fresh is not None
        note(connection, fresh.id, None, saga.start, fence=0, who="order", why=None)
    return fresh, True


def note(
    connection: Database,
    job_id: int,
    before: str | None,
    after: str,
    *,
    fence: int,
    who: str,
    why: str | None,
) -> None:
    """Append to the job's own record what happened to it; in the caller's transaction."""
    connection.execute(
        "INSERT INTO job_event (job, at, from_state, to_state, fence, who, why)"
        " VALUES (?,?,?,?,?,?,?)",
        (job_id, connection.now(), before, after, fence, who, why),
    )


def events(connection: Database, job_id: int) -> list[dict[str, Any]]:
    """Everything that happened to a job, in order; ``at`` is in seconds since 1970."""
    rows = connection.execute("SELECT * FROM job_event WHERE job=? ORDER BY id", (job_id,))
    return [dict(row) for row in rows]


def put_candidates(
    connection: Database, job_id: int, candidates: Iterable[Candidate], *, warnings: Iterable[str]
) -> None:
    """Record finished candidates, whose files are on disk; in the caller's transaction."""
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
    who: str = "person",
) -> None:
    """Take a person's verdict, once, for the bytes with that hash; move the job where it decides.

    One approval takes a job the way that its saga has for a yes (on to its next step, or to its
    end); it is rejected when all candidates of its stage are. Raises StudioError
    (``verdict_final``) when the row has a verdict already.
    """
    from ategnatos.grimoire.jobs import moves

    with writing(connection):
        changed = connection.execute(
            "UPDATE candidate SET verdict=?, verdict_event=?, reason=?, decided_at=?"
            " WHERE job=? AND number=? AND sha256=? AND verdict IS NULL",
            (verdict, event, reason, now, job_id, number, sha256),
        ).rowcount
        if changed != 1:
            raise final_verdict(get_candidate(connection, job_id, number))
        if reason:
            job_words.add_reason(connection, job_id, reason)
        job = get(connection, job_id)
        first = job.data.get(STAGE_FROM, 1)
        stage = [one.verdict for one in candidates(connection, job_id) if one.number >= first]
        ways = sagas.load(job.saga).ways_of_a_person(job.state, job.kind)
        if verdict == APPROVED:
            after = next((way for way in ways if way != REJECTED and number >= first), None)
        else:
            after = REJECTED if REJECTED in ways and set(stage) == {REJECTED} else None
        if after is not None:
            moves.by_person(connection, job_id, after, who=who, why=event, now=now)


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
    return job_of(row)


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
    return candidate_of(row)


def candidates(connection: Database, job_id: int) -> list[Candidate]:
    """The candidates of a job, by number."""
    rows = connection.execute("SELECT * FROM candidate WHERE job=? ORDER BY number", (job_id,))
    return [candidate_of(row) for row in rows]


def jobs(
    connection: Database,
    *,
    states: Iterable[str] = (),
    sagas: Iterable[str] = (),
    limit: int | None = None,
) -> list[Job]:
    """Jobs, newest first; ``states`` and ``sagas`` empty mean all."""
    asked = {"state": list(states), "saga": list(sagas)}
    parts = [f"{name} IN ({','.join('?' * len(given))})" for name, given in asked.items() if given]
    where = f"WHERE {' AND '.join(parts)}" if parts else ""
    values = [value for given in asked.values() for value in given]
    rows = connection.execute(
        f"SELECT * FROM job {where} ORDER BY id DESC LIMIT ?",
        (*values, 2**62 if limit is None else limit),
    )
    return [job_of(row) for row in rows]


def all_candidates(connection: Database) -> list[Candidate]:
    """Every candidate of the studio, in the order of jobs and numbers."""
    rows = connection.execute("SELECT * FROM candidate ORDER BY job, number")
    return [candidate_of(row) for row in rows]


def restate(connection: Database, job_id: int, request: dict[str, Any]) -> None:
    """Write down more of what is known of a job's request; its binding stays."""
    connection.execute(
        "UPDATE job SET request=? WHERE id=?",
        (json.dumps(request, ensure_ascii=False, sort_keys=True), job_id),
    )


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
