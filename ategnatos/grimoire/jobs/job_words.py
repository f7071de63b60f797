"""The words of every job, folded, for the search: derived, and made anew wherever they are missing.

A job's request never changes, so its line is written once, when somebody searches first; the
reason of a verdict is added to a line that stands. Emptying the table loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.jobs.folded import fold, patterns

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; empty and None mean anything.

    ``words`` are words and ``"phrases"``, all of which must be there. ``verdict`` is approved,
    rejected, or ``none`` for a picture without one. ``family`` is a family or one of its variants.
    ``since`` and ``until`` are ISO 8601 in UTC. ``asset`` is an id, ``project`` a name. ``colour``
    narrows pictures and no jobs.
    """

    words: str = ""
    verdict: str | None = None
    family: str | None = None
    engine: str | None = None
    model: str | None = None
    lora: str | None = None
    seed: int | None = None
    state: str | None = None
    since: str | None = None
    until: str | None = None
    asset: int | None = None
    project: str | None = None
    colour: str | None = None


def catch_up(db: Database) -> int:
    """Write the lines of jobs that have none; how many."""
    if not _behind(db):
        return 0
    with writing(db):
        rows = db.execute(
            "SELECT id, engine, asked, request, change, reason FROM job"
            " WHERE id > (SELECT COALESCE(MAX(job), 0) FROM job_words) ORDER BY id"
        ).fetchall()
        said: dict[int, list[str]] = {}
        if rows:
            reasons = db.execute(
                "SELECT job, reason FROM candidate WHERE job>=? AND verdict IS NOT NULL"
                " AND reason IS NOT NULL",
                (rows[0][0],),
            )
            for job, reason in reasons:
                said.setdefault(job, []).append(reason)
        db.executemany(
            "INSERT INTO job_words (job, words, family, loras, models, seed, count)"
            " VALUES (?,?,?,?,?,?,?)",
            [_line(row, said.get(row[0], ())) for row in rows],
        )
    return len(rows)


def rebuild(db: Database) -> int:
    """Throw every line away and write them anew; how many."""
    with writing(db):
        db.execute("DELETE FROM job_words")
    return catch_up(db)


def add_reason(db: Database, job_id: int, reason: str) -> None:
    """Add a verdict's reason to a line that stands; in the caller's transaction."""
    db.execute(
        "UPDATE job_words SET words = words || ? WHERE job=?",
        (fold([reason]).removeprefix(" "), job_id),
    )


def find(db: Database, query: Query, *, limit: int) -> tuple[list[int], int]:
    """The newest jobs that fit, at most ``limit``, and how many fit in all."""
    where, values = conditions(query)
    source = "FROM job_words t JOIN job j ON j.id = t.job WHERE " + " AND ".join(where)
    total = int(db.execute(f"SELECT COUNT(*) {source}", values).fetchone()[0])
    rows = db.execute(f"SELECT t.job {source} ORDER BY t.job DESC LIMIT ?", (*values, limit))
    return [int(row[0]) for row in rows], total


def conditions(query: Query) -> tuple[list[str], list[Any]]:
    """What must hold of ``job_words t JOIN job j`` for a job to fit, and its values."""
    # A training is a job of the line too, and makes no pictures that anybody looks for here.
    where, values = ["j.kind <> 'training'"], list[Any]()

    def add(condition: str, *given: Any) -> None:
        where.append(condition)
        values.extend(given)

    for pattern in patterns(query.words):
        # The words of a brief are those of every version of its asset.
        add(
            "(t.words LIKE ? OR t.job IN (SELECT i.job FROM iteration i JOIN asset a"
            " ON a.id = i.asset WHERE a.words LIKE ?))",
            pattern,
            pattern,
        )
    if query.family is not None:
        add("(t.family = ? OR t.family LIKE ?)", query.family, f"{query.family}/%")
    for name, text in (("loras", query.lora), ("models", query.model)):
        if text is not None:
            for pattern in patterns(text) or ["% %"]:
                add(f"t.{name} LIKE ?", pattern)
    if query.seed is not None:
        add("? >= t.seed AND ? < t.seed + t.count", query.seed, query.seed)
    for column, wanted in (("engine", query.engine), ("state", query.state)):
        if wanted is not None:
            add(f"j.{column} = ?", wanted)
    if query.since is not None:
        add("j.created_at >= ?", query.since)
    if query.until is not None:
        add("j.created_at < ?", query.until)
    if query.verdict == "none":
        add("t.job IN (SELECT job FROM candidate WHERE verdict IS NULL)")
    elif query.verdict is not None:
        add("t.job IN (SELECT job FROM candidate WHERE verdict = ?)", query.verdict)
    if query.asset is not None:
        add("t.job IN (SELECT job FROM iteration WHERE asset = ?)", query.asset)
    if query.project is not None:
        add(
            "t.job IN (SELECT i.job FROM iteration i JOIN asset a ON a.id = i.asset"
            " WHERE a.project = ?)",
            query.project,
        )
    return where, values


def _behind(db: Database) -> bool:
    newest, last = db.execute(
        "SELECT (SELECT MAX(id) FROM job), (SELECT MAX(job) FROM job_words)"
    ).fetchone()
    return newest is not None and (last is None or last < newest)


def _line(row: Any, reasons: Iterable[str]) -> tuple[Any, ...]:
    job, engine, asked, text, change, reason = row
    request = json.loads(text)
    loras = [one["name"] for one in request.get("loras") or ()]
    return (
        job,
        fold([asked, request.get("prompt"), change, reason, *loras, *reasons]),
        request.get("family") or engine,
        fold(loras),
        fold(_models(request)),
        request.get("seed") or 0,
        request.get("count") or 1,
    )


def _models(request: dict[str, Any]) -> Iterator[str | None]:
    yield request.get("model")
    yield request.get("family")
