"""Whether the caps hold when everybody reaches at once, and what holding them costs.

Usage: python benchmarks/budget.py [--races 20] [--rows 100000] [--rentals 300]

Races: eight real processes reserve until they are refused, on SQLite and, where a server can be
started, on Postgres; the sum must be the cap's last whole piece. Cost: one reservation in a
ledger of so many rows against its floor, one bare insert committed to the same file (10,000 rows
are more than the default caps buy; the kept sums do not grow with them). Rentals:
machines whose provider refuses, loses replies, forgets and lags, swept by two watchdogs in turn;
none may end the run alive and unlisted, and none may be called ended while it exists. To reach:
0 over a cap, at most 4 times the floor, 0 false endings.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import ledger, rentals
from ategnatos.grimoire.spend.amounts import USD
from ategnatos.grimoire.spend.records import Entry
from ategnatos.guard.budget import policy
from ategnatos.guard.budget.config import Config
from ategnatos.studio import rentals as room
from ategnatos.studio import watchdog
from tests import postgres
from tests.grimoire.jobs.test_spend import CENT, race
from tests.studio.fake_provider import Cloud

TARGET = 4.0
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FREE = Config(None, None, None, None, max_runtime_minutes=10**6)


def races(folder: Path, times: int) -> int:
    """Run the races; returns how many passed the cap."""
    over = 0
    for number in range(times):
        won, held = race(Project.create(folder / f"race{number}"))
        over += held > 250 * CENT or held != won * 7 * CENT
    return over


def median(work: Callable[[int], None], times: int) -> float:
    """Median wall seconds of ``work``."""
    taken = []
    for number in range(times):
        started = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def cost(folder: Path, rows: int) -> None:
    """Print what a reservation costs in a full ledger."""
    with database.connect(Project.create(folder / "cost")) as db:
        with database.writing(db):
            db.executemany(
                "INSERT INTO spend (key, unit, status, reserved, settled, counts, day, job,"
                " engine, operation, basis, reserved_at) VALUES (?,'usd','settled',1,1,1,?,?,?,"
                "'art','vendor','2026-01-01T00:00:00Z')",
                (
                    (f"old{n}", f"2026-{n % 12 + 1:02d}-01", f"j{n // 4}", f"engine{n % 5}")
                    for n in range(rows)
                ),
            )
            db.execute("CREATE TABLE floor (key TEXT PRIMARY KEY, amount INTEGER)")

        def reserve(number: int) -> None:
            one = Entry(f"new{number}", "art", {USD: 1}, job=f"n{number}", engine="engine1")
            with database.writing(db):
                policy.reserve(db, FREE, one, now=NOON)

        def bare(number: int) -> None:
            with database.writing(db):
                db.execute("INSERT INTO floor VALUES (?,?)", (f"k{number}", number))

        floor, ours = median(bare, 200), median(reserve, 200)
    print(
        f"a reservation among {rows} rows: {ours * 1000:.2f} ms, {ours / floor:.1f} times a bare"
        f" committed insert (to reach: {TARGET:g})"
    )


def simulate(folder: Path, count: int, seed: int) -> None:
    """Print what became of ``count`` rentals with an unreliable provider."""
    chance = random.Random(seed)
    project = Project.create(folder / "rentals")
    now = NOON
    false = sent = 0
    with Cloud() as cloud:
        for number in range(count):
            wanted = room.Plan("fake", f"pod-{number}", 600_000, chance.randint(1, 120))
            cloud.machines.add(wanted.resource)
            room.start(project, FREE, wanted, wanted.entry(now), actor="test", now=now)
        for _ in range(400):
            now += timedelta(seconds=chance.choice([10, 30, 60, 600]))
            cloud.mood = chance.choice(["obey", "refuse", "forget", "drop", "silent"])
            cloud.blind = chance.choice([0, 0, 2])
            at = now
            for found in watchdog.sweep(project, cloud.find, clock=lambda at=at: at):
                false += found.kind == "ended" and found.rental.resource in cloud.machines
            sent = len(cloud.asked)
            with database.connect(project) as db:
                left = {one.resource for one in rentals.live(db)}
            assert cloud.machines <= left, "a machine bills and is on no list"
            if not left:
                break
    with database.connect(project) as db:
        row = db.execute("SELECT COUNT(*) FROM spend WHERE status='settled'").fetchone()
        counted = ledger.standings(db, Entry("x", "x", {USD: 0}), now=now).units[USD].total
    print(
        f"{count} rentals (seed {seed}): {len(left)} still listed, {row[0]} settled,"
        f" {false} called ended while they existed, {sent} requests to end,"
        f" {counted / 1_000_000:.2f} USD counted"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=20)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rentals", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.home()) as name:
        folder = Path(name)
        over = races(folder, asked.races)
        print(f"SQLite: {asked.races} races of eight processes, {over} over the cap")
        cost(folder, asked.rows)
        simulate(folder, asked.rentals, asked.seed)
        why = postgres.why_not()
        if why:
            print(f"Postgres: not measured; it {why}")
            return
        server = postgres.Server()
        try:
            over = 0
            for number in range(asked.races):
                os.environ[database.URL_VARIABLE] = server.fresh(f"race{number}")
                over += races(folder / f"pg{number}", 1)
        finally:
            del os.environ[database.URL_VARIABLE]
            server.remove()
        print(f"Postgres: {asked.races} races of eight processes, {over} over the cap")


if __name__ == "__main__":
    main()
