"""A run of the starter trainer, from its order to its end."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from ategnatos.train.checkpoints import ledger
from ategnatos.train.plan.store import Kept
from ategnatos.train.run import record, state, status
from ategnatos.train.run.record import Run
from ategnatos.train.watching import curve
from tests.train.run.studio import followed, ordered, studio

A_145 = {
    "run_id",
    "backend",
    "config_path",
    "dataset_path",
    "output_dir",
    "status",
    "started_at",
    "last_checkpoint",
    "last_checkpoint_at",
    "total_steps",
    "completed_steps",
    "provider",
    "instance_id",
}
HANDED = ("plan.json", "environment.json", "README.md", "starter.json", "attempts/1/log.txt")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Kept, Run]:
    """A run that is finished, looked at by every test of this file."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("trained") / "M\u00fcller [2] & S\u00f6hne"
        folder.mkdir()
        patch.setenv("ATEGNATOS_LOCKS", str(folder / "locks"))
        project, kept = studio(folder)
        run = ordered(project, kept)
        assert (run.id, run.state, run.steps) == ("owl-1", "queued", 8)
        before = status.snapshot(project, run)
        assert (before["step"], before["state"], before["alive"]) == (0, "queued", None)
        return project, kept, followed(project, run)


def test_a_run_leaves_everything_that_another_person_needs(
    trained: tuple[Project, Kept, Run],
) -> None:
    project, kept, run = trained
    assert run.state == "finished", run.why
    assert run.step == 8
    folder = run.folder
    assert [one.step for one in curve.read(folder).points] == list(range(1, 9))
    kept_saves = ledger.read(folder)
    assert [(one.step, one.final) for one in kept_saves.entries if one.usable] == [
        (3, False),
        (6, False),
        (8, False),
        (8, True),
    ]
    assert run.latest
    said = state.read(folder)
    assert set(said) >= A_145
    assert (said["status"], said["completed_steps"], said["total_steps"]) == ("finished", 8, 8)
    assert said["provider"] == "local"
    for name in HANDED:
        assert (folder / name).is_file(), name
    page = (folder / "README.md").read_text()
    assert "How to repeat it" in page
    assert "ategnatos.trainers.starter" in page
    assert json.loads((folder / "plan.json").read_text()) == kept.plan.facts()
    assert list((folder / "dataset").rglob("*.png"))
    states = [one.data["to"] for one in journal.read(project, {record.STATE_EVENT})]
    assert states == ["preparing", "training", "finished"]
    progress = project.root / "grimoire" / "training" / "owl" / "progress.md"
    assert "try 1, from the start: finished" in progress.read_text()


def test_a_snapshot_says_all_that_a_page_shows(trained: tuple[Project, Kept, Run]) -> None:
    project, _, run = trained
    seen = status.snapshot(project, run)
    json.dumps(seen)
    assert (seen["step"], seen["steps"], seen["share"], seen["alive"]) == (8, 8, 1.0, False)
    assert isinstance(seen["loss"], float)
    assert seen["checkpoints"]["latest"]["step"] == 8
    assert [one["end"] for one in seen["attempts"]] == ["finished"]


def test_the_commands_of_the_page_repeat_the_run_elsewhere_to_the_same_bytes(
    trained: tuple[Project, Kept, Run], tmp_path: Path
) -> None:
    _, _, run = trained
    handed = tmp_path / "handed"
    shutil.copytree(run.folder, handed)
    run.output.rename(run.folder / "output-before")
    step = (handed / "README.md").read_text(encoding="utf-8").partition("\n2. ")[2]
    lines = [line.strip() for line in step.partition("\n3. ")[0].splitlines() if "       " in line]
    assert len(lines) == 3
    assert "`sh attempts/1/command.sh`" in step
    script = " && ".join([*lines, "sh attempts/1/command.sh"])
    subprocess.run(["sh", "-c", script], check=True, timeout=120, cwd=handed)
    first = run.folder / "output-before" / "owl.safetensors"
    assert (handed / "output" / "owl.safetensors").read_bytes() == first.read_bytes()
    assert not run.output.exists()
