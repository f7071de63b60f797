"""The replaying trainers do what the real ones were seen to do."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.train.plan import laying
from ategnatos.trainers import Checkpoint, Translation, load_trainer
from ategnatos.trainers.events import Progress
from ategnatos.trainers.lines import Lines
from tests.train import fakes
from tests.trainers import plans
from tests.waiting import wait_until

STEPS = {"kohya": 12, "ai-toolkit": 10, "simpletuner": 8}


def translated(folder: Path, trainer: str, point: Checkpoint | None = None) -> Translation:
    project = Project.find(explicit=folder / "studio") if point else None
    if project is None:
        project = Project.create(folder / "studio")
        plans.pictures(project)
    from ategnatos.train.dataset import record

    version = record.load(project, "owls")
    plan = plans.plan(version, "sdxl/base", "quick", epochs=0, steps=STEPS[trainer], batch=2)
    chosen = load_trainer(trainer)
    run = folder / "run"
    run.mkdir(exist_ok=True)
    dataset = laying.ready(project, plan, chosen.layout, run / "dataset").dataset
    made = (
        chosen.resume(plan, dataset, run, point) if point else chosen.translate(plan, dataset, run)
    )
    for name, raw in made.files.items():
        (run / name).write_bytes(raw)
    return made


def start(home: Path, made: Translation, folder: Path) -> subprocess.Popen[bytes]:
    command, cwd, environment = made.placed(str(home), str(home / "venv/bin/python"))
    return subprocess.Popen(
        command,
        cwd=cwd or folder / "run",
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # A shell that runs the tests in the background has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("trainer", ["kohya", "simpletuner", "ai-toolkit"])
def test_a_whole_training_is_replayed_and_leaves_its_checkpoints(
    trainer: str, tmp_path: Path
) -> None:
    home = fakes.install(tmp_path / "home", trainer, {"log": "success"})
    chosen = load_trainer(trainer)
    assert chosen.detect(_ask, str(home)).ok
    made = translated(tmp_path, trainer)
    process = start(home, made, tmp_path)
    raw, _ = process.communicate(timeout=60)
    assert process.returncode == 0, raw[-2000:]
    found: list[Any] = []
    parser, lines = chosen.parser(), Lines()
    for line in [*lines.feed(raw), *lines.close(), ""]:
        found += parser.parse(line)
    steps = [one.step for one in found if isinstance(one, Progress)]
    assert steps[-1] == STEPS[trainer]
    kept = chosen.checkpoints(tmp_path / "run" / made.output, "owl")
    assert kept[-1].final
    assert [one.step or (one.epoch or 0) * 4 for one in kept[:-1]] == ([4, 8])
    assert len(fakes.starts(home)) == 1
    assert fakes.starts(home)[0]["batch"] == 2


def test_the_launcher_dies_on_sigterm_and_leaves_its_trainer_alive(tmp_path: Path) -> None:
    home = fakes.install(tmp_path / "home", "kohya", {"log": "success", "hold_at": 2})
    process = start(home, translated(tmp_path, "kohya"), tmp_path)
    wait_until(lambda: (home / "held").exists())
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    trainer = fakes.starts(home)[0]["pid"]
    os.kill(trainer, 0)
    os.killpg(process.pid, signal.SIGTERM)
    assert process.stdout is not None
    process.stdout.read()  # ends when the last of the group has


def test_an_order_says_how_it_ends(tmp_path: Path) -> None:
    home = fakes.install(
        tmp_path / "home",
        "ai-toolkit",
        {"log": "killed"},
        {"log": "success", "oom_above": 1},
        {"log": "success", "hold_at": 3},
    )
    made = translated(tmp_path, "ai-toolkit")
    first = start(home, made, tmp_path)
    first.communicate(timeout=60)
    assert first.returncode == -9
    second = start(home, made, tmp_path)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert b"CUDA out of memory" in said
    third = start(home, made, tmp_path)
    wait_until(lambda: (home / "held").exists())
    os.killpg(third.pid, signal.SIGINT)
    said, _ = third.communicate(timeout=60)
    assert third.returncode == 0
    assert b"Job stopped" in said
    assert fakes.starts(home)[1]["resume"] != ""


def _ask(command: Any) -> tuple[int, str]:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout
