"""What a fence costs before every tool call, beside a Python that does nothing.

    python benchmarks/fence.py [--runs 200]

Prints p50 and p99 in milliseconds of one decision as a whole process, the same of
``python -S -c pass`` in turn with it, and the limit: twice that plus 15 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINES = (
    "ls -la",
    "ategnatos art generate 'a red potion, outlined' --count 4 --json | jq .data.job",
    'cd workspace && for f in *.png; do echo "$f"; done; rm -rf {tmp,build}',
    "bash -c 'rm -rf exports/red-potion'",
)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--runs", type=int, default=200)
    runs = asked.parse_args().runs
    program = Path(sys.executable).with_name("ategnatos-fence")
    fence = (
        [str(program)] if program.exists() else [sys.executable, "-m", "ategnatos.fences.program"]
    )
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"
    }
    folder = Path(tempfile.mkdtemp())
    (folder / "grimoire" / ".state").mkdir(parents=True)
    times: dict[str, list[float]] = {"nothing": [], "fence": []}

    def timed(kind: str, words: list[str], given: bytes) -> None:
        started = time.perf_counter()
        subprocess.run(
            words, input=given, capture_output=True, check=True, env=environment, cwd=folder
        )
        times[kind].append((time.perf_counter() - started) * 1000)

    for number in range(runs + 5):
        call = {"tool_name": "Bash", "tool_input": {"command": LINES[number % len(LINES)]}}
        given = json.dumps({**call, "session_id": "s", "cwd": str(folder)}).encode()
        timed("nothing", [sys.executable, "-S", "-c", "pass"], b"")
        timed("fence", [*fence, "PreToolUse"], given)
    shutil.rmtree(folder)
    print(f"{'':>28} {'p50 ms':>8} {'p99 ms':>8}")
    found = {}
    for kind, all_of in times.items():
        kept = sorted(all_of[5:])
        found[kind] = statistics.median(kept), kept[int(len(kept) * 0.99) - 1]
        name = {"nothing": "python -S -c pass", "fence": "ategnatos-fence PreToolUse"}[kind]
        print(f"{name:>28} {found[kind][0]:8.1f} {found[kind][1]:8.1f}")
    limits = [2 * floor + 15 for floor in found["nothing"]]
    print(f"{'limit (2 x floor + 15)':>28} {limits[0]:8.1f} {limits[1]:8.1f}")
    for place, name in enumerate(("p50", "p99")):
        print(f"{name}: {found['fence'][place] / limits[place]:.2f} of the limit")


if __name__ == "__main__":
    main()
