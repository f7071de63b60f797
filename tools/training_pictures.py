"""Draw the pictures of docs/training.md and docs/training-evaluation.md.

    python tools/training_pictures.py       writes docs/pictures/training-{grid,pair,registered}.png

Goes the whole path of docs/training.md as it is written there, with the person's answers typed at a
pseudo-terminal; five minutes, most of them computing. Needs the extra ``test``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
PICTURES = ROOT / "docs" / "pictures"
PASSPHRASE = "four words of mine"
ANSWERS = {
    "gate init": [PASSPHRASE, PASSPHRASE],
    "train confirm": [PASSPHRASE],
    "train vote": ["left", "right", "tie", "q"],
}


def commands() -> list[str]:
    """The commands of the page's whole path."""
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    section = page.partition("## The whole path")[2].partition("\n## ")[0]
    return re.findall(r"^    ategnatos (.*)$", section, re.MULTILINE)


def walk(folder: Path) -> None:
    """Every command; pictures are taken where they come to be."""
    from tests.terminal import at_a_terminal

    shutil.copytree(ROOT / "ategnatos" / "starter" / "owls", folder / "owls")
    here = folder
    for line in commands():
        words = shlex.split(line)
        answers = ANSWERS.get(" ".join(words[:2]), [])
        if words[:2] == ["train", "verdict"]:
            words += ["--winner", chosen(here)]
            answers = ["yes", PASSPHRASE]
        if answers:
            done = at_a_terminal(words, cwd=here, answers=answers)
            failed = done.out if done.code else ""
        else:
            failed = command(words, here)
        if failed:
            raise SystemExit(f"{line}\n{failed}")
        print(f"  {line}", flush=True)
        if line == "init studio":
            here = folder / "studio"
        if words[:2] == ["train", "vote"]:
            pair(here)
        if words[:2] == ["art", "generate"]:
            (sheet,) = here.glob("workspace/outputs/prompt/*/starter/sheet.png")
            shutil.copy(sheet, PICTURES / "training-registered.png")


def command(words: list[str], folder: Path) -> str:
    """Run one command that asks nothing; what it said where it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "ategnatos", *words],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr if done.returncode else ""


def chosen(studio: Path) -> str:
    """The last save at the highest weight, which the page shows."""
    one = evaluation(studio)
    return f"{one.checkpoints[-1].name}@{max(one.weights):g}"


def pair(studio: Path) -> None:
    """The grid of the last save, and a pair of it."""
    from ategnatos.train.evaluation import pairs, votes

    one = evaluation(studio)
    shutil.copy(one.folder / f"grid-{len(one.checkpoints)}.png", PICTURES / "training-grid.png")
    last = one.checkpoints[-1].name
    wanted = {f"{last}@{weight:g}" for weight in (min(filter(None, one.weights)), max(one.weights))}
    seen = next(two for two in votes.pairs(one, "ann") if {two.left, two.right} == wanted)
    (PICTURES / "training-pair.png").write_bytes(pairs.sheet(one, seen))


def evaluation(studio: Path):
    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation import record

    return record.load(Project.find(explicit=studio), "owl")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for name, below in (
            ("HOME", "home"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
        ):
            (Path(place) / below).mkdir()
            os.environ[name] = str(Path(place) / below)
        walk(Path(place))
