"""``ategnatos doctor``: exit 1 only for what has to be mended, and always the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from ategnatos.grimoire import documents
from ategnatos.studio import gpu
from ategnatos.studio.gpu import Found, Gpu
from ategnatos.studio.init import init_studio


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return init_studio(tmp_path / "studio").root


def test_a_sound_studio_passes(run, root: Path) -> None:
    ran = run("doctor", "--json", cwd=root)
    assert ran.code == 0
    assert ran.data["counts"]["failed"] == 0
    checks = {one["check"] for one in ran.data["checks"]}
    assert {"Python", "GPU", "terminal", "documents", "journal", "exports", "settings"} <= checks


def test_a_failure_exits_1_and_names_what_mends_it(run, root: Path) -> None:
    (root / ".claude/settings.json").write_text("{,}")
    ran = run("doctor", "--json", cwd=root)
    assert ran.code == 1
    assert ran.envelope["error"]["code"] == "checks_failed"
    (failed,) = [one for one in ran.envelope["data"]["checks"] if one["outcome"] == "failed"]
    assert failed["means"]
    assert failed["mend"]
    page = run("doctor", cwd=root)
    assert page.code == 1
    assert "FAILED" in page.out
    assert "json.tool" in page.out
    assert "1 check failed" in page.err


def test_a_command_that_mends_is_never_folded(run, root: Path, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    (root / ".claude/settings.json").write_text("{,}")
    mend = f"-> Mend it, and check with: python3 -m json.tool '{root}/.claude/settings.json'"
    assert mend in run("doctor", cwd=root).out


def test_the_gpu_is_remembered_for_status(run, root: Path, monkeypatch) -> None:
    found = Found((Gpu("NVIDIA L4", 23034, "550.1", "12.4"),))
    monkeypatch.setattr(gpu, "detect", lambda: found)
    dry = run("doctor", "--dry-run", "--json", cwd=root).data
    assert dry["gpus"][0]["name"] == "NVIDIA L4"
    assert run("status", "--json", cwd=root).data["machine"]["gpu"] != "NVIDIA L4 (22 GiB)"
    run("doctor", cwd=root)
    machine = run("status", "--json", cwd=root).data["machine"]
    assert (machine["gpu"], machine["cuda"]) == ("NVIDIA L4 (22 GiB)", "12.4")


def test_a_driver_that_does_not_answer_is_noted_and_forgets_nothing(
    run, root: Path, monkeypatch
) -> None:
    monkeypatch.setattr(gpu, "detect", lambda: Found(problem="driver mismatch"))
    project = init_studio(root).project
    before = documents.read(project, "studio").environment
    data = run("doctor", "--json", cwd=root).data
    (noted,) = [one for one in data["checks"] if one["check"] == "GPU"]
    assert (noted["outcome"], noted["found"]) == ("note", "driver mismatch")
    assert documents.read(project, "studio").environment == before


def test_outside_a_studio_the_machine_is_looked_at(run, tmp_path: Path) -> None:
    ran = run("doctor", "--json", cwd=tmp_path)
    assert ran.code == 0
    assert ran.data["studio"] is None
    assert ran.envelope["warnings"]


def test_a_studio_that_was_named_has_to_be_there(run, tmp_path: Path) -> None:
    ran = run("doctor", "--project", tmp_path / "no", "--json")
    assert (ran.code, ran.envelope["error"]["code"]) == (1, "no_project")
