"""How long ``art generate --queue`` takes from cold, as a ratio to what it cannot do without.

Usage: python benchmarks/enqueue.py [--runs 15]

The floor is ``python -c "import typer, pydantic, sqlite3"`` and one fsync. Floor and command take
turns in one run, so that a busy machine slows both alike; the ratio is that of the medians. To
reach: at most 2.5.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGET = 2.5
FLOOR = [sys.executable, "-c", "import typer, pydantic, sqlite3"]


def seconds(command: list[str], cwd: Path) -> float:
    """Wall seconds of one run of ``command``, which must succeed."""
    started = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def fsync(folder: Path) -> float:
    """Seconds of one fsync of 4 KiB that were just written."""
    descriptor = os.open(folder / "fsync", os.O_RDWR | os.O_CREAT)
    os.write(descriptor, os.urandom(4096))
    started = time.perf_counter()
    os.fsync(descriptor)
    taken = time.perf_counter() - started
    os.close(descriptor)
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    program = Path(sys.executable).with_name("ategnatos")
    start = [str(program)] if program.exists() else [sys.executable, "-m", "ategnatos"]
    floors, syncs, taken, again = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        studio = Path(folder) / "studio"
        subprocess.run([*start, "init", str(studio)], check=True, stdout=subprocess.DEVNULL)
        order = [*start, "art", "generate", "--queue", "--json", "a red potion"]
        seconds([*order, "--seed", "0"], studio)  # once for the page cache
        for number in range(1, runs + 1):
            floors.append(seconds(FLOOR, studio))
            syncs.append(fsync(studio))
            taken.append(seconds([*order, "--seed", str(number)], studio))
            again.append(seconds([*order, "--seed", str(number)], studio))
    floor = statistics.median(floors) + statistics.median(syncs)
    print(
        f'floor: python -c "import typer, pydantic, sqlite3" and one fsync'
        f" ({statistics.median(syncs) * 1000:.1f} ms)  {floor * 1000:.0f} ms, {runs} runs each"
    )
    for words, times in (("a new order", taken), ("the same order again", again)):
        median = statistics.median(times)
        verdict = "ok" if median / floor <= TARGET else f"over {TARGET}"
        print(
            f"art generate --queue, {words:21} {median * 1000:5.0f} ms"
            f"  {median / floor:.2f} x  {verdict}"
        )


if __name__ == "__main__":
    main()
