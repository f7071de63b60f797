"""Small real trainings of the starter trainer, each in a process of its own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ategnatos.trainers import Dataset, Subset, Translation
from ategnatos.trainers.plan import Plan
from ategnatos.trainers.starter import StarterTrainer

OWLS = Path(__file__).parents[2] / "ategnatos" / "starter" / "owls"
ASK = 300  # seconds for what takes one or two


def small_plan(**values: Any) -> Plan:
    """Rank 2, one picture a step: a step takes some hundredths of a second."""
    return Plan(
        **{
            "name": "owl",
            "family": "starter",
            "dataset": "owls",
            "dataset_version": 1,
            "dataset_digest": "d",
            "trigger": "ategnatos owl",
            "network": "locon",
            "rank": 2,
            "alpha": 2.0,
            "conv_rank": 2,
            "optimizer": "adamw",
            "learning_rate": 3e-3,
            "precision": "fp32",
            "save_precision": "fp32",
            "resolution": 64,
            "epochs": 0,
            "steps": 8,
            "save_every_epochs": 0,
            "save_every_steps": 3,
            "caption_dropout": 0.3,
            "shuffle_captions": True,
            "flip": True,
            "noise_offset": 0.05,
            "ema": True,
            **values,
        }
    )


def owls(root: Path, plan: Plan, count: int = 3) -> Dataset:
    """Some owls and one of them as a prior picture, laid out under ``root``."""
    for name, numbers in (("train/owl", range(1, count + 1)), ("reg/things", range(9, 10))):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            for suffix in (".png", ".txt"):
                shutil.copy(OWLS / f"{number:02}{suffix}", folder)
    shown = 2 * count + 1
    each = -(-shown // plan.effective_batch)
    return Dataset(
        name="owls",
        version=1,
        digest=plan.dataset_digest,
        layout="starter",
        root=root,
        subsets=(
            Subset("train/owl", "owl", 2, count, count),
            Subset("reg/things", "things", 1, 1, 1, regularisation=True),
        ),
        buckets=((32, 32, count, shown),),
        batches_an_epoch=each,
        steps_an_epoch=each,
        steps=plan.steps or plan.epochs * each,
    )


def start(translation: Translation, folder: Path) -> subprocess.Popen[str]:
    """The process of a translation, its output in a pipe, as a shell in the background does it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in translation.files.items():
        (folder / name).write_bytes(raw)
    command, _, _ = translation.placed("", sys.executable)
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Its exit status and the rest of its log."""
    said, _ = process.communicate(timeout=ASK)
    return process.returncode, said.splitlines()


def until(process: subprocess.Popen[str], wanted: Callable[[str], bool]) -> list[str]:
    """Its log up to a line that is wanted, which may be its last."""
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if wanted(line):
            break
    return lines


def trained(plan: Plan, dataset: Dataset, folder: Path) -> list[str]:
    """The log of a whole training; fails where it does."""
    status, lines = ended(start(StarterTrainer().translate(plan, dataset, folder), folder))
    assert status == 0, lines
    return lines


def order_of(folder: Path, name: str = "starter.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_bytes())
    return found
