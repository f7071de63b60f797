"""Trainings killed at random moments, trainer or supervisor, and gone on with until they end.

    python benchmarks/train_kills.py [--runs 10] [--seed 1] [--steps 48] [--every 6]

Each run is killed (SIGKILL) until it ends: the trainer, its keeper, the supervisor, or all at once
as a power cut would. Held against one uninterrupted run of the same plan: the finished LoRA byte
for byte, the loss of each step, the steps that were trained twice. Ends with 1 where anything
differs or more than one save interval was lost.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project
from ategnatos.guard.locks import process
from ategnatos.train.run import attempts, control, record, state
from ategnatos.train.run.record import Run
from ategnatos.train.watching import curve
from tests.train.run.studio import followed, now, opened, ordered, studio

VICTIMS = ("trainer", "supervisor", "keeper", "all")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--every", type=int, default=6)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ATEGNATOS_LOCKS"] = str(Path(folder) / "locks")
        began = time.monotonic()
        expected = _whole(Path(folder) / "whole", asked)
        alone = time.monotonic() - began
        print(f"uninterrupted: {asked.steps} steps in {alone:.1f} s")
        print(f"{'run':>4} {'kills':>6} {'resumed':>8} {'lost, most':>11} {'same bytes':>11}"
              f" {'same curve':>11} {'time':>6}")  # fmt: skip
        wrong = 0
        for number in range(asked.runs):
            chance = random.Random(asked.seed * 1000 + number)
            began = time.monotonic()
            found = _killed(Path(folder) / str(number), asked, chance)
            gone = time.monotonic() - began
            bytes_same = found["bytes"] == expected["bytes"]
            curve_same = found["losses"] == expected["losses"]
            good = bytes_same and curve_same and found["lost"] <= asked.every
            wrong += not good
            print(f"{number:>4} {found['kills']:>6} {found['resumed']:>8} {found['lost']:>11}"
                  f" {bytes_same!s:>11} {curve_same!s:>11} {gone / alone:>5.1f}x")  # fmt: skip
        print(f"{asked.runs - wrong} of {asked.runs} runs ended as the uninterrupted one"
              f" (save interval {asked.every})")  # fmt: skip
    return 1 if wrong else 0


def _whole(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    folder.mkdir()
    project, kept = studio(folder, steps=asked.steps, save_every_steps=asked.every)
    return _result(followed(project, ordered(project, kept)))


def _result(run: Run) -> dict[str, Any]:
    assert run.state == "finished", run.why
    points = curve.read(run.folder).points
    return {
        "bytes": (run.output / "owl.safetensors").read_bytes(),
        "losses": [(one.step, one.loss) for one in points],
    }


def _killed(folder: Path, asked: argparse.Namespace, chance: random.Random) -> dict[str, Any]:
    folder.mkdir()
    project, kept = studio(folder, steps=asked.steps, save_every_steps=asked.every)
    run = ordered(project, kept)
    control.start(project, control.number_of(run))
    kills = resumed = lost = 0
    # Before the first save nothing can be gone on from.
    _wait(60, project, run, saved=True)
    while True:
        _wait(chance.uniform(0.1, 3.0), project, run)
        run = record.load(project, run.id)
        if run.state == "finished":
            return {**_result(run), "kills": kills, "resumed": resumed, "lost": lost}
        victim = chance.choice(VICTIMS)
        kills += _kill(project, run, victim)
        _settle(project, run)
        run = record.load(project, run.id)
        if run.state in record.ENDED and run.state != "finished":
            assert "killed" in run.why.lower() or "no exit status" in run.why, run.why
            reached = int(state.live(run.folder).get("monitor", {}).get("step") or 0)
            made = control.resume(project, run, actor="user:ann", now=now(), require=opened())
            lost = max(lost, reached - made.step)
            resumed += 1


def _kill(project: Project, run: Run, victim: str) -> int:
    found = []
    tried = attempts.last(run.folder)
    if tried is not None and victim in ("keeper", "trainer", "all"):
        for name, of in (("keeper", "keeper"), ("pid", "trainer")):
            path = tried.folder(run.folder) / name
            if victim in (of, "all") and path.is_file():
                found.append(_process(path))
    if victim in ("supervisor", "all"):
        with database.connect(project) as db:
            owner = store.get(db, control.number_of(run)).owner
        found.append(None if owner is None else process.of(int(owner.split(":")[1])))
    count = 0
    for one in found:
        if one is not None and process.alive(one):
            os.kill(one.pid, signal.SIGKILL)
            count += 1
    return 1 if count else 0


def _process(path: Path) -> process.Process | None:
    words = path.read_text().split()
    if len(words) != 2:
        return None
    found = process.of(int(words[0]))
    return found if found is not None and found.started.endswith(f":{words[1]}") else None


def _settle(project: Project, run: Run) -> None:
    """Somebody follows it again, and where its trainer is gone the run says so."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        control.attend(project, run.gpu)
        time.sleep(0.5)
        now_ = record.load(project, run.id)
        if now_.state in record.ENDED or state.live(run.folder).get("alive"):
            return


def _wait(seconds: float, project: Project, run: Run, *, saved: bool = False) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if record.load(project, run.id).state in record.ENDED:
            return
        if saved and any(run.output.glob("state-*.safetensors")):
            return
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
