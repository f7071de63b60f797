"""docs/training.md, its whole path run as it is written: from pictures to a LoRA in use.

Two things are shorter than on the page: the training has fewer steps, and fewer pictures are
looked at.
"""

from __future__ import annotations

import re
import shlex
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.project import Project
from ategnatos.train.evaluation import verdict
from tests.conftest import AtTerminal, Ran, Run

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## The whole path")[2].partition("\n## ")[0]
COMMANDS = re.findall(r"^    ategnatos (.*)$", SECTION, re.MULTILINE)
PASSPHRASE = "four words of mine"
ANSWERS = {
    "gate init": [PASSPHRASE, PASSPHRASE],
    "train confirm": [PASSPHRASE],
    "train vote": ["left", "right", "tie"] * 20,
    "train verdict": ["yes", "1", PASSPHRASE],
}
SHORTER = {
    "steps=160 save_every_steps=40": "steps=6 save_every_steps=3",
    "train eval owl": "train eval owl --prompts ../prompts.txt --seeds 1 --steps 2",
}


def _shorter(line: str) -> str:
    for long, short in SHORTER.items():
        line = line.replace(long, short)
    return line


def test_every_command_of_the_whole_path_works_as_written(
    run: Run, at_terminal: AtTerminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with as_file(files("ategnatos.starter") / "owls") as owls:
        shutil.copytree(owls, tmp_path / "owls")
    (tmp_path / "prompts.txt").write_text("an {trigger}, outlined\na red apple\n", "utf-8")
    assert all(any(long in line for line in COMMANDS) for long in SHORTER)
    folder, told = tmp_path, {}
    for line in COMMANDS:
        words = shlex.split(_shorter(line))
        answers = ANSWERS.get(" ".join(words[:2]))
        done = (
            run(*words, cwd=folder)
            if answers is None
            else at_terminal(words, cwd=folder, answers=answers)
        )
        assert done.code == 0, (line, done.out, done.err)
        told[line] = done
        if line == "init studio":
            folder = tmp_path / "studio"
        if line.startswith("train register"):
            _in_use(Project.find(explicit=folder))
    assert "All four are open" in told["train gates owl"].out
    assert "is finished" in told["train status owl"].out
    made = _of(told, "art generate")
    assert "Added the trigger" not in made.err
    assert "(made)" in made.out
    assert "steps" in _of(told, "train seen").out
    assert documents.read(Project.find(explicit=folder), "loras").loras == []
    assert run("grimoire", "verify", cwd=folder).code == 0


def _of(told: dict[str, Ran], start: str) -> Ran:
    return next(done for line, done in told.items() if line.startswith(start))


def _in_use(project: Project) -> None:
    """What the record says of the LoRA once it is registered."""
    (row,) = documents.read(project, "loras").loras
    assert (row.name, row.trigger, row.family) == ("blue-owl", "ategnatos owl", "starter")
    assert (row.signed, row.approver, row.licence) == (True, "ann", "own work")
    assert Path(row.location).is_file()
    found = verdict.standing(project, "owl")
    assert found is not None
    assert found.sha256 == row.sha256
    assert found.reason == "its eyes hold at every seed"
    votes = [event.data["choice"] for event in journal.read(project, ("train.vote",))]
    assert len(votes) >= 3
    assert set(votes) == {"left", "right", "tie"}
