"""``ategnatos init`` as a person and as a script use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ategnatos.studio import pack
from ategnatos.studio.pack import PackFile


def test_it_makes_a_studio_and_says_what_to_do_next(run, tmp_path: Path) -> None:
    ran = run("init", "my studio ünï", cwd=tmp_path)
    assert ran.code == 0
    assert (tmp_path / "my studio ünï/grimoire/.state/studio.json").is_file()
    assert f"cd '{tmp_path}/my studio ünï'" in ran.out
    assert "ategnatos art generate" in ran.out
    assert run("status", "--json", cwd=tmp_path / "my studio ünï").data["jobs"] == 0


def test_here_is_the_default_and_project_names_another(run, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    assert run("init", "--json", cwd=tmp_path / "here").data["studio"] == str(tmp_path / "here")
    there = run("init", "--json", "--project", tmp_path / "there").data
    assert there["fresh"]
    assert (tmp_path / "there/CLAUDE.md").is_file()


def test_running_it_again_says_that_nothing_was_changed(run, tmp_path: Path) -> None:
    run("init", tmp_path / "s")
    ran = run("init", tmp_path / "s")
    assert "nothing was changed" in ran.out
    assert run("init", tmp_path / "s", "--json").data["changed"] is False


def test_it_says_what_it_kept(run, tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_text("Mine.\n")
    ran = run("init", cwd=tmp_path)
    assert "Yours was kept" in ran.out
    assert "CLAUDE.md.new" in ran.out
    again = run("init", cwd=tmp_path)
    assert "Yours, kept as it is:\n  CLAUDE.md" in again.out


def test_an_upgrade_shows_the_differences_and_a_dry_run_only_those(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init", cwd=tmp_path)
    before = (tmp_path / "CLAUDE.md").read_bytes()
    newer = tuple(PackFile(one.path, one.content + b"Newer.\n") for one in pack.load())
    monkeypatch.setattr(pack, "load", lambda home=None: newer)
    plain = run("init", cwd=tmp_path)
    assert "ategnatos init --upgrade --dry-run" in plain.out
    shown = run("init", "--upgrade", "--dry-run", cwd=tmp_path)
    assert "+Newer." in shown.out
    assert "would be" in shown.out
    assert (tmp_path / "CLAUDE.md").read_bytes() == before
    done = run("init", "--upgrade", "--json", cwd=tmp_path).data
    assert "+Newer." in done["diff"]
    assert (tmp_path / "CLAUDE.md").read_bytes() == before + b"Newer.\n"


def test_broken_settings_are_a_warning_that_says_why_it_matters(run, tmp_path: Path) -> None:
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude/settings.json").write_text("{,}")
    ran = run("init", "--json", cwd=tmp_path)
    assert ran.code == 0
    assert any("settings.json was left alone" in text for text in ran.envelope["warnings"])


@pytest.mark.parametrize("arguments", [("file",), ("file/inside",)])
def test_a_file_in_the_way_is_refused(run, tmp_path: Path, arguments: tuple[str]) -> None:
    (tmp_path / "file").write_text("x")
    ran = run("init", *arguments, "--json", cwd=tmp_path)
    assert (ran.code, ran.envelope["error"]["code"]) == (1, "not_a_folder")


def test_inside_a_studio_it_points_at_that_studio(run, tmp_path: Path) -> None:
    run("init", cwd=tmp_path)
    ran = run("init", cwd=tmp_path / "workspace/datasets")
    assert ran.code == 1
    assert f"ategnatos init '{tmp_path}'" in ran.err


def test_machine_output_is_one_object(run, tmp_path: Path) -> None:
    ran = run("init", tmp_path / "s", "--json")
    assert json.loads(ran.out)["ok"]
    assert ran.err == ""
