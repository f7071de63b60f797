"""How fast ``exports verify`` reads, against the plainest loop that hashes the same files.

Usage: python benchmarks/exports.py [--files 2000] [--kib 512] [--runs 5] [--folder DIR]

The floor opens each file, reads it in pieces of 1 MiB and hashes it with SHA-256, one file after
the other; which files is given to it. The studio's side reads the manifest, follows every path,
hashes every file and compares hash and mode. The two take turns; the files are in the page cache
for both. Printed is the ratio of the speeds, as the median over the pairs: by the clock, where
several files are hashed at once, and with one processor alone. To reach: 0.9.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ategnatos.grimoire import content, documents, manifest
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.manifest import ManifestEntry

TARGET = 0.9


def filled(folder: Path, files: int, size: int) -> tuple[Project, list[Path]]:
    """A studio with that many frozen files of random bytes, listed as promotions are."""
    project = Project.create(folder / "studio")
    paths, entries = [], []
    for number in range(files):
        data = os.urandom(size)
        place = Path("game", "icon", f"i{number}", "v1", f"i{number}.png")
        home = project.exports / place
        home.parent.mkdir(parents=True)
        home.write_bytes(data)
        home.chmod(0o444)
        paths.append(home)
        entries.append(
            ManifestEntry.model_validate(
                {
                    "id": f"game.icon.i{number}.v1",
                    "made": "promotion",
                    "asset": f"game.icon.i{number}.v1",
                    "name": f"game.icon.i{number}",
                    "version": 1,
                    "path": home.relative_to(project.root).as_posix(),
                    "sha256": sha256_bytes(data),
                    "size": size,
                    "composition_mode": "standalone",
                    "verdict": "signed",
                    "provenance": {
                        "job": f"j{number}",
                        "candidate": 1,
                        "prompt": "a red potion, outlined",
                        "settings": {
                            "steps": 20,
                            "cfg": 7.5,
                            "sampler": "dpmpp_2m",
                            "seed": number,
                        },
                        "verdict": {"signature": "0" * 128, "statement": {"nonce": "0" * 32}},
                    },
                }
            )
        )
    with documents.edit(project, "manifest") as document:
        document.entries.extend(entries)
    return project, paths


def floor(paths: list[Path]) -> None:
    """The plainest loop."""
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        digest.hexdigest()


def seconds(work: Callable[[], object]) -> float:
    """By the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ratio(runs: int, plain: Callable[[], object], ours: Callable[[], object]) -> float:
    """Our speed over the plain one's, as the median of pairs taken in turns."""
    plain(), ours()
    return statistics.median(seconds(plain) / seconds(ours) for _ in range(runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--kib", type=int, default=512, help="size of each file")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the files are put; default: a temporary")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        project, paths = filled(Path(folder).resolve(), options.files, options.kib * 1024)

        def verify() -> None:
            assert content.verify_exports(project) == []

        assert len(manifest.manifest_read(project).entries) == options.files
        total = options.files * options.kib / 1024
        print(f"{options.files} files of {options.kib} KiB, {total:,.0f} MiB in all")
        found = ratio(options.runs, lambda: floor(paths), verify)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        print(f"exports verify reads at {found:.2f} x the plain loop ({cores} processors)")
        if hasattr(os, "sched_setaffinity"):
            before = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {min(before)})
            alone = ratio(options.runs, lambda: floor(paths), verify)
            os.sched_setaffinity(0, before)
            print(f"with one processor alone: {alone:.2f} x")
        print(f"to reach: {TARGET} x: {'yes' if found >= TARGET else 'NO'}")


if __name__ == "__main__":
    main()
