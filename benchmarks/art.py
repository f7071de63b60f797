"""What a large record costs: cold commands over 10,000 iterations and 2,000 assets.

Usage: python benchmarks/art.py [--runs 7] [--iterations 10000] [--assets 2000]

Every figure is a whole process from cold; the floor is ``ategnatos status`` in an empty studio,
measured in turns with it. Printed are the medians in CPU seconds and in wall time, and the ratio
of the CPU seconds, as the median over the pairs. Limit: 3. The search is also timed inside one
process, over the open database: limit 150 ms.

The studio is seeded through the record's own formats (rows, journal lines, documents), two
pictures an iteration, none of them on disk: what is measured reads records, not pictures.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.files import binding_hash, sha256_bytes
from ategnatos.grimoire.jobs import assets, database, job_words, store
from ategnatos.grimoire.jobs.folded import fold
from ategnatos.grimoire.jobs.store import Candidate
from ategnatos.grimoire.journal_file import write_head
from ategnatos.grimoire.project import Project

LIMIT = 3.0
SEARCH_LIMIT_MS = 150.0
PICTURES = 2
START = datetime(2026, 1, 1, tzinfo=UTC)

THINGS = ("owl", "potion", "castle", "ship", "forest", "robot", "cat", "lantern", "bridge", "fox")
COLOURS = ("red", "blue", "green", "golden", "violet", "silver", "black", "white")
STYLES = ("outlined", "flat colours", "oil paint", "soft light", "thick lines", "watercolour")
FAMILIES = ("sdxl/base", "pony/v6", "flux1/dev", "z-image/turbo", "qwen-image/base")
AS_USUAL = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True, slots=True)
class Taken:
    """One run of a command: seconds of processor and of the clock."""

    cpu: float
    wall: float


def cold(command: list[str], cwd: Path) -> Taken:
    """Run a command, which must succeed."""
    started = time.perf_counter()
    child = subprocess.Popen(command, cwd=cwd, env=AS_USUAL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return Taken(used.ru_utime + used.ru_stime, wall)


class Seeding:
    """Writes a large record: the journal's lines are collected and chained in one go."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._previous = journal.FIRST_PREVIOUS
        self._lines: list[bytes] = []
        self._random = random.Random(7)
        self._now = START

    def event(self, kind: str, references: dict[str, Any], data: dict[str, Any]) -> str:
        """Add an event; its id."""
        number = len(self._lines) + 1
        moment = self._now.isoformat(timespec="microseconds").replace("+00:00", "Z")
        one = journal.Event(
            f"e{number:08d}", moment, kind, "user:bench", references, data, self._previous
        )
        line = one.line()
        self._lines.append(line)
        self._previous = sha256_bytes(line)
        return one.id

    def fill(self, iterations: int, wanted: int) -> None:
        """Briefs, orders in short chains, verdicts; then an export for every asset."""
        shipped: list[dict[str, Any]] = []
        with database.connect(self._project) as db:
            db.begin()
            for number in range(1, wanted + 1):
                self._brief(db, number)
            for number in range(1, iterations + 1):
                asset = (number - 1) % wanted + 1
                turn = (number - 1) // wanted + 1
                shipped += self._iteration(db, number, asset, turn, wanted)
            db.commit()
        self._project.journal_path.write_bytes(b"".join(one + b"\n" for one in self._lines))
        write_head(self._project, len(self._lines), sha256_bytes(self._lines[-1]))
        with documents.edit(self._project, "assets") as document:
            from ategnatos.grimoire.schemas.assets import Asset

            document.assets += [Asset.model_validate(one) for one in shipped]

    def _brief(self, db: database.Database, number: int) -> None:
        thing = self._random.choice(THINGS)
        brief: dict[str, Any] = {
            "subject": f"a {self._random.choice(COLOURS)} {thing}",
            "purpose": "a benchmark",
            "audience": "",
            "specs": [],
            "rules": [],
            "outputs": [{"name": "og-image", "width": 1200, "height": 630}],
            "formats": ["png"],
            "constraints": ["no text"],
            "notes": "",
        }
        project, name = f"p{number % 20}a", f"{thing}-{number}"
        event = self.event("art.briefed", {"asset": f"{project}/{name}"}, {"brief": brief})
        now = store.iso(self._now)
        db.execute(
            "INSERT INTO asset (project, name, brief, revision, words, event, created_at,"
            " updated_at) VALUES (?,?,?,1,?,?,?,?)",
            (project, name, json.dumps(brief), fold([project, name]), event, now, now),
        )

    def _iteration(
        self, db: database.Database, number: int, asset: int, turn: int, wanted: int
    ) -> Iterator[dict[str, Any]]:
        choose = self._random.choice
        self._now += timedelta(minutes=20)
        now, seed = store.iso(self._now), self._random.randrange(2**32)
        family = choose(FAMILIES)
        prompt = f"a {choose(COLOURS)} {choose(THINGS)}, {choose(STYLES)}, {choose(STYLES)}"
        request: dict[str, Any] = {
            "prompt": prompt,
            "negative": "blurry, low quality, deformed",
            "model": f"{family.partition('/')[0]}.safetensors",
            "seed": seed,
            "count": PICTURES,
            "width": 1024,
            "height": 1024,
            "steps": 25,
            "cfg": 7.0,
            "sampler": "dpmpp_2m",
            "init": None,
            "strength": None,
            "mask": None,
            "loras": [
                {
                    "name": f"{choose(STYLES).replace(' ', '-')}-v2",
                    "sha256": f"{number:064x}",
                    "weight": 0.8,
                    "trigger": "",
                    "path": "/models/loras/one.safetensors",
                }
            ],
            "family": family,
        }
        binding = binding_hash(request)
        parent = f"j{number - wanted}#1" if turn > 1 else None
        db.execute(
            "INSERT INTO job (kind, state, engine, recipe_id, base, take, binding, asked, request,"
            " parent, change, reason, created_at, updated_at)"
            " VALUES ('image',?,'comfyui','prompt',?,0,?,?,?,?,?,?,?,?)",
            (
                "approved" if turn % 5 == 0 else "awaiting_review",
                binding,
                binding,
                prompt,
                json.dumps(request, sort_keys=True),
                parent,
                "warmer, less busy" if parent else None,
                "the client finds it cold" if parent else None,
                now,
                now,
            ),
        )
        name = f"j{number}"
        self.event(
            "art.ordered",
            {"job": name, "binding": binding, "parent": parent},
            {"engine": "comfyui", "asked": prompt, "request": request, "change": None},
        )
        db.execute("INSERT INTO iteration VALUES (?,?,?,?)", (asset, turn, number, now))
        pictures = [self._picture(number, index, binding, request) for index in (1, 2)]
        hashes = [one.sha256 for one in pictures]
        self.event("art.delivered", {"job": name, "sha256": hashes}, {"warnings": []})
        yield from self._judged(db, pictures, number, turn, binding, prompt)

    def _picture(self, job: int, number: int, binding: str, request: dict[str, Any]) -> Candidate:
        settings = {
            **{key: request[key] for key in ("prompt", "negative", "steps", "cfg", "sampler")},
            "engine": "comfyui",
            "model": request["model"],
            "model_sha256": f"{job % 5:064x}",
            "loras": request["loras"],
            "seed": request["seed"] + number - 1,
            "width": 1024,
            "height": 1024,
            "made_by": "ComfyUI",
        }
        return Candidate(
            job=job,
            number=number,
            path=f"workspace/outputs/prompt/{binding}/comfyui/{number - 1:03d}.png",
            sha256=sha256_bytes(f"{job}#{number}".encode()),
            bytes=1_500_000,
            width=1024,
            height=1024,
            seed=request["seed"] + number - 1,
            settings=settings,
        )

    def _judged(
        self,
        db: database.Database,
        pictures: list[Candidate],
        job: int,
        turn: int,
        binding: str,
        prompt: str,
    ) -> Iterator[dict[str, Any]]:
        """The last turn of an asset is approved and shipped, a third of the others rejected."""
        now = store.iso(self._now)
        for one in pictures:
            verdict, reason, event = None, None, None
            if turn % 5 == 0 and one.number == 1:
                verdict = "approved"
            elif (job + one.number) % 3 == 0:
                verdict, reason = "rejected", "too dark, and the hands are wrong"
            if verdict is not None:
                event = self.event(
                    "art.verdict",
                    {"candidate": one.reference, "sha256": one.sha256},
                    {"verdict": verdict, "reason": reason, "gate": "unsigned"},
                )
            db.execute(
                "INSERT INTO candidate (job, number, path, sha256, bytes, width, height, seed,"
                " settings, verdict, verdict_event, reason, decided_at)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    *(one.job, one.number, one.path, one.sha256, one.bytes, one.width, one.height),
                    *(one.seed, json.dumps(one.settings), verdict, event, reason),
                    None if verdict is None else now,
                ),
            )
            if verdict != "approved":
                continue
            path = f"exports/loose/asset-{job}/v1/asset-{job}.png"
            self.event(
                "art.exported",
                {"candidate": one.reference, "verdict_event": event, "sha256": one.sha256},
                {"name": f"asset-{job}", "version": 1, "path": path},
            )
            yield {
                "name": f"asset-{job}",
                "version": 1,
                "path": path,
                "sha256": one.sha256,
                "source_sha256": one.sha256,
                "job": f"j{job}",
                "candidate": one.number,
                "recipe_id": "prompt",
                "binding": binding,
                "engine": "comfyui",
                "prompt": prompt,
                "seed": one.seed,
                "settings": one.settings,
                "verdict_event": event,
                "exported_at": now,
                "export": {"format": "png", "width": 1024, "height": 1024},
                "verdict": {"standing": "unsigned", "event": event},
            }


