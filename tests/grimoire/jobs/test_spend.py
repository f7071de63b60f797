"""Money is reserved before it is sent, settled once, and no race passes a cap."""

from __future__ import annotations

import multiprocessing
import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import amounts, ledger, rentals, report
from ategnatos.grimoire.spend.amounts import USD
from ategnatos.grimoire.spend.records import Entry, Standings
from ategnatos.guard.budget import policy
from ategnatos.guard.budget.config import Config, UnitCaps

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CENT = 10_000
CAPS = Config(
    max_total_cost=400 * CENT,
    max_daily_cost=250 * CENT,
    max_job_cost=120 * CENT,
    max_engine_cost={"pixellab": 90 * CENT},
    units={"generations": UnitCaps(40_000_000, 60_000_000)},
)


def entry(key: str, cents: int = 50, **more: object) -> Entry:
    return Entry(key, "a test", {USD: cents * CENT}, **more)  # type: ignore[arg-type]


def held(db: database.Database) -> int:
    row = db.execute("SELECT COALESCE(SUM(counts), 0) FROM spend WHERE unit='usd'").fetchone()
    return int(row[0])


def kept(db: database.Database) -> dict[tuple[str, str, str], int]:
    """The sums that reservations are held against."""
    rows = db.execute("SELECT unit, kind, name, held FROM spend_total WHERE held <> 0")
    return {(row[0], row[1], row[2]): int(row[3]) for row in rows.fetchall()}


def summed(db: database.Database) -> dict[tuple[str, str, str], int]:
    """The same, from the rows themselves."""
    found: Counter[tuple[str, str, str]] = Counter()
    for row in db.execute("SELECT unit, day, job, engine, counts FROM spend").fetchall():
        found[row[0], "total", ""] += row[4]
        found[row[0], "day", row[1]] += row[4]
        found[row[0], "job", row[2] or ""] += row[4]
        found[row[0], "engine", row[3] or ""] += row[4]
    return {name: held for name, held in found.items() if held}


@pytest.fixture
def db(project: Project) -> Iterator[database.Database]:
    with database.connect(project) as opened:
        yield opened


@pytest.fixture
def both(either: Project) -> Iterator[database.Database]:
    """On SQLite and again on Postgres."""
    with database.connect(either) as opened:
        yield opened


def take(db: database.Database, one: Entry, caps: Config = CAPS, now: datetime = NOON) -> bool:
    with database.writing(db):
        return policy.reserve(db, caps, one, now=now)


def test_amounts_are_exact_and_round_up() -> None:
    assert amounts.millionths(Decimal("0.1")) * 3 == amounts.millionths(Decimal("0.3"))
    assert amounts.millionths(Decimal("0.0000001")) == 1
    assert amounts.plain(8_500) == "0.0085"
    assert amounts.plain(3_000_000) == "3.00"
    assert amounts.of_rate(600_000, 61) == 20_000  # two started minutes at 0.60 an hour
    for bad in ("-1", "NaN", "Infinity", "1000001"):
        with pytest.raises(ValueError, match="no amount"):
            amounts.millionths(Decimal(bad))


def test_what_is_reserved_counts_until_it_is_settled_or_released(db: database.Database) -> None:
    assert take(db, entry("a", 100))
    assert held(db) == 100 * CENT
    with database.writing(db):
        ledger.settle(db, "a", {USD: 30 * CENT}, now=NOON)
    assert held(db) == 30 * CENT
    assert take(db, entry("b", 70))
    with database.writing(db):
        assert ledger.release(db, "b", now=NOON, why="refused")
    assert held(db) == 30 * CENT


def test_the_same_key_is_the_same_money(both: database.Database) -> None:
    db = both
    assert take(db, entry("a"))
    assert not take(db, entry("a"))
    assert held(db) == 50 * CENT
    with database.writing(db):
        assert ledger.settle(db, "a", {USD: 40 * CENT}, now=NOON).fresh
        assert not ledger.settle(db, "a", {USD: 99 * CENT}, now=NOON).fresh
        assert not ledger.release(db, "a", now=NOON, why="too late")
    assert not take(db, entry("a"))
    assert held(db) == 40 * CENT


def test_an_unknown_outcome_keeps_the_reservation_and_may_be_settled_later(
    db: database.Database,
) -> None:
    take(db, entry("a"))
    with database.writing(db):
        assert ledger.mark_unknown(db, "a", why="timeout")
    assert held(db) == 50 * CENT
    assert [one.status for one in ledger.lines(db, "a")] == ["unknown"]
    with database.writing(db):
        ledger.settle(db, "a", None, now=NOON)
    (line,) = ledger.lines(db, "a")
    assert (line.status, line.settled, line.basis) == ("settled", 50 * CENT, "estimate")


