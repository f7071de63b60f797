"""The line of pictures that wait for a person, as far as its order needs: no row is read whole.

A page that opens on 20,000 of them reads this, and then the few that it shows.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs.records import Candidate, Job, candidate_of, job_of

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

Place = tuple[int, int]

# Above this many values a statement is cut in two.
_AT_ONCE = 400


def line(db: Database, mark: str) -> list[tuple[int, int, str]]:
    """Job, number and settings of every undecided picture on disk in a job that waits for a
    person, the oldest first. Settings are given where they hold ``mark``, else "".
    """
    from ategnatos.grimoire.jobs import saga

    pairs = db.execute("SELECT DISTINCT saga, state FROM job").fetchall()
    waiting = [
        (str(name), str(state))
        for name, state in pairs
        if saga.load(name).states[state].waits_for == saga.PERSON
    ]
    if not waiting:
        return []
    where = " OR ".join("(j.saga=? AND j.state=?)" for _ in waiting)
    values: list[Any] = [value for pair in waiting for value in pair]
    rows = db.execute(
        "SELECT c.job, c.number, CASE WHEN c.settings LIKE ? THEN c.settings ELSE '' END"
        " FROM candidate c JOIN job j ON j.id = c.job"
        f" WHERE c.verdict IS NULL AND c.cleaned_at IS NULL AND ({where})"
        " ORDER BY c.job, c.number",
        (f"%{mark}%", *values),
    )
    return [(int(row[0]), int(row[1]), str(row[2])) for row in rows]


def these(db: Database, places: Collection[Place]) -> dict[Place, tuple[Job, Candidate]]:
    """Those of the pictures that there are, with their jobs, by job and number."""
    jobs: dict[int, Job] = {}
    found: dict[Place, tuple[Job, Candidate]] = {}
    places = set(places)
    wanted = sorted({job for job, _ in places})
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        marks = ",".join("?" * len(some))
        for row in db.execute(f"SELECT * FROM job WHERE id IN ({marks})", some):
            one = job_of(row)
            jobs[one.id] = one
        for row in db.execute(f"SELECT * FROM candidate WHERE job IN ({marks})", some):
            picture = candidate_of(row)
            if (picture.job, picture.number) in places and picture.job in jobs:
                found[picture.job, picture.number] = (jobs[picture.job], picture)
    return found
