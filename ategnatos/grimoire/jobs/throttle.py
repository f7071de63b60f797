"""What holds an engine's queue back: a pause, its concurrency, its rate, its circuit breaker.

All of it is decided inside the transaction that claims a job, so that two workers cannot both
see the last free place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.jobs.leases import CLOCK_SLACK, Policy, expired

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

LIMIT_INVALID = ErrorCode("limit_invalid", "A limit of an engine is out of bounds.")

# The row that stands for every engine.
EVERY = "*"
CLOSED, OPEN = "closed", "open"
_LARGEST = 10_000


def blocked(db: Database, now: float) -> dict[str, str]:
    """Engines that may begin nothing now, each with the reason in words; ``*`` means all."""
    found = {}
    running: dict[str, int] | None = None
    for row in rows(db):
        why = _paused(row) or _broken(db, row, now)
        if not why and row["concurrency"] is not None:
            if running is None:
                running = _running(db, now)
            if running.get(row["name"], 0) >= row["concurrency"]:
                why = _at_work(row["concurrency"])
        if not why and row["rate_count"] is not None and _tokens(row, now) < 1:
            why = f"its rate of {row['rate_count']} in {row['rate_seconds']:g} s is used up"
        if why:
            found[str(row["name"])] = why
    return found


def _at_work(most: int) -> str:
    jobs = "one job of it runs" if most == 1 else f"{most} jobs of it run"
    return f"{jobs} already, which is its limit"


def began(db: Database, engine: str, job_id: int, now: float) -> None:
    """Count a job that was just claimed; in the transaction of the claim."""
    db.execute("INSERT INTO engine (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (engine,))
    row = _row(db, engine)
    if row["rate_count"] is not None:
        db.execute(
            "UPDATE engine SET tokens=?, tokens_at=? WHERE name=?",
            (_tokens(row, now) - 1, now, engine),
        )
    if row["breaker"] == OPEN:
        db.execute("UPDATE engine SET probe=? WHERE name=?", (job_id, engine))


def succeeded(db: Database, engine: str) -> None:
    """The engine answered: whatever failed before no longer counts."""
    db.execute(
        "UPDATE engine SET breaker=?, fails=0, open_until=NULL, opened_at=NULL, probe=NULL"
        " WHERE name=? AND (fails > 0 OR breaker <> ?)",
        (CLOSED, engine, CLOSED),
    )


def failed(db: Database, engine: str, policy: Policy, now: float) -> None:
    """The engine failed: open its breaker after enough in a row, or when the probe failed."""
    row = _row(db, engine)
    if row is None:
        return
    fails = row["fails"] + 1
    if row["breaker"] == OPEN or fails >= policy.breaker_fails:
        db.execute(
            "UPDATE engine SET breaker=?, fails=?, opened_at=?, open_until=?, probe=NULL"
            " WHERE name=?",
            (OPEN, fails, now, now + policy.breaker_seconds, engine),
        )
    else:
        db.execute("UPDATE engine SET fails=? WHERE name=?", (fails, engine))


def pause(db: Database, engine: str, *, who: str, why: str) -> bool:
    """Let the engine (or ``*``) begin no more jobs; False where it was paused already."""
    with writing(db):
        db.execute("INSERT INTO engine (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (engine,))
        changed = db.execute(
            "UPDATE engine SET paused_by=?, paused_why=? WHERE name=? AND paused_by IS NULL",
            (who, why, engine),
        )
        return changed.rowcount == 1


def resume(db: Database, engine: str) -> bool:
    """Undo a pause, and close the breaker: somebody says it works. False where nothing held it."""
    with writing(db):
        changed = db.execute(
            "UPDATE engine SET paused_by=NULL, paused_why=NULL, breaker=?, fails=0,"
            " open_until=NULL, opened_at=NULL, probe=NULL"
            " WHERE name=? AND (paused_by IS NOT NULL OR breaker <> ?)",
            (CLOSED, engine, CLOSED),
        )
        return changed.rowcount == 1


def limit(
    db: Database, engine: str, *, concurrency: int | None, rate: tuple[int, float] | None
) -> None:
    """Set how many jobs may run at once, and how many may begin in so many seconds.

    None takes a limit away. Raises StudioError (``limit_invalid``).
    """
    check_limit(concurrency, rate)
    count, seconds = rate or (None, None)
    with writing(db):
        db.execute("INSERT INTO engine (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (engine,))
        db.execute(
            "UPDATE engine SET concurrency=?, rate_count=?, rate_seconds=?, tokens=?, tokens_at=?"
            " WHERE name=?",
            (concurrency, count, seconds, count, db.now(), engine),
        )


def check_limit(concurrency: int | None, rate: tuple[int, float] | None) -> None:
    """Refuse limits that an engine cannot have. Raises StudioError (``limit_invalid``)."""
    count, seconds = rate or (None, None)
    for name, value in (("concurrency", concurrency), ("rate", count)):
        if value is not None and not 1 <= value <= _LARGEST:
            raise _invalid(name, value)
    if seconds is not None and not 0.001 <= seconds <= 86_400:
        raise _invalid("seconds of the rate", seconds)


def rows(db: Database) -> list[Any]:
    """Every engine that was ever used, paused or limited."""
    return db.execute("SELECT * FROM engine ORDER BY name").fetchall()


def _row(db: Database, engine: str) -> Any:
    return db.execute("SELECT * FROM engine WHERE name=?", (engine,)).fetchone()


def _running(db: Database, now: float) -> dict[str, int]:
    over, values = expired(db, now)
    found = db.execute(
        "SELECT engine, COUNT(*) AS jobs FROM job WHERE owner IS NOT NULL AND runnable=1"
        f" AND NOT {over} GROUP BY engine",
        values,
    )
    return {str(row["engine"]): int(row["jobs"]) for row in found}


def _paused(row: Any) -> str:
    if row["paused_by"] is None:
        return ""
    because = f": {row['paused_why']}" if row["paused_why"] else ""
    return f"paused by {row['paused_by']}{because}"


def _broken(db: Database, row: Any, now: float) -> str:
    if row["breaker"] != OPEN:
        return ""
    # An opening in the future was written before the clock was set back.
    if now < row["open_until"] and row["opened_at"] <= now + CLOCK_SLACK:
        return (
            f"it failed {row['fails']} times in a row and is left alone for another"
            f" {row['open_until'] - now:.0f} s"
        )
    if row["probe"] is not None:
        over, values = expired(db, now)
        held = db.execute(
            f"SELECT 1 FROM job WHERE id=? AND owner IS NOT NULL AND runnable=1 AND NOT {over}",
            (row["probe"], *values),
        ).fetchone()
        if held is not None:
            return f"it failed {row['fails']} times in a row; j{row['probe']} tries it now"
    return ""


def _tokens(row: Any, now: float) -> float:
    """What is left of the rate: a bucket that fills evenly."""
    elapsed = max(0.0, now - row["tokens_at"])
    filled = row["tokens"] + elapsed * row["rate_count"] / row["rate_seconds"]
    return float(min(row["rate_count"], filled))


def _invalid(name: str, value: float) -> StudioError:
    return StudioError(
        LIMIT_INVALID,
        f"{value:g} is no {name} that an engine can have; its limits are as they were.",
        hint="Like: ategnatos jobs limit comfyui --concurrency 2 --rate 10/60",
        given=value,
    )