def test_a_bill_above_the_reservation_is_recorded_and_told(both: database.Database) -> None:
    db = both
    take(db, entry("a", 50))
    with database.writing(db):
        settlement = ledger.settle(db, "a", {USD: 80 * CENT, "generations": 7}, now=NOON)
    assert settlement.over == {USD: 30 * CENT, "generations": 7}
    assert held(db) == 80 * CENT


@pytest.mark.parametrize(
    ("more", "cents", "field"),
    [
        ({"job": "j1"}, 121, "max_job_cost"),
        ({"engine": "pixellab"}, 91, "max_engine_cost.pixellab"),
        ({}, 251, "max_daily_cost"),
        ({}, 401, "max_total_cost"),
        ({"rate": 3_000_001, "minutes": 60}, 1, "max_hourly_rate"),
        ({"rate": 1, "minutes": 481}, 1, "max_runtime_minutes"),
    ],
)
def test_each_cap_is_checked_alone(
    db: database.Database, more: dict[str, object], cents: int, field: str
) -> None:
    with pytest.raises(StudioError) as refused:
        take(db, entry("a", cents, **more))
    assert refused.value.code is policy.BUDGET_REFUSED
    assert field in [one["field"] for one in refused.value.details["caps"]]
    assert held(db) == 0


def test_the_day_ends_at_midnight_utc_and_the_refusal_says_so(db: database.Database) -> None:
    take(db, entry("a", 200))
    with pytest.raises(StudioError) as refused:
        take(db, entry("b", 100))
    assert refused.value.details["resumes_at"] == "2026-11-22T00:00:00Z"
    east = NOON.astimezone().replace(tzinfo=UTC) + timedelta(hours=12)
    assert take(db, entry("b", 100), now=east)


def test_a_unit_that_nobody_allowed_is_refused_and_units_are_no_money(
    db: database.Database,
) -> None:
    with pytest.raises(StudioError, match="Nobody has allowed any credits"):
        take(db, Entry("a", "a test", {"credits": 1}))
    assert take(db, Entry("b", "a test", {"generations": 40_000_000}))
    assert held(db) == 0
    with pytest.raises(StudioError, match="generations"):
        take(db, Entry("c", "a test", {"generations": 1}))


def test_a_bill_that_comes_after_all_is_recorded_even_past_a_cap(db: database.Database) -> None:
    take(db, entry("a", 200))
    with database.writing(db):
        ledger.release(db, "a", now=NOON, why="refused")
    take(db, entry("b", 250))
    with database.writing(db):
        ledger.settle(db, "a", {USD: 200 * CENT}, now=NOON)
    assert held(db) == 450 * CENT


def test_an_override_passes_the_caps_for_its_own_entry_alone(db: database.Database) -> None:
    leave = policy.Override("e00000001", "big", {USD: 500 * CENT}, 0, 0)
    with database.writing(db):
        assert policy.reserve(db, CAPS, entry("big", 500), now=NOON, override=leave)
    for other in (entry("other", 1), entry("big2", 1)):
        with pytest.raises(StudioError), database.writing(db):
            policy.reserve(db, CAPS, other, now=NOON, override=leave)
    assert ledger.lines(db, "big")[0].override_event == "e00000001"


steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "release", "unknown", "again"]),
        st.integers(0, 9),
        st.integers(0, 200),
        st.sampled_from([None, "j1", "j2"]),
        st.sampled_from([None, "pixellab", "other"]),
        st.integers(0, 2),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None)