def measure_cold(start: list[str], empty: Path, full: Path, runs: int, iterations: int) -> None:
    """Each command from cold, in turns with the floor."""
    middle = f"j{iterations // 2}"
    commands = {
        "status": ["status"],
        "art list": ["art", "list"],
        "art history": ["art", "history"],
        f"art history {middle}": ["art", "history", middle],
        "art search owl --approved": ["art", "search", "owl", "--approved", "--since", "1y"],
        "art brief list": ["art", "brief", "list"],
    }
    floor = [*start, "status", "--json"]
    cold(floor, empty)
    for name, words in commands.items():
        command = [*start, *words, "--json"]
        cold(command, full)  # once for the page cache
        floors, taken = [], []
        for _ in range(runs):
            floors.append(cold(floor, empty))
            taken.append(cold(command, full))
        ratio = statistics.median(
            one.cpu / bare.cpu for one, bare in zip(taken, floors, strict=True)
        )
        print(
            f"{name:28} {statistics.median(one.cpu for one in taken) * 1000:5.0f} ms CPU"
            f" {statistics.median(one.wall for one in taken) * 1000:5.0f} ms wall"
            f"   status, empty {statistics.median(one.cpu for one in floors) * 1000:4.0f} ms CPU"
            f"   {ratio:.2f} x  {'ok' if ratio <= LIMIT else f'over {LIMIT:g}'}"
        )


