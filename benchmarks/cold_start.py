"""How long a cold start takes, as a ratio to ``python -c "import typer, pydantic"``.

Usage: python benchmarks/cold_start.py [--runs 15]

Every figure is wall time of a whole process. Floor and commands take turns in one run, so that
a busy machine slows both alike; the ratio is that of the medians. To reach: at most 2.5.
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
# As where bytecode is kept, which is everywhere but in some containers: a start, not a compile.
AS_USUAL = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
FLOOR = [sys.executable, "-c", "import typer, pydantic"]


def seconds(command: list[str], cwd: Path) -> float:
    """Wall seconds of one run of ``command``, which must succeed."""
    started = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=AS_USUAL, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print one line a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    program = Path(sys.executable).with_name("ategnatos")
    start = [str(program)] if program.exists() else [sys.executable, "-m", "ategnatos"]
    with tempfile.TemporaryDirectory() as folder:
        studio = Path(folder) / "studio"
        subprocess.run([*start, "init", str(studio)], check=True, stdout=subprocess.DEVNULL)
        make = [*start, "art", "generate", "a red potion", "--quiet"]
        subprocess.run(make, cwd=studio, check=True, stdout=subprocess.DEVNULL)
        commands = {
            "ategnatos --help": [*start, "--help"],
            "ategnatos status --json": [*start, "status", "--json"],
            "ategnatos art list --json": [*start, "art", "list", "--json"],
            "ategnatos art show j1 --json": [*start, "art", "show", "j1", "--json"],
            "ategnatos grimoire get studio --json": [*start, "grimoire", "get", "studio", "--json"],
            "ategnatos knowledge words --json": [*start, "knowledge", "words", "--json"],
        }
        taken: dict[str, list[float]] = {name: [] for name in ("floor", *commands)}
        for command in commands.values():
            seconds(command, studio)  # once for the page cache
        for _ in range(runs):
            taken["floor"].append(seconds(FLOOR, studio))
            for name, command in commands.items():
                taken[name].append(seconds(command, studio))
    floor = statistics.median(taken.pop("floor"))
    print(f'floor: python -c "import typer, pydantic"  {floor * 1000:.0f} ms, {runs} runs each')
    for name, times in taken.items():
        median = statistics.median(times)
        verdict = "ok" if median / floor <= TARGET else f"over {TARGET}"
        print(f"{name:40} {median * 1000:5.0f} ms  {median / floor:.2f} x  {verdict}")


if __name__ == "__main__":
    main()
