"""A ledger that is gone comes back from the journal: deleting the database frees no cent."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import ledger, report
from ategnatos.grimoire.spend.amounts import USD
from ategnatos.grimoire.spend.records import Entry
from ategnatos.guard.budget import policy
from ategnatos.guard.budget.config import Config, UnitCaps

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FREE = Config(None, None, None, None, units={"generations": UnitCaps(None, None)})
CAPS = Config(max_daily_cost=100, max_total_cost=150, max_job_cost=60, max_engine_cost={"e": 80})


def entry(key: str, amount: int, **more: object) -> Entry:
    return Entry(key, "a test", {USD: amount}, **more)  # type: ignore[arg-type]


def take(project: Project, one: Entry, caps: Config = CAPS, now: datetime = NOON) -> None:
    with database.connect(project) as db, database.writing(db):
        assert policy.reserve(db, caps, one, now=now)


def refused(project: Project, one: Entry, now: datetime = NOON) -> set[str]:
    with pytest.raises(StudioError) as error:
        take(project, one, now=now)
    assert error.value.code is policy.BUDGET_REFUSED
    return {cap["field"] for cap in error.value.details["caps"]}


def delete(project: Project) -> None:
    for path in project.state.glob("studio.db*"):
        path.unlink()


def sums(project: Project) -> dict[tuple[str, str, str], int]:
    with database.connect(project) as db:
        rows = db.execute("SELECT unit, kind, name, held FROM spend_total WHERE held <> 0")
        return {(row[0], row[1], row[2]): int(row[3]) for row in rows.fetchall()}


def test_every_cap_holds_after_the_database_is_deleted(project: Project) -> None:
    take(project, entry("a", 55, job="j1", engine="e"))
    with database.connect(project) as db, database.writing(db):
        ledger.settle(db, "a", {USD: 50}, now=NOON)
    take(project, entry("b", 30))
    for _ in range(3):
        delete(project)
        assert refused(project, entry("c", 11, job="j1")) == {"max_job_cost"}
        assert refused(project, entry("c", 31, engine="e")) == {
            "max_engine_cost.e",
            "max_daily_cost",
        }
        assert refused(project, entry("c", 21)) == {"max_daily_cost"}
        tomorrow = NOON + timedelta(days=1)
        assert refused(project, entry("c", 71), tomorrow) == {"max_total_cost"}
    with database.connect(project) as db:
        found = {one.key: one.status for one in report.unclear(db)}
    assert [key.partition(":")[2] for key in found] == ["b"], "what was never settled is unknown"


@pytest.mark.parametrize("seed", range(4))
def test_the_sums_are_the_same_by_everything(project: Project, seed: int) -> None:
    chance = random.Random(seed)
    known: list[str] = []
    for _round in range(3):
        with database.connect(project) as db:
            for _ in range(25):
                fresh = entry(
                    f"k{chance.randrange(12)}",
                    chance.randrange(90),
                    job=chance.choice([None, "j1", "j2"]),
                    engine=chance.choice([None, "e", "f"]),
                    tags=(("lora", chance.choice("xy")),),
                )
                now = NOON + timedelta(days=chance.randrange(3))
                known += [fresh.key]
                key = chance.choice(known)
                with database.writing(db):
                    there = bool(ledger.lines(db, key))
                    match chance.randrange(5):
                        case 0 | 1:
                            policy.reserve(db, FREE, fresh, now=now)
                        case 2 if there:
                            billed = {USD: chance.randrange(90), "generations": 2}
                            ledger.settle(db, key, billed, now=now)
                        case 3 if there:
                            ledger.release(db, key, now=now, why="test")
                        case 4 if there:
                            ledger.mark_unknown(db, key, why="test")
            known += [row[0] for row in db.execute("SELECT key FROM spend").fetchall()]
            tags = [(one.name, one.counts) for one in report.grouped(db, "lora")]
        before = sums(project)
        assert before
        delete(project)
        assert sums(project) == before
        with database.connect(project) as db:
            assert [(one.name, one.counts) for one in report.grouped(db, "lora")] == tags
    assert journal.verify(project).sound


def test_an_order_that_the_new_database_does_not_know_pays_for_itself_again(
    project: Project,
) -> None:
    take(project, entry("art/e/1", 40))
    with database.connect(project) as db, database.writing(db):
        ledger.settle(db, "art/e/1", {USD: 40}, now=NOON)
    delete(project)
    take(project, entry("art/e/1", 40))
    assert sums(project)[USD, "total", ""] == 80
    delete(project)
    assert sums(project)[USD, "total", ""] == 80


def test_what_a_person_resolves_afterwards_stays_resolved(project: Project) -> None:
    take(project, entry("a", 40))
    take(project, entry("b", 40))
    delete(project)
    with database.connect(project) as db:
        first, second = (one.key for one in report.unclear(db))
        with database.writing(db):
            ledger.release(db, first, now=NOON, why="person")
            ledger.settle(db, second, {USD: 25}, now=NOON, basis="person")
    delete(project)
    assert sums(project)[USD, "total", ""] == 25
    with database.connect(project) as db:
        assert report.unclear(db) == []


@pytest.mark.parametrize("moment", ["before the commit", "after it"])
def test_a_process_killed_around_the_commit_leaves_no_less_in_the_journal(
    project: Project, moment: str
) -> None:
    with database.connect(project):
        pass
    child = os.fork()
    if child == 0:
        with database.connect(project) as db:
            db.begin()
            policy.reserve(db, CAPS, entry("a", 40), now=NOON)
            if moment == "after it":
                db.commit()
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    held = sums(project).get((USD, "total", ""), 0)
    assert held == (40 if moment == "after it" else 0)
    delete(project)
    assert sums(project)[USD, "total", ""] == 40 >= held


def test_what_the_budget_refuses_is_no_event(project: Project) -> None:
    refused(project, entry("a", 101))
    assert list(journal.read(project)) == []


def test_a_new_database_of_any_kind_begins_with_the_journals_sums(
    either: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pointing the studio at a server, or back at a file, is no way around a cap."""
    url = os.environ.pop(database.URL_VARIABLE, None)
    take(either, entry("a", 90))
    delete(either)
    if url is not None:
        monkeypatch.setenv(database.URL_VARIABLE, url)
    assert refused(either, entry("b", 20)) == {"max_daily_cost"}


@pytest.mark.parametrize("damage", ["a line", "an amount", "the end"])
def test_a_damaged_journal_makes_no_new_database(project: Project, damage: str) -> None:
    take(project, entry("a", 40))
    take(project, entry("b", 50))
    written = project.journal_path.read_bytes()
    changed = {
        "a line": b"not an event\n" + written,
        "an amount": written.replace(b'"usd":50', b'"usd":10'),
        "the end": written[: written.index(b"\n") + 1],
    }
    project.journal_path.write_bytes(changed[damage])
    delete(project)
    with pytest.raises(StudioError) as error, database.connect(project):
        pass
    assert error.value.code is journal.JOURNAL_CORRUPT
    assert "restore journal" in error.value.hint
    project.journal_path.write_bytes(written)
    assert sums(project)[USD, "total", ""] == 90
