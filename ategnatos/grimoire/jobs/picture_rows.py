"""Pictures by the thousand, for a page that scrolls: a window of them, and what they are by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs import job_words
from ategnatos.grimoire.jobs.database import writing

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.job_words import Query


@dataclass(frozen=True, slots=True)
class PictureRow:
    """One picture, as far as a grid shows it. ``asked`` are the person's words."""

    job: int
    number: int
    sha256: str
    width: int
    height: int
    seed: int
    verdict: str | None
    asked: str

    @property
    def reference(self) -> str:
        """``j7#2``."""
        return f"j{self.job}#{self.number}"


def count(db: Database, query: Query) -> int:
    """How many pictures fit, of those whose files were not cleaned away."""
    source, values = _source(query)
    return int(db.execute(f"SELECT COUNT(*) {source}", values).fetchone()[0])


def window(db: Database, query: Query, *, offset: int, limit: int) -> list[PictureRow]:
    """Those pictures from ``offset``, the newest job first and its pictures in their order."""
    source, values = _source(query)
    rows = db.execute(
        "SELECT c.job, c.number, c.sha256, c.width, c.height, c.seed, c.verdict, j.asked"
        f" {source} ORDER BY c.job DESC, c.number LIMIT ? OFFSET ?",
        (*values, limit, offset),
    )
    return [PictureRow(*tuple(row)) for row in rows]


def facets(db: Database) -> dict[str, list[str]]:
    """What pictures can be narrowed by: the values that there are, by name."""
    found = {
        # A job without pictures, a training for one, has no engine that draws.
        "family": "SELECT DISTINCT family FROM job_words WHERE job IN (SELECT job FROM candidate)"
        " ORDER BY 1",
        "engine": "SELECT DISTINCT engine FROM job WHERE id IN (SELECT job FROM candidate)"
        " ORDER BY 1",
        "lora": "SELECT DISTINCT loras FROM job_words WHERE TRIM(loras) <> '' ORDER BY 1",
        "project": "SELECT DISTINCT project FROM asset ORDER BY 1",
    }
    found["colour"] = "SELECT DISTINCT words FROM picture_colours"
    values = {name: [str(row[0]) for row in db.execute(sql)] for name, sql in found.items()}
    values["colour"] = sorted({word for some in values["colour"] for word in some.split()})
    values["lora"] = sorted({word for some in values["lora"] for word in some.split()})
    return values


def _source(query: Query) -> tuple[str, list[Any]]:
    # A verdict is one picture's: the search for jobs asks whether any of theirs has it.
    where, values = job_words.conditions(replace(query, verdict=None))
    if query.seed is not None:
        where.append("c.seed = ?")
        values.append(query.seed)
    if query.verdict == "none":
        where.append("c.verdict IS NULL")
    elif query.verdict is not None:
        where.append("c.verdict = ?")
        values.append(query.verdict)
    if query.colour is not None:
        where.append("c.sha256 IN (SELECT sha256 FROM picture_colours WHERE words LIKE ?)")
        values.append(f"% {query.colour} %")
    where.append("c.cleaned_at IS NULL")
    narrow = len(where) > 2
    tables = "candidate c JOIN job j ON j.id = c.job JOIN job_words t ON t.job = c.job"
    if not narrow:
        return "FROM candidate c JOIN job j ON j.id = c.job WHERE c.cleaned_at IS NULL", []
    return f"FROM {tables} WHERE " + " AND ".join(where), values


def undecided_of(db: Database, job_id: int) -> list[PictureRow]:
    """The pictures of one job that wait for a verdict."""
    rows = db.execute(
        "SELECT c.job, c.number, c.sha256, c.width, c.height, c.seed, c.verdict, j.asked"
        " FROM candidate c JOIN job j ON j.id = c.job"
        " WHERE c.job=? AND c.verdict IS NULL AND c.cleaned_at IS NULL ORDER BY c.number",
        (job_id,),
    )
    return [PictureRow(*tuple(row)) for row in rows]


_UNMEASURED = (
    "FROM candidate c LEFT JOIN picture_colours p ON p.sha256 = c.sha256"
    " WHERE p.sha256 IS NULL AND c.cleaned_at IS NULL"
)


def unmeasured(db: Database, limit: int) -> list[tuple[str, str]]:
    """The newest pictures whose colours nobody measured yet: path in the project and SHA-256."""
    rows = db.execute(
        f"SELECT c.path, c.sha256 {_UNMEASURED} ORDER BY c.job DESC, c.number LIMIT ?", (limit,)
    )
    return [(str(row[0]), str(row[1])) for row in rows]


def count_unmeasured(db: Database) -> int:
    """How many pictures those are."""
    return int(db.execute(f"SELECT COUNT(*) {_UNMEASURED}").fetchone()[0])


def keep_colours(db: Database, found: dict[str, tuple[str, ...]]) -> None:
    """Write down the colour names of pictures, by SHA-256, the largest share first."""
    with writing(db):
        db.executemany(
            "INSERT INTO picture_colours (sha256, words) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(sha256, f" {' '.join(names)} " if names else "") for sha256, names in found.items()],
        )
