"""docs/tour.md, run as it is written: a stranger's path from a taste to a frozen asset."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import AtTerminal, Run

PAGE = (Path(__file__).parents[2] / "docs" / "tour.md").read_text(encoding="utf-8")
PASSPHRASE = "four words of mine"
ASKS = {("gate", "init"): 2, ("art", "approve"): 1, ("art", "reject"): 1}


def test_every_command_of_the_tour_works_as_written(
    run: Run, at_terminal: AtTerminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    commands = re.findall(r"^    ategnatos (.*)$", PAGE, re.MULTILINE)
    assert len(commands) >= 25
    folder, told = tmp_path, {}
    for line in commands:
        words = shlex.split(line)
        answers = ASKS.get(tuple(words[:2]), 0)
        if answers:
            done = at_terminal(words, cwd=folder, answers=[PASSPHRASE] * answers)
        else:
            done = run(*words, cwd=folder)
        assert done.code == 0, (line, done.out, done.err)
        told[line] = done.out
        if line == "init studio":
            folder = tmp_path / "studio"
    exports = folder / "exports"
    assert (exports / "tavern/sprite/potion/v1/potion.png").stat().st_mode & 0o777 == 0o444
    assert len(list(exports.glob("alchemy/object/vial/v1/*/starter/000.png"))) == 1
    assert "The bytes agree" in told["art reproduce 'v3#2'"]
    history = told["art history tavern/potion"]
    shown = [line.split("  from ")[-1].strip() for line in history.splitlines() if "from j" in line]
    for step in shown:
        assert step in PAGE
    assert "2 frozen files" in run("exports", "verify", cwd=folder).out
    assert "2 signed" in run("exports", "verify", cwd=folder).out
    assert "confirmed: 2 sessions" in told["eye show"]
