"""Trainers that replay recorded logs: kohya, SimpleTuner and ai-toolkit without a GPU.

``install`` makes what looks like the trainer's checkout, with a Python of its own whose packages
are stubs. Its entry file (``replay.py``) reads the real config that it is given, prints a recorded
log with its carriage returns and colours, writes checkpoint files at the saves under the names of
the config, takes signals as the real one does, and ends with the recorded status.

    home = install(tmp_path / "sd-scripts", "kohya", {"log": "success"})
    home = install(tmp_path / "aitk", "ai-toolkit", {"log": "killed", "hold_at": 5}, {"log": "resume_after_kill"})

Each start takes the next order, the last one stays. What an order may say:

``log``        a log of tests/trainers/logs (default ``success``)
``status``     another end than the recorded one; negative: by that signal
``pace``       seconds between two drawings of the bar (default 0.002)
``hold_at``    at that step it makes ``home/held`` and waits until ``home/go`` is there; meanwhile
               SimpleTuner saves where its file asks for it
``lingers``    when all is done and saved it makes ``home/held`` and waits until ``home/go`` is there
``stop_at``    at that step the log is over
``says``       lines on standard error at the end
``oom_above``  with a larger batch in its config it runs out of GPU memory at once, status 1
``stubborn``   SIGINT and SIGTERM do nothing
``cut``        the last save is cut off in the middle
``nan_from``   weights saved at that step or later are NaN

``starts(home)`` tells each start: its arguments, folder and environment, batch and resume point.
"""  # noqa: E501

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

LOGS = Path(__file__).parents[2] / "trainers" / "logs"

# Which files make a folder the trainer's checkout; the first is started.
ENTRIES = {
    "kohya": (
        "train_network.py",
        "sdxl_train_network.py",
        "sd3_train_network.py",
        "flux_train_network.py",
        "lumina_train_network.py",
        "anima_train_network.py",
    ),
    "simpletuner": ("simpletuner/train.py",),
    "ai-toolkit": ("run.py",),
}
MARKS = {
    "kohya": ("library/train_util.py",),
    "simpletuner": ("simpletuner/helpers/configuration/cmd_args.py",),
    "ai-toolkit": ("toolkit/config_modules.py", "extensions_built_in/sd_trainer/__init__.py"),
}
# What some trainer imports as it starts, beside torch and what our own Python has, too.
STUBS = (
    *("diffusers", "transformers", "peft", "voluptuous", "toml", "oyaml", "albumentations"),
    *("torchvision", "imagesize", "cv2", "einops", "torchaudio", "simpletuner"),
    *("torchao", "optimum", "lycoris", "av", "lpips"),
)
_TORCH = '''\
"""Stands for torch."""
__version__ = "2.7.1+cu128"
class version: cuda = "12.8"
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    get_device_name = staticmethod(lambda index=0: "NVIDIA GeForce RTX 4090")
    get_device_capability = staticmethod(lambda index=0: (8, 9))
'''


def install(home: Path, trainer: str, *orders: dict[str, Any]) -> Path:
    """A checkout of ``trainer`` in ``home`` that carries out ``orders``, one a start."""
    here = Path(__file__).parent
    for name in ENTRIES[trainer]:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(here / "replay.py", home / name)
    for name in MARKS[trainer]:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    site = home / "site"
    for name in STUBS:
        (site / name).mkdir(parents=True)
        (site / name / "__init__.py").write_text('__version__ = "1.0.0"\n')
    (site / "torch").mkdir()
    (site / "torch" / "__init__.py").write_text(_TORCH)
    (site / "accelerate" / "commands").mkdir(parents=True)
    (site / "accelerate" / "__init__.py").write_text('__version__ = "1.10.0"\n')
    (site / "accelerate" / "commands" / "__init__.py").touch()
    shutil.copy(here / "launch.py", site / "accelerate" / "commands" / "launch.py")
    python = home / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (home / "trainer").write_text(trainer)
    give(home, *orders)
    return home


def give(home: Path, *orders: dict[str, Any]) -> None:
    """New orders, counted from the next start."""
    trainer = (home / "trainer").read_text()
    made = []
    for one in orders or ({},):
        log = one.get("log", "success")
        index = json.loads((LOGS / trainer / "index.json").read_text())
        entry = next(known for known in index if known["log"] == log)
        made.append(
            {
                "status": entry["exit_status"],
                **one,
                "log": log,
                "stdout": str(LOGS / trainer / f"{log}.stdout.txt"),
                "stderr": str(LOGS / trainer / f"{log}.stderr.txt"),
            }
        )
    (home / "orders.json").write_text(json.dumps({"after": len(starts(home)), "orders": made}))


def starts(home: Path) -> list[dict[str, Any]]:
    """What it was started with, one entry a start."""
    path = home / "starts.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def go(home: Path) -> None:
    """Let one that holds go on."""
    (home / "go").touch()
