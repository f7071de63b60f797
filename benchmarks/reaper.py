"""Whether anything rented can outlive its record: lives in virtual time, with faults and deaths.

Usage: python benchmarks/reaper.py [--runs 1000] [--only vastai] [--first 0]

Each run is one seed: one to three machines are ordered from a provider that is played (recorded
answers, faults at the create, in lists that lag, at the end), the process dies at any look at the
clock, pause or request, nobody is there for up to an hour, then the reaper starts, and dies too.
To reach, for each provider: every machine asked to end at most 2 periods of the reaper after it
runs, sees the machine and is answered honestly; 0 machines left; 0 created twice under one order;
what is billed at most what was set aside and one billing unit, but for the time in which nobody of
ours ran, or the provider hid the machine, refused its end or let it linger (those runs are
counted); what the provider has billed always in our books, unknown or not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.studio.reaper_simulation import PROVIDERS, Lived, live


def main() -> int:
    """Print one line a provider; 1 where something was not reached."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--only", choices=sorted(PROVIDERS))
    given = options.parse_args()
    failed = 0
    # Memory where there is some: it is the states that count, not the disk.
    shm = Path("/dev/shm")
    for name in [given.only] if given.only else sorted(PROVIDERS):
        began = time.perf_counter()
        lives: list[Lived] = []
        for seed in range(given.first, given.first + given.runs):
            with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder:
                lived = live(name, seed, Path(folder))
            lives.append(lived)
            if not lived.sound:
                print(f"  {name} seed {seed}: {lived}")
        bad = [one for one in lives if not one.sound]
        failed += len(bad)
        print(
            f"{name}: {len(lives)} runs, {sum(one.died for one in lives)} deaths,"
            f" {sum(one.creates for one in lives)} creates,"
            f" {sum(one.doubles for one in lives)} doubled,"
            f" {sum(one.left for one in lives)} left running;"
            f" latest end {max(one.late for one in lives):.1f} periods;"
            f" {sum(one.strict for one in lives)} runs within what was set aside and one unit,"
            f" the others by outages; {len(bad)} not as promised"
            f" ({time.perf_counter() - began:.0f} s)"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
