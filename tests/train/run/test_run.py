"""A run of the starter trainer, from its order to its end."""

from __future__ import annotations

import json
from pathlib import Path

from ategnatos.grimoire import journal
from ategnatos.train.checkpoints import ledger
from ategnatos.train.run import record, state, status
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


def test_a_run_leaves_everything_that_another_person_needs(tmp_path: Path) -> None:
    project, kept = studio(tmp_path)
    run = ordered(project, kept)
    assert (run.id, run.state, run.steps) == ("owl-1", "queued", 8)
    run = followed(project, run)
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


def test_the_command_in_the_page_repeats_the_run_to_the_same_bytes(tmp_path: Path) -> None:
    import subprocess

    project, kept = studio(tmp_path, steps=4, save_every_steps=2)
    run = followed(project, ordered(project, kept))
    made = run.output / "owl.safetensors"
    first = made.read_bytes()
    run.output.rename(run.folder / "output-before")
    subprocess.run(["sh", str(run.folder / "attempts/1/command.sh")], check=True, timeout=120)
    assert made.read_bytes() == first


def test_a_snapshot_says_all_that_a_page_shows(tmp_path: Path) -> None:
    project, kept = studio(tmp_path, steps=4, save_every_steps=2)
    run = ordered(project, kept)
    before = status.snapshot(project, run)
    assert (before["step"], before["state"], before["alive"]) == (0, "queued", None)
    run = followed(project, run)
    seen = status.snapshot(project, run)
    json.dumps(seen)
    assert (seen["step"], seen["steps"], seen["share"], seen["alive"]) == (4, 4, 1.0, False)
    assert isinstance(seen["loss"], float)
    assert seen["checkpoints"]["latest"]["step"] == 4
    assert [one["end"] for one in seen["attempts"]] == ["finished"]
