"""How often two processes get one lock, and what taking it costs.

Usage: python benchmarks/locks.py [--races 1000] [--turns 200] [--pairs 300]

Races: two real processes start for the lock at one moment, so many times; a double hold is a
round that both won. Turns: both take and free it in a loop and look whether somebody else is
inside. Cost: one taking and giving back against its floor, two synced replacements of a file of
the same size in the same folder. To reach: 0 double holds; at most 4 times the floor.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ategnatos.grimoire.files import write_atomic
from ategnatos.guard.locks import acquire
from ategnatos.guard.locks.process import this
from ategnatos.guard.locks.store import Store
from tests.guard.lock_races import NAME, Worker, race

TARGET = 4.0


def median(work: Callable[[], None], times: int) -> float:
    """Median wall seconds of ``work``."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.home()) as name:
        folder = Path(name)
        workers = [Worker(folder / "locks"), Worker(folder / "locks")]
        doubles, none, tokens = race(workers, asked.races)
        grew = tokens == sorted(set(tokens))
        print(
            f"{asked.races} races of two processes: {doubles} double holds, {none} without a"
            f" holder, tokens {'only grew' if grew else 'DID NOT GROW'}"
        )
        for worker in workers:
            worker.order(f"loop {asked.turns}")
        inside = sum(int(worker.answer().split()[1]) for worker in workers)
        print(f"2 x {asked.turns} turns: {inside} times two inside")
        for worker in workers:
            worker.end()

        store, process = Store(folder / "cost"), this()
        acquire(NAME, who="w", process=process, store=store).give_back()
        (facts,) = store.folder.glob("*.json")
        text, twin = facts.read_bytes() + b" " * 300, store.folder / "floor"

        def floor() -> None:
            write_atomic(twin, text)
            write_atomic(twin, text)

        def pair() -> None:
            acquire(NAME, who="w", process=process, store=store).give_back()

        floors, pairs = [], []
        for _ in range(5):
            floors.append(median(floor, asked.pairs // 5))
            pairs.append(median(pair, asked.pairs // 5))
        least, taken = statistics.median(floors), statistics.median(pairs)
        verdict = "ok" if taken / least <= TARGET else f"over {TARGET}"
        print(f"floor: two synced replacements {least * 1e3:6.2f} ms")
        print(f"taking and giving back {taken * 1e3:14.2f} ms  {taken / least:.2f} x  {verdict}")
    if doubles or none or inside or not grew:
        sys.exit(1)


if __name__ == "__main__":
    main()
