"""What the record's safety costs, as a ratio to a bare write of the same bytes in the same run.

Usage: python benchmarks/grimoire.py [--edits 200] [--folder DIR] [--writers 4]

An edit is ``documents.edit``: lock, read, validate, back up, write, rename, page. An append is
``journal.append``. Their floors are the least that survives a power cut: write, fsync and rename
of a file as large as the document; write and fsync of a line at the end of a file. The two take
turns. To reach: at most 3 for each. Then WRITERS processes edit one document at once, 500 times
each, and every edit must be there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.project import Project

TARGET = 3.0
EACH = 500
WRITER = """
import sys
from pathlib import Path
from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.studio import Model

project = Project(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    with documents.edit(project, "studio") as studio:
        studio.models.append(Model(name=f"{sys.argv[2]}-{number}"))
"""


def seconds(work: Callable[[], None]) -> float:
    """Wall seconds of one call of ``work``."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def bare_replace(path: Path, content: bytes) -> None:
    """Write, fsync and rename: the least that never leaves half a file."""
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)


def bare_append(path: Path, line: bytes) -> None:
    """Write a line at the end and fsync it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def report(name: str, ours: list[float], floor: list[float]) -> None:
    """Print one line: both medians and their ratio."""
    mine, bare = statistics.median(ours), statistics.median(floor)
    verdict = "ok" if mine <= TARGET * bare else f"over {TARGET}"
    print(
        f"{name:16} {mine * 1000:7.2f} ms   bare {bare * 1000:7.2f} ms   {mine / bare:.2f} x  "
        f"{verdict}"
    )


def measure_edits(project: Project, count: int) -> None:
    """Edits of the studio document against bare replacements of a file of its size."""
    document, bare = project.state / "studio.json", project.root / "bare.json"
    ours, floor = [], []

    def edit() -> None:
        with documents.edit(project, "studio") as studio:
            studio.environment.cuda = f"12.{len(ours)}"

    for _ in range(count):
        ours.append(seconds(edit))
        content = document.read_bytes()
        floor.append(seconds(lambda content=content: bare_replace(bare, content)))
    report("document edit", ours, floor)


def measure_appends(project: Project, count: int) -> None:
    """Appends to the journal against bare appends of lines of that length."""
    bare = project.root / "bare.jsonl"
    ours, floor = [], []
    line = b"x" * 300 + b"\n"

    def append() -> None:
        journal.append(
            project,
            "benchmark",
            actor="benchmark",
            references={"number": str(len(ours))},
            data={"words": "a red potion, outlined"},
            now=datetime.now(UTC),
        )

    for _ in range(count):
        ours.append(seconds(append))
        floor.append(seconds(lambda: bare_append(bare, line)))
    report("journal append", ours, floor)


def race(project: Project, writers: int) -> None:
    """Let processes edit one document at once and count what is there afterwards."""
    started = time.perf_counter()
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, project.root, f"w{one}", str(EACH)])
        for one in range(writers)
    ]
    for process in running:
        if process.wait() != 0:
            raise SystemExit("a writer failed")
    kept = len({model.name for model in documents.read(project, "studio").models})
    print(
        f"{writers} writers: {kept} of {writers * EACH} edits kept, "
        f"{time.perf_counter() - started:.1f} s"
    )


def main() -> None:
    """Measure in a fresh studio and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--folder", type=Path, help="where the studio is made (which disk)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        project = Project.create(Path(folder).resolve() / "studio")
        measure_edits(project, arguments.edits)
        measure_appends(project, arguments.edits)
        race(project, arguments.writers)


if __name__ == "__main__":
    main()
