"""Rows of the library: prompts with an approved picture, and which pictures these are.

The journal is written first, these rows follow. Two pictures of the same words stand behind one
entry. A removed entry stays as a row, so that its name is not used for another prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.jobs.folded import fold, patterns

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database


@dataclass(frozen=True, slots=True)
class Entry:
    """A proven prompt. ``family`` and ``name`` are those of its page, ``job`` the first that was
    approved, ``notes`` what people said of it (text, actor, time).
    """

    id: int
    family: str
    name: str
    identity: str
    job: int
    notes: tuple[dict[str, str], ...]
    event: str
    created_at: str
    removed_at: str | None
    approvals: int

    @property
    def full_name(self) -> str:
        """``sdxl/owl-mascot``."""
        return f"{self.family}/{self.name}"


_SELECT = (
    "SELECT l.id, l.family, l.name, l.identity, l.job, l.notes, l.event, l.created_at,"
    " l.removed_at, (SELECT COUNT(*) FROM library_picture p WHERE p.entry = l.id) AS approvals"
    " FROM library l"
)


def not_kept(db: Database) -> list[tuple[int, int]]:
    """Approved candidates (job, number) that no entry names, oldest first."""
    rows = db.execute(
        "SELECT c.job, c.number FROM candidate c LEFT JOIN library_picture p"
        " ON p.job = c.job AND p.number = c.number"
        " WHERE c.verdict = 'approved' AND p.entry IS NULL ORDER BY c.job, c.number"
    )
    return [(int(job), int(number)) for job, number in rows]


def by_identity(db: Database, identity: str) -> Entry | None:
    """The entry of a prompt, removed or not."""
    row = db.execute(f"{_SELECT} WHERE l.identity=?", (identity,)).fetchone()
    return None if row is None else _entry(row)


def names(db: Database, family: str) -> set[str]:
    """Every name that was used in a family."""
    return {row[0] for row in db.execute("SELECT name FROM library WHERE family=?", (family,))}


def add(
    db: Database,
    family: str,
    name: str,
    *,
    identity: str,
    job: int,
    texts: list[str | None],
    event: str,
    now: str,
) -> Entry:
    """Write an entry down, or bring the removed one of that prompt back.

    A name that another machine took in the meantime gets a number.
    """
    with writing(db):
        if by_identity(db, identity) is None:
            name = free_name(name, names(db, family))
        db.execute(
            "INSERT INTO library (family, name, identity, job, words, event, created_at)"
            " VALUES (?,?,?,?,?,?,?) ON CONFLICT (identity) DO UPDATE SET removed_at=NULL,"
            " event=excluded.event",
            (family, name, identity, job, fold(texts), event, now),
        )
    found = by_identity(db, identity)
    assert found is not None
    return found


def free_name(name: str, taken: set[str]) -> str:
    """``name``, or with the first number that nobody has: ``owl-2``."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def add_picture(db: Database, entry: int, job: int, number: int) -> None:
    """Name an approved picture of an entry; one that is named already changes nothing."""
    db.execute(
        "INSERT INTO library_picture (entry, job, number) VALUES (?,?,?)"
        " ON CONFLICT (job, number) DO NOTHING",
        (entry, job, number),
    )


def pictures(db: Database, entry: int) -> list[tuple[int, int]]:
    """The approved pictures of an entry (job, number), oldest first."""
    rows = db.execute(
        "SELECT job, number FROM library_picture WHERE entry=? ORDER BY job, number", (entry,)
    )
    return [(int(job), int(number)) for job, number in rows]


def note(db: Database, entry: Entry, said: dict[str, str], *, event: str) -> Entry:
    """Add what somebody said of an entry."""
    notes = json.dumps([*entry.notes, said], ensure_ascii=False)
    with writing(db):
        db.execute(
            "UPDATE library SET notes=?, words = words || ?, event=? WHERE id=?",
            (notes, fold([said["text"]]).removeprefix(" "), event, entry.id),
        )
    return _entry(db.execute(f"{_SELECT} WHERE l.id=?", (entry.id,)).fetchone())


def remove(db: Database, entry: Entry, *, event: str, now: str) -> None:
    """Take an entry out; its row and name stay."""
    with writing(db):
        db.execute("UPDATE library SET removed_at=?, event=? WHERE id=?", (now, event, entry.id))


def find(
    db: Database, *, words: str = "", family: str | None = None, limit: int | None = None
) -> list[Entry]:
    """The entries that hold all of ``words``, the most approved and then the newest first."""
    where, values = ["l.removed_at IS NULL"], list[Any]()
    for pattern in patterns(words):
        where.append("l.words LIKE ?")
        values.append(pattern)
    if family is not None:
        where.append("l.family = ?")
        values.append(family)
    rows = db.execute(
        f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY approvals DESC, l.id DESC LIMIT ?",
        (*values, 2**62 if limit is None else limit),
    )
    return [_entry(row) for row in rows]


def named(db: Database, text: str) -> list[Entry]:
    """The entries that ``sdxl/owl`` or ``owl`` names."""
    return list(_named(db, text))


def _named(db: Database, text: str) -> Iterator[Entry]:
    family, slash, name = text.strip().rpartition("/")
    where, values = ("l.family=? AND l.name=?", (family, name)) if slash else ("l.name=?", (name,))
    for row in db.execute(
        f"{_SELECT} WHERE l.removed_at IS NULL AND {where} ORDER BY l.family", values
    ):
        yield _entry(row)


def _entry(row: Any) -> Entry:
    facts = dict(row)
    facts["notes"] = tuple(json.loads(facts["notes"]))
    return Entry(**facts)