@given(steps=steps)
def test_no_order_of_calls_passes_a_cap(steps: list, tmp_path_factory) -> None:
    """Reserved and settled together stay within every cap, whatever is called when."""
    project = Project.create(tmp_path_factory.mktemp("spend") / "studio")
    with database.connect(project) as db:
        for what, number, cents, job, engine, days in steps:
            key, now = f"k{number}", NOON + timedelta(days=days)
            try:
                with database.writing(db):
                    if what in {"reserve", "again"}:
                        policy.reserve(db, CAPS, entry(key, cents, job=job, engine=engine), now=now)
                    elif what == "settle":
                        lines = ledger.lines(db, key)
                        if any(one.status == "released" for one in lines):
                            continue  # billed after all: recorded even past a cap, see below
                        below = min((one.reserved for one in lines), default=0)
                        ledger.settle(db, key, {USD: min(cents * CENT, below)}, now=now)
                    elif what == "release":
                        ledger.release(db, key, now=now, why="test")
                    else:
                        ledger.mark_unknown(db, key, why="test")
            except StudioError as error:
                if error.code not in {policy.BUDGET_REFUSED, ledger.SPEND_UNKNOWN}:
                    raise
            assert held(db) <= 400 * CENT
            for column, cap in (("day", 250), ("job", 120)):
                rows = db.execute(
                    f"SELECT SUM(counts) FROM spend WHERE {column} IS NOT NULL GROUP BY {column}"
                )
                assert all(row[0] <= cap * CENT for row in rows)
            row = db.execute("SELECT SUM(counts) FROM spend WHERE engine='pixellab'").fetchone()
            assert (row[0] or 0) <= 90 * CENT
            assert kept(db) == summed(db)


@pytest.mark.parametrize("seed", range(3))
def test_the_kept_sums_are_the_sums_of_the_rows_on_either_database(
    both: database.Database, seed: int
) -> None:
    """Whatever is called, undone, or written past the ledger by hand."""
    db, chance = both, random.Random(seed)
    free = Config(None, None, None, None, units={"generations": UnitCaps(None, None)})
    for number in range(120):
        key, now = f"k{chance.randrange(15)}", NOON + timedelta(days=chance.randrange(3))
        amounts_of = {unit: chance.randrange(100) for unit in (USD, "generations")}
        one = Entry(
            key,
            "a test",
            amounts_of,
            job=chance.choice([None, "j1", "j2"]),
            engine=chance.choice([None, "pixellab"]),
        )
        try:
            with database.writing(db):
                match chance.randrange(7):
                    case 0 | 1 | 2:
                        policy.reserve(db, free, one, now=now)
                    case 3:
                        ledger.settle(db, key, {USD: chance.randrange(200), "other": 3}, now=now)
                    case 4:
                        ledger.release(db, key, now=now, why="test")
                    case 5:
                        db.execute(
                            "UPDATE spend SET job='j3', day='2026-01-01' WHERE key=?", (key,)
                        )
                    case 6:
                        db.execute("DELETE FROM spend WHERE key=?", (key,))
                if number % 5 == 0:
                    raise KeyError(key)
        except KeyError:
            pass
        except StudioError as error:
            if error.code is not ledger.SPEND_UNKNOWN:
                raise
        assert kept(db) == summed(db)
    assert kept(db)


def test_a_ledger_of_before_gets_its_sums_when_it_is_opened(project: Project) -> None:
    with database.connect(project) as db:
        for name in ("spend_inserted", "spend_deleted", "spend_changed"):
            db.execute(f"DROP TRIGGER {name}")
        db.execute("DROP TABLE spend_total")
        db.execute("DROP TABLE machine")
        db.execute("DROP TABLE picture_colours")
        db.execute("DROP INDEX spend_by_job")
        db.execute("CREATE INDEX spend_by_day ON spend (unit, day, counts)")
        db.execute("CREATE INDEX spend_by_engine ON spend (unit, engine, counts)")
        db.execute("CREATE INDEX spend_by_job ON spend (job, unit, counts)")
        for number in range(9):
            db.execute(
                "INSERT INTO spend (key, unit, status, reserved, counts, day, job, engine,"
                " operation, basis, reserved_at) VALUES (?,'usd','settled',7,7,?,?,?,'art','','')",
                (f"k{number}", f"2026-11-0{number % 3 + 1}", ["j1", None][number % 2], "e"),
            )
        db.execute("PRAGMA user_version=4")
    with database.connect(project) as db:
        assert kept(db) == summed(db)
        assert kept(db)["usd", "total", ""] == 63
        take(db, entry("more", 1))
        assert kept(db) == summed(db)


def _race(root: str, who: int, start: object, results: object) -> None:
    """One of the racers: reserves a cent at a time until it is refused; settles half of them."""
    taken = 0
    with database.connect(Project(Path(root))) as db:
        start.wait()  # type: ignore[attr-defined]
        while True:
            key = f"racer{who}-{taken}"
            try:
                with database.writing(db):
                    policy.reserve(db, CAPS, entry(key, 7), now=NOON)
            except StudioError as error:
                if error.code is not policy.BUDGET_REFUSED:
                    raise
                break
            if taken % 2:
                with database.writing(db):
                    ledger.settle(db, key, {USD: 7 * CENT}, now=NOON)
            taken += 1
    results.put(taken)  # type: ignore[attr-defined]


