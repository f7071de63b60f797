"""Trainers that are not there: each answers as an install of the real one would, and its training
says what a recorded one said, leaves what that one left, and ends with its status.

The program that is started, its folders and its packages are real files and processes; only the
training is played.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.train.fakes import STUBS

LOGS = Path(__file__).parents[2] / "trainers" / "logs"
MARKS = {
    "kohya": ("train_network.py", "sdxl_train_network.py", "library/train_util.py"),
    "simpletuner": ("simpletuner/train.py", "simpletuner/helpers/configuration/cmd_args.py"),
    "ai-toolkit": (
        "run.py",
        "toolkit/config_modules.py",
        "extensions_built_in/sd_trainer/__init__.py",
    ),
}
MODULES = ("torch", "accelerate", "safetensors", "bitsandbytes", "prodigyopt", *STUBS)
# Played by every trainer: reads where to write from its configuration, as the real ones do.
_REPLAY = """
import json, os, pathlib, re, shutil, subprocess, sys, time

home = pathlib.Path(os.environ["FAKE_HOME"])
scene = json.loads((home / "scene.json").read_text())
text = " ".join(sys.argv)
if scene.get("child"):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if scene.get("used"):
    pathlib.Path(scene["used"][0]).write_text(scene["used"][1])
for name, out in (("stderr", sys.stderr), ("stdout", sys.stdout)):
    out.buffer.write((home / f"log.{name}.txt").read_bytes())
    out.flush()
if scene.get("hang"):
    pathlib.Path(scene["hang"]).write_text(str(os.getpid()))
    time.sleep(600)

def where():
    found = re.search(r"--config_file (\\S+)", text)
    if found:  # kohya
        said = pathlib.Path(found[1]).read_text()
        value = lambda key: re.search(key + r' = "([^"]*)"', said)[1]
        return pathlib.Path(value("output_dir")) / (value("output_name") + ".safetensors")
    if "run.py" in text:
        said = pathlib.Path(sys.argv[-1]).read_text()
        folder = re.search(r"training_folder: (\\S+)", said)[1]
        name = re.search(r"name: (\\S+)", said)[1]
        return pathlib.Path(folder) / name / (name + ".safetensors")
    said = json.loads(pathlib.Path(os.environ["CONFIG_PATH"] + ".json").read_text())
    return pathlib.Path(said["output_dir"]) / "pytorch_lora_weights.safetensors"

