"""Assets that a brief describes, and the orders made for each, numbered from v1.

The journal is written first, these rows follow. A version is a job: its number within the asset
is given once, and the same order again is the same version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.jobs.folded import fold

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database


@dataclass(frozen=True, slots=True)
class Asset:
    """What is wanted. ``brief`` are JSON values; ``event`` is the last that changed it."""

    id: int
    project: str
    name: str
    brief: dict[str, Any]
    revision: int
    event: str
    created_at: str
    updated_at: str

    @property
    def full_name(self) -> str:
        """``site/owl``."""
        return f"{self.project}/{self.name}"


@dataclass(frozen=True, slots=True)
class Version:
    """One order for an asset: ``v3`` is ``number`` 3."""

    asset: int
    number: int
    job: int
    at: str

    @property
    def name(self) -> str:
        """``v3``."""
        return f"v{self.number}"


_COLUMNS = "id, project, name, brief, revision, event, created_at, updated_at"


def put(
    db: Database, project: str, name: str, brief: dict[str, Any], *, event: str, now: str
) -> Asset:
    """Write a brief down, or its next revision, in one transaction."""
    text = json.dumps(brief, ensure_ascii=False, sort_keys=True)
    folded = fold([project, name, *_texts(brief)])
    with writing(db):
        db.execute(
            "INSERT INTO asset (project, name, brief, revision, words, event, created_at,"
            " updated_at) VALUES (?,?,?,1,?,?,?,?) ON CONFLICT (project, name) DO UPDATE SET"
            " brief=excluded.brief, revision=asset.revision+1, words=excluded.words,"
            " event=excluded.event, updated_at=excluded.updated_at",
            (project, name, text, folded, event, now, now),
        )
        made = find(db, project, name)
    assert made is not None
    return made


def find(db: Database, project: str, name: str) -> Asset | None:
    """The asset of that project and name."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM asset WHERE project=? AND name=?", (project, name)
    ).fetchone()
    return None if row is None else _asset(row)


def get(db: Database, asset_id: int) -> Asset:
    """The asset with that id, which a row of ours named."""
    return _asset(db.execute(f"SELECT {_COLUMNS} FROM asset WHERE id=?", (asset_id,)).fetchone())


def named(db: Database, name: str) -> list[Asset]:
    """Every asset called ``name``, whatever its project."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM asset WHERE name=? ORDER BY project", (name,))
    return [_asset(row) for row in rows]


def every(db: Database, project: str | None = None, limit: int | None = None) -> list[Asset]:
    """Assets, the last changed first; ``project`` None means all projects."""
    where, values = ("", ()) if project is None else ("WHERE project=?", (project,))
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM asset {where} ORDER BY updated_at DESC, id DESC LIMIT ?",
        (*values, 2**62 if limit is None else limit),
    )
    return [_asset(row) for row in rows]


def count(db: Database, project: str | None = None) -> int:
    """How many assets have a brief."""
    where, values = ("", ()) if project is None else ("WHERE project=?", (project,))
    return int(db.execute(f"SELECT COUNT(*) FROM asset {where}", values).fetchone()[0])


def has_project(db: Database, project: str) -> bool:
    """Whether any asset belongs to that project."""
    row = db.execute("SELECT 1 FROM asset WHERE project=? LIMIT 1", (project,)).fetchone()
    return row is not None


def add_version(db: Database, asset_id: int, job_id: int, *, now: str) -> tuple[Version, bool]:
    """Number an order within its asset, or find its number; (version, whether it is new)."""
    with writing(db):
        standing = version_of(db, asset_id, job_id)
        if standing is not None:
            return standing, False
        last = db.execute(
            "SELECT MAX(version) FROM iteration WHERE asset=?", (asset_id,)
        ).fetchone()[0]
        made = Version(asset_id, int(last or 0) + 1, job_id, now)
        db.execute(
            "INSERT INTO iteration (asset, version, job, at) VALUES (?,?,?,?)",
            (made.asset, made.number, made.job, made.at),
        )
    return made, True


def version_of(db: Database, asset_id: int, job_id: int) -> Version | None:
    """The number that a job has within an asset."""
    row = db.execute(
        "SELECT asset, version, job, at FROM iteration WHERE asset=? AND job=?", (asset_id, job_id)
    ).fetchone()
    return None if row is None else Version(*_values(row))


def version(db: Database, asset_id: int, number: int) -> Version | None:
    """The version of that number."""
    row = db.execute(
        "SELECT asset, version, job, at FROM iteration WHERE asset=? AND version=?",
        (asset_id, number),
    ).fetchone()
    return None if row is None else Version(*_values(row))


def versions(db: Database, asset_id: int) -> list[Version]:
    """Every version of an asset, rising."""
    rows = db.execute(
        "SELECT asset, version, job, at FROM iteration WHERE asset=? ORDER BY version", (asset_id,)
    )
    return [Version(*_values(row)) for row in rows]


def versions_of_jobs(db: Database, job_ids: Iterable[int]) -> dict[int, list[Version]]:
    """Which versions the jobs are, by job; a job without an asset is absent."""
    wanted = sorted(set(job_ids))
    found: dict[int, list[Version]] = {}
    # SQLite takes some ten thousand values in a statement, Postgres 65,535.
    for start in range(0, len(wanted), 5000):
        part = wanted[start : start + 5000]
        rows = db.execute(
            "SELECT asset, version, job, at FROM iteration"
            f" WHERE job IN ({','.join('?' * len(part))}) ORDER BY asset, version",
            part,
        )
        for row in rows:
            one = Version(*_values(row))
            found.setdefault(one.job, []).append(one)
    return found


def worked_on_last(db: Database) -> Asset | None:
    """The asset that got its newest version last; None where there is no version at all."""
    row = db.execute("SELECT asset FROM iteration ORDER BY at DESC, job DESC LIMIT 1").fetchone()
    return None if row is None else get(db, int(row[0]))


def with_versions(db: Database, most: int = 2) -> int:
    """How many assets have a version, counted up to ``most``."""
    rows = db.execute("SELECT DISTINCT asset FROM iteration LIMIT ?", (most,)).fetchall()
    return len(rows)


def _texts(value: Any) -> list[str]:
    """Every text in JSON values."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return []


def _values(row: Any) -> tuple[int, int, int, str]:
    return int(row[0]), int(row[1]), int(row[2]), str(row[3])


def _asset(row: Any) -> Asset:
    facts = dict(row)
    facts["brief"] = json.loads(facts["brief"])
    return Asset(**facts)
