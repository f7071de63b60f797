"""The first command a newcomer runs: from nothing to a frozen file, or to the gate."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ategnatos.commands.quickstart import asset_name
from tests.conftest import AtTerminal, Run


def test_a_person_chooses_and_the_file_is_frozen(tmp_path: Path, at_terminal: AtTerminal) -> None:
    done = at_terminal(
        ["quickstart", "my-studio", "--count", "2"],
        cwd=tmp_path,
        answers=["9", "2"],
        COLORTERM="truecolor",
    )
    assert done.code == 0, done.out
    assert "Please type one of" in done.out, "an answer that is none is asked again"
    assert "\u2580" in done.out, "the pictures themselves are on the screen"
    frozen = tmp_path / "my-studio/exports/loose/a-red-potion/v1/a-red-potion.png"
    assert stat.S_IMODE(frozen.stat().st_mode) == 0o444
    assert (tmp_path / "my-studio/exports/manifest.json").is_file()


def test_a_person_may_choose_none(tmp_path: Path, at_terminal: AtTerminal) -> None:
    done = at_terminal(["quickstart", "s", "--count", "1"], cwd=tmp_path, answers=["none"])
    assert done.code == 0
    assert "Nothing was approved" in done.out
    assert not (tmp_path / "s/exports/loose").exists()


def test_without_a_terminal_it_stops_at_the_gate_and_that_is_success(
    tmp_path: Path, program: Run
) -> None:
    done = program("quickstart", "my studio", "--count", "2", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.data["awaiting_person"]
    assert Path(done.data["sheet"]).is_file()
    assert any("art approve 'j1#1'" in step for step in done.data["next"])
    again = program("quickstart", "my studio", "--count", "2", "--json", cwd=tmp_path)
    assert not again.data["fresh"]


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("a red potion, outlined", "a-red-potion"),
        ("../../etc/passwd", "etc-passwd"),
        ("!!!", "first"),
        ("Ein Schwert", "ein-schwert"),
        ("x" * 300, "x" * 40),
    ],
)
def test_an_asset_is_named_after_its_prompt(prompt: str, name: str) -> None:
    assert asset_name(prompt) == name


def test_a_dry_run_says_what_would_happen_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    done = run("quickstart", "my-studio", "--dry-run", "--json", cwd=tmp_path)
    assert done.data["studio"] == str((tmp_path / "my-studio").resolve())
    assert done.data["prompt"] == "a red potion outlined"
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_refuses_what_the_real_run_would_refuse(run: Run, tmp_path: Path) -> None:
    done = run("quickstart", "my-studio", "--prompt", " ", "--dry-run", "--json", cwd=tmp_path)
    assert done.code == 1
    assert done.envelope["error"]["code"] == "prompt"