if scene.get("weights"):
    target = where()
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(home / scene["weights"], target)
sys.exit(scene["status"])
"""


def weights(path: Path, *, nan: bool = False, cut: int = 0) -> Path:
    """A small LoRA file; with ``nan`` one whose numbers are none, with ``cut`` bytes missing."""
    values = np.full((4, 8), np.nan if nan else 0.5, np.float16)
    save_file({"lora_unet_x.lora_up.weight": values, "lora_unet_x.lora_down.weight": values}, path)
    if cut:
        path.write_bytes(path.read_bytes()[:-cut])
    return path


class Install:
    """A trainer's checkout at ``home`` with a Python of its own, under git."""

    def __init__(self, home: Path, trainer: str) -> None:
        self.home, self.trainer = home, trainer
        site = home / "venv" / "site"
        for name in MODULES:
            self.package(name, "1.0")
        self.torch("2.8.0+cu128", "12.8")
        (site / "accelerate" / "commands").mkdir()
        (site / "accelerate" / "commands" / "__init__.py").touch()
        (site / "accelerate" / "commands" / "launch.py").write_text(_REPLAY)
        for mark in MARKS[trainer]:
            path = home / mark
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_REPLAY if mark == "run.py" else "")
        # SimpleTuner asks for a newer Python than this suite runs on.
        (site / "sitecustomize.py").write_text(
            "import collections, sys\n"
            "kind = collections.namedtuple('v', 'major minor micro releaselevel serial')\n"
            "sys.version_info = kind(3, max(12, sys.version_info.minor), 3, 'final', 0)\n"
        )
        python = home / "venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        # The keeper's own questions leave the environment out, as they should.
        python.write_text(
            "#!/bin/sh\n"
            f"PYTHONPATH={shlex.quote(str(site))} FAKE_HOME={shlex.quote(str(home))}"
            f' PYTHONDONTWRITEBYTECODE=1 exec {shlex.quote(sys.executable)} "$@"\n'
        )
        python.chmod(0o755)
        (home / ".gitignore").write_text("venv\nscene.json\nlog.*\n*.safetensors\n")
        self.git("init", "-q")
        self.commit("first")

    def git(self, *words: str) -> None:
        """Run git in the checkout."""
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(self.home), *who, *words], check=True, capture_output=True)

    def commit(self, text: str) -> None:
        """The checkout as it is, as a commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", text)

    def without(self, name: str) -> None:
        """Take a package out."""
        site = self.home / "venv" / "site"
        for folder in (site / name, *site.glob(f"{name}-*.dist-info")):
            shutil.rmtree(folder)

    def package(self, name: str, version: str) -> None:
        """A package that is found and never imported."""
        site = self.home / "venv" / "site"
        (site / name).mkdir(parents=True, exist_ok=True)
        (site / name / "__init__.py").touch()
        about = site / f"{name}-{version}.dist-info"
        about.mkdir(exist_ok=True)
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )

    def torch(self, version: str, cuda: str) -> None:
        """Another build of PyTorch, as its version.py says it."""
        says = f"'{cuda}'" if cuda else "None"
        (self.home / "venv" / "site" / "torch" / "version.py").write_text(
            "from typing import Optional\n"
            f"__version__ = '{version}'\ndebug = False\ncuda: Optional[str] = {says}\n"
            "hip: Optional[str] = None\n"
        )

    def plays(
        self,
        log: str = "",
        *,
        text: str = "",
        status: int = 0,
        left: str = "good",
        **scene: Any,
    ) -> None:
        """The next training says the recorded ``log`` (or ``text``), and leaves ``good`` weights,
        ``nan`` ones, ``cut`` ones or none ("").
        """
        for stream in ("stderr", "stdout"):
            source = LOGS / self.trainer / f"{log}.{stream}.txt"
            raw = source.read_bytes() if log else b""
            if text and stream == "stderr":
                raw += text.encode()
            (self.home / f"log.{stream}.txt").write_bytes(raw)
        name = ""
        if left:
            name = f"{left}.safetensors"
            weights(self.home / name, nan=left == "nan", cut=40 if left == "cut" else 0)
        scene |= {"weights": name, "status": status}
        (self.home / "scene.json").write_text(json.dumps(scene))


class Card:
    """An nvidia-smi on the path that says what is asked of it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder, self.used = folder, folder / "used"
        self.is_(name="NVIDIA GeForce RTX 4090", total=24564, free=23900, driver="570.86.10")

    def is_(self, *, name: str, total: int, free: int, driver: str, cuda: str = "12.8") -> None:
        """Another card, or another driver."""
        self.used.write_text(str(total - free))
        (self.folder / "nvidia-smi").write_text(
            "#!/bin/sh\n"
            'case "$*" in\n'
            f"*memory.used*) cat {shlex.quote(str(self.used))} ;;\n"
            f'*query-gpu*) echo "0, {name}, {total}, {free}, {driver}" ;;\n'
            f'*) echo "| Driver Version: {driver}   CUDA Version: {cuda} |" ;;\n'
            "esac\n"
        )
        (self.folder / "nvidia-smi").chmod(0o755)


def cached(cache: Path, *repositories: str) -> None:
    """Tokenizers in the cache of huggingface.co."""
    for one in repositories:
        place = cache / ("models--" + one.replace("/", "--")) / "snapshots" / "abc"
        place.mkdir(parents=True)
        for name in ("vocab.json", "spiece.model", "tokenizer.json", "model_index.json"):
            (place / name).write_text("{}")


def at_home(
    monkeypatch: pytest.MonkeyPatch, folder: Path, trainer: str = "kohya"
) -> tuple[Install, Card]:
    """An install, a card and what it needs in the cache, on this computer."""
    install, card = Install(folder / trainer, trainer), Card(folder / "bin")
    cached(
        folder / "hub",
        *("openai/clip-vit-large-patch14", "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k"),
        "stabilityai/stable-diffusion-xl-base-1.0",
    )
    monkeypatch.setenv("HF_HUB_CACHE", str(folder / "hub"))
    import os

    monkeypatch.setenv("PATH", f"{card.folder}:{os.environ['PATH']}")
    return install, card
