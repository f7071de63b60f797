"""What a page needs of all jobs, counted by the database: nothing here grows with the record."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs.records import APPROVED, Job, job_of

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database


@dataclass(frozen=True, slots=True)
class Counts:
    """``states`` maps (saga, state) to how many jobs are in it; ``runnable`` is the line."""

    states: dict[tuple[str, str], int]
    runnable: int


def counts(db: Database) -> Counts:
    """How many jobs are in each state."""
    rows = db.execute("SELECT saga, state, COUNT(*) FROM job GROUP BY saga, state").fetchall()
    runnable = db.execute("SELECT COUNT(*) FROM job WHERE runnable=1").fetchone()[0]
    return Counts({(row[0], row[1]): int(row[2]) for row in rows}, int(runnable))


def newest(db: Database, states: Iterable[tuple[str | None, str]], limit: int) -> list[Job]:
    """The newest jobs in these (saga, state); a saga of None means any."""
    found: list[Job] = []
    for saga, state in states:
        where, values = (
            ("state=?", [state]) if saga is None else ("saga=? AND state=?", [saga, state])
        )
        rows = db.execute(
            f"SELECT * FROM job WHERE {where} ORDER BY id DESC LIMIT ?", (*values, limit)
        )
        found += [job_of(row) for row in rows]
    found.sort(key=lambda job: -job.id)
    return found[:limit]


def runnable(db: Database, limit: int) -> list[Job]:
    """Jobs that are worked on, then those that will be taken next, the newest first on the page."""
    rows = db.execute(
        "SELECT * FROM job WHERE runnable=1 ORDER BY CASE WHEN owner IS NULL THEN 1 ELSE 0 END,"
        " priority DESC, id LIMIT ?",
        (limit,),
    )
    return sorted((job_of(row) for row in rows), key=lambda job: -job.id)


def undecided(db: Database, job_ids: Collection[int]) -> dict[int, int]:
    """How many pictures without a verdict, and still on disk, each of the jobs has."""
    if not job_ids:
        return {}
    rows = db.execute(
        "SELECT job, COUNT(*) FROM candidate WHERE verdict IS NULL AND cleaned_at IS NULL"
        f" AND job IN ({_marks(job_ids)}) GROUP BY job",
        list(job_ids),
    )
    return {int(job): int(count) for job, count in rows}


def pictures_waiting(db: Database, states: Collection[tuple[str, str]]) -> int:
    """How many pictures without a verdict, and still on disk, wait in jobs in these states."""
    if not states:
        return 0
    where = " OR ".join("(j.saga=? AND j.state=?)" for _ in states)
    values: list[Any] = [value for pair in states for value in pair]
    row = db.execute(
        "SELECT COUNT(*) FROM candidate c JOIN job j ON j.id = c.job"
        f" WHERE c.verdict IS NULL AND c.cleaned_at IS NULL AND ({where})",
        values,
    ).fetchone()
    return int(row[0])


def approved(db: Database) -> list[tuple[str, str]]:
    """Every approved candidate (``j7#2``) and the SHA-256 of its bytes, oldest first."""
    rows = db.execute(
        "SELECT job, number, sha256 FROM candidate WHERE verdict=? ORDER BY job, number",
        (APPROVED,),
    )
    return [(f"j{job}#{number}", sha256) for job, number, sha256 in rows]


def without_verdict(db: Database, references: Collection[str]) -> set[str]:
    """Those of the candidates (``j7#2``) that are there and have no verdict."""
    found = set()
    for reference in references:
        job, _, number = reference.removeprefix("j").partition("#")
        if not (job.isdecimal() and number.isdecimal()):
            continue
        row = db.execute(
            "SELECT 1 FROM candidate WHERE job=? AND number=? AND verdict IS NULL",
            (int(job), int(number)),
        ).fetchone()
        if row is not None:
            found.add(reference)
    return found


def _marks(values: Collection[Any]) -> str:
    return ",".join("?" * len(values))