def race(project: Project) -> tuple[int, int]:
    """Let eight processes race for the day's cap; returns how many won and what is held."""
    with database.connect(project):
        pass
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(8), context.Queue()
    racers = [
        context.Process(target=_race, args=(str(project.root), who, start, results))
        for who in range(8)
    ]
    for one in racers:
        one.start()
    for one in racers:
        one.join(60)
        assert one.exitcode == 0
    won = sum(results.get(timeout=5) for _ in racers)
    with database.connect(project) as db:
        return won, held(db)


def test_eight_processes_race_for_the_last_dollar_and_none_passes_the_cap(
    either: Project,
) -> None:
    won, counted = race(either)
    assert won == 250 // 7
    assert counted == won * 7 * CENT


def test_sums_stay_sums_under_a_policy_that_looks(db: database.Database) -> None:
    """What the policy is shown is what the ledger holds."""
    shown: list[Standings] = []
    take(db, entry("a", 30, job="j1", engine="e"))
    take(db, entry("b", 20, job="j2", engine="e"), now=NOON - timedelta(days=1))
    with database.writing(db):
        ledger.reserve(
            db,
            entry("c", 1, job="j1", engine="e"),
            lambda _, standings: shown.append(standings),
            now=NOON,
        )
    seen = shown[0].units[USD]
    assert (seen.day, seen.total, seen.job, seen.engine) == (
        30 * CENT,
        50 * CENT,
        30 * CENT,
        50 * CENT,
    )


def test_a_report_sums_by_everything_on_either_database(both: database.Database) -> None:
    db = both
    take(db, entry("a", 30, job="j1", engine="e", tags=(("lora", "x"), ("lora", "y"))))
    take(db, entry("b", 20, job="j1", engine="e"))
    take(db, entry("c", 5))
    with database.writing(db):
        ledger.settle(db, "a", {USD: 40 * CENT}, now=NOON)
        ledger.mark_unknown(db, "b", why="timeout")
    (group,) = [one for one in report.grouped(db, "engine") if one.name == "e"]
    assert (group.calls, group.settled, group.unknown) == (2, 40 * CENT, 20 * CENT)
    assert (group.over, group.counts) == (10 * CENT, 60 * CENT)
    assert [one.name for one in report.grouped(db, "lora")] == ["", "x", "y"]
    assert [one.name for one in report.grouped(db, "job")] == ["", "j1"]
    assert report.grouped(db, "day", since="2026-11-22") == []
    (total,) = report.totals(db, "2026-11-21")
    assert amounts.plain(total.counts) == "0.65"
    assert [one.key for one in report.unclear(db)] == ["b"]


def test_a_rental_is_claimed_by_one_and_ends_once_on_either_database(
    both: database.Database,
) -> None:
    db = both
    with database.writing(db):
        policy.reserve(db, CAPS, entry("r", 60), now=NOON)
        one = rentals.start(
            db, provider="p", resource="m", rate=600_000, minutes=60, spend_key="r", now=NOON
        )
        with pytest.raises(StudioError):
            rentals.refuse_second(db, "p", "m")
    later = NOON + timedelta(minutes=90)
    assert rentals.beyond_reservation(db, now=later)[0].over == 30 * CENT
    assert ledger.standings(db, entry("x"), now=later).units[USD].total == 90 * CENT
    assert rentals.hourly(db) == 600_000
    with database.writing(db):
        mine = rentals.claim(db, one, now=NOON, seconds=60)
        assert mine is not None
        assert rentals.claim(db, one, now=NOON, seconds=60) is None
        assert rentals.claim(db, one, now=later, seconds=60) is not None
        rentals.unclaim(db, one, mine)  # no longer mine: the other keeps it
        assert rentals.claim(db, one, now=later, seconds=60) is None
        assert rentals.end(db, one, how="observed", now=later)
        assert not rentals.end(db, one, how="observed", now=later)
        rentals.note_sweep(db, now=later)
    assert rentals.live(db) == []
    assert rentals.last_sweep(db) == "2026-11-21T13:30:00Z"


def test_a_process_killed_inside_the_transaction_has_reserved_nothing(project: Project) -> None:
    child = os.fork()
    if child == 0:
        with database.connect(project) as db, database.writing(db):
            policy.reserve(db, CAPS, entry("a"), now=NOON)
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    with database.connect(project) as db:
        assert held(db) == 0