def measure_search(project: Project, runs: int) -> None:
    """The search inside one process, and what its index costs to make anew."""
    from ategnatos.art import search

    queries = {
        "owl": job_words.Query(words="owl"),
        "owl, approved, sdxl, a year": job_words.Query(
            words="owl", verdict="approved", family="sdxl", since="2025-06-01T00:00:00Z"
        ),
        "a reason, a LoRA": job_words.Query(words="hands", lora="watercolour"),
        "nothing fits": job_words.Query(words="aardvark zebra"),
    }
    with database.connect(project) as db:
        started = time.perf_counter()
        made = job_words.rebuild(db)
        print(f"the index of {made} iterations anew: {time.perf_counter() - started:.2f} s")
        for name, query in queries.items():
            times = []
            for _ in range(runs):
                started = time.perf_counter()
                _, total = search.search(db, query, limit=20)
                times.append((time.perf_counter() - started) * 1000)
            best = min(times)
            verdict = "ok" if best <= SEARCH_LIMIT_MS else f"over {SEARCH_LIMIT_MS:g} ms"
            print(
                f"search: {name:28} {total:5} found   {statistics.median(times):5.1f} ms,"
                f" best {best:5.1f} ms  {verdict}"
            )


def main() -> None:
    """Seed, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--iterations", type=int, default=10_000)
    parser.add_argument("--assets", type=int, default=2_000)
    given = parser.parse_args()
    program = Path(sys.executable).with_name("ategnatos")
    start = [str(program)] if program.exists() else [sys.executable, "-m", "ategnatos"]
    with tempfile.TemporaryDirectory() as folder:
        empty, full = Path(folder) / "empty", Path(folder) / "full"
        for studio in (empty, full):
            subprocess.run([*start, "init", str(studio)], check=True, stdout=subprocess.DEVNULL)
        project = Project(full.resolve())
        Seeding(project).fill(given.iterations, given.assets)
        with database.connect(project) as db:
            print(
                f"{given.iterations} iterations, {assets.count(db)} assets, {given.runs} runs each"
            )
        measure_search(project, given.runs)
        measure_cold(start, empty, full, given.runs, given.iterations)


if __name__ == "__main__":
    main()
