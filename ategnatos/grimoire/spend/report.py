"""What was spent, summed by day, by what it was for, and by who was paid."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.spend.records import Line

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

# What a report may be grouped by: a column of the ledger, or a kind of tag.
COLUMNS = ("day", "engine", "job", "operation")
TAGS = ("project", "lora", "machine")

_SUMS = """
    COUNT(*) AS calls,
    COALESCE(SUM(CASE WHEN status='reserved' THEN counts ELSE 0 END), 0) AS reserved,
    COALESCE(SUM(CASE WHEN status='unknown' THEN counts ELSE 0 END), 0) AS unknown,
    COALESCE(SUM(CASE WHEN status='settled' THEN counts ELSE 0 END), 0) AS settled,
    COALESCE(SUM(CASE WHEN settled>reserved THEN settled-reserved ELSE 0 END), 0) AS over_it,
    COALESCE(SUM(CASE WHEN basis='estimate' THEN counts ELSE 0 END), 0) AS estimated
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Sums of one name in one ledger, in millionths; ``name`` is empty for "none of them".

    ``over`` is by how much bills passed their reservations; ``estimated`` the part of
    ``settled`` for which the vendor named no price.
    """

    name: str
    unit: str
    calls: int
    reserved: int
    unknown: int
    settled: int
    over: int
    estimated: int

    @property
    def counts(self) -> int:
        """What counts against the caps."""
        return self.reserved + self.unknown + self.settled


def grouped(
    db: Database, by: str, *, since: str = "0000-00-00", until: str = "9999-99-99"
) -> list[Group]:
    """One group for every name and ledger, by name. ``since`` and ``until`` are UTC days, both
    included. ``by`` is one of ``COLUMNS`` or ``TAGS``; anything else is a KeyError.

    A call with two tags of one kind counts in both.
    """
    if by in COLUMNS:
        sql = f"SELECT COALESCE({by}, '') AS name, unit, {_SUMS} FROM spend"  # noqa: S608
        values: tuple[Any, ...] = ()
    elif by in TAGS:
        sql = (
            f"SELECT COALESCE(t.name, '') AS name, unit, {_SUMS} FROM spend"  # noqa: S608
            " LEFT JOIN spend_tag t ON t.key=spend.key AND t.kind=?"
        )
        values = (by,)
    else:
        raise KeyError(by)
    rows = db.execute(
        f"{sql} WHERE day>=? AND day<=? AND status<>'released' GROUP BY 1, 2 ORDER BY 1, 2",
        (*values, since, until),
    )
    return [_group(row) for row in rows.fetchall()]


def totals(db: Database, day: str | None = None) -> list[Group]:
    """Sums of every ledger, of one UTC day or of all time."""
    where = "" if day is None else "AND day=?"
    rows = db.execute(
        f"SELECT '' AS name, unit, {_SUMS} FROM spend"  # noqa: S608 - no value in the text
        f" WHERE status<>'released' {where} GROUP BY unit ORDER BY unit",
        () if day is None else (day,),
    )
    return [_group(row) for row in rows.fetchall()]


def unclear(db: Database) -> list[Line]:
    """Every row that may have been billed and is not known, oldest first."""
    names = ", ".join(one.name for one in fields(Line))
    rows = db.execute(
        f"SELECT {names} FROM spend WHERE status='unknown' ORDER BY reserved_at, key"  # noqa: S608
    )
    return [Line(**dict(row)) for row in rows.fetchall()]


def _group(row: Any) -> Group:
    # Postgres gives the sum of whole numbers as a Decimal.
    return Group(str(row[0]), str(row[1]), *(int(number) for number in tuple(row)[2:]))
