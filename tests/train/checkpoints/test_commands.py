"""'train checkpoints' and 'train clean' as a user runs them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.loras import LoraRow
from ategnatos.train import cleaning
from ategnatos.train.checkpoints import ledger
from tests.conftest import Run
from tests.train.checkpoints.runs import LATER, saved

DAY = 86400


@pytest.fixture
def studio(run: Run, project: Project, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program, run inside the studio."""
    monkeypatch.chdir(project.root)
    return run


def files(folder: Path) -> set[str]:
    return {
        one.relative_to(folder).as_posix()
        for one in folder.rglob("*")
        if one.is_file() and one.name != ".ledger.lock"
    }


def register(project: Project, origin: Path, sha256: str = "0" * 64) -> None:
    with documents.edit(project, "loras", now=LATER) as document:
        document.loras = [
            LoraRow(
                name="owl",
                family="sdxl/base",
                weight=0.8,
                weight_low=0.5,
                weight_high=1.0,
                sha256=sha256,
                location="/models/owl.safetensors",
                origin=origin.relative_to(project.root).as_posix(),
            )
        ]


def test_a_run_shows_what_it_saved(project: Project, studio: Run) -> None:
    made = saved(project)
    shown = studio("train", "checkpoints", "owl", "--json").envelope["data"]
    assert [one["step"] for one in shown["checkpoints"]] == [10, 20, 30]
    assert (shown["run"], shown["metric"]) == ("owl-1", "smoothed")
    assert shown["best"].startswith("checkpoint-20-")
    assert shown["latest"].startswith("checkpoint-30-")
    assert [one.split("-")[1] for one in shown["resumable"]] == ["30", "20", "10"]
    words = studio("train", "checkpoints", "owl").out
    assert "the best: lowest smoothed loss" in words
    assert "3 checkpoints" in words
    best = studio("train", "checkpoints", "owl", "--best")
    assert best.out.strip() == str(made.folder / "output/owl-000002.safetensors")
    none = studio("train", "checkpoints", "owl", "--best", "--metric", "validation", "--json")
    assert "this is the latest" in none.envelope["warnings"][0]
    latest = studio("train", "checkpoints", "owl", "--latest", "--json").envelope["data"]
    assert latest["path"].endswith("owl-000003.safetensors")


def test_verifying_finds_moves_and_brings_back(project: Project, studio: Run) -> None:
    made = saved(project)
    state = made.folder / "output/owl-000003-state/optimizer.bin"
    raw = state.read_bytes()
    assert studio("train", "checkpoints", "owl", "--verify").code == 0
    state.write_bytes(raw[:100])
    looked = studio("train", "checkpoints", "owl", "--verify", "--dry-run", "--json")
    assert looked.code == 1
    assert looked.envelope["error"]["code"] == "checkpoint_broken"
    assert state.exists()
    found = studio("train", "checkpoints", "owl", "--verify", "--json")
    assert found.code == 1
    assert found.envelope["data"]["resumable"][0].startswith("checkpoint-20-")
    name = found.envelope["error"]["details"]["broken"][0]
    assert not state.parent.exists()
    back = studio("train", "checkpoints", "owl", "--bring-back", name)
    assert back.code == 0, back.err
    assert state.read_bytes() == raw[:100]


def test_cleaning_keeps_what_a_registered_lora_came_from(project: Project, studio: Run) -> None:
    made = saved(project, (0.5, 0.4, 0.3, 0.2, 0.1))
    register(project, made.folder / "output/owl-000001.safetensors")
    before = files(made.folder)
    looked = studio(
        "train", "checkpoints", "owl", "--clean", "--keep", "2", "--dry-run", "--json"
    ).envelope["data"]
    # Looking takes the lock of the ledger and nothing more.
    assert files(made.folder) == before
    assert [one["name"].split("-")[1] for one in looked["removed"]] == ["20", "30"]
    done = studio("train", "checkpoints", "owl", "--clean", "--keep", "2", "--json")
    assert done.envelope["data"]["bytes"] == looked["bytes"] > 0
    left = files(made.folder)
    assert "output/owl-000001.safetensors" in left
    assert "output/owl-000001-state/optimizer.bin" in left
    assert not any("000002" in one or "000003" in one for one in left)
    why = {one["name"].split("-")[1]: one["why"] for one in looked["kept"]}
    assert why["10"] == ["in use"]
    again = studio("train", "checkpoints", "owl", "--clean", "--keep", "2")
    assert "nothing to free" in again.out


def test_a_run_at_work_is_left_alone(project: Project, studio: Run) -> None:
    saved(project, state="training")
    for option in ("--verify", "--clean"):
        refused = studio("train", "checkpoints", "owl", option, "--json")
        assert refused.envelope["error"]["code"] == "run_at_work"
    assert studio("train", "checkpoints", "owl", "--verify", "--dry-run").code == 0
    cleaned = studio("train", "clean", "--json").envelope["data"]
    assert cleaned["pieces"] == []


def test_a_damaged_ledger_is_named_and_made_again(project: Project, studio: Run) -> None:
    made = saved(project)
    (made.folder / "ledger.json").write_bytes(b"{}")
    refused = studio("train", "checkpoints", "owl", "--json")
    assert refused.envelope["error"]["code"] == "ledger_broken"
    assert "--rebuild" in refused.envelope["error"]["hint"]
    # What cannot be read says nothing of its files, so nothing of them is cleaned.
    assert studio("train", "clean", "--dry-run", "--json").envelope["data"]["pieces"] == []
    assert studio("train", "checkpoints", "owl", "--rebuild").code == 0
    shown = studio("train", "checkpoints", "owl", "--json").envelope["data"]
    assert [one["step"] for one in shown["checkpoints"]] == [10, 20, 30]


def test_everything_that_is_cleaned_is_named_with_size_and_reason(
    project: Project, studio: Run
) -> None:
    made = saved(project)
    other = saved(project, (), number=2, trainer="ai-toolkit")
    leave(project, made.folder, other.folder)
    looked = studio("train", "clean", "--dry-run", "--json").envelope["data"]
    home = "workspace/training/owl"
    assert {(one["kind"], one["path"].removeprefix(f"{home}/")) for one in looked["pieces"]} == {
        ("caches", "runs/owl-1/dataset/1_owl/a_sd.npz"),
        ("caches", "runs/owl-2/dataset/_latent_cache"),
        ("logs", "runs/owl-1/output/logs"),
        ("states", "runs/owl-1/output/owl-000001-state"),
        ("states", "runs/owl-1/output/owl-000002-state"),
        ("dry-runs", "dry-runs/1"),
        ("dry-runs", "dry-runs/2"),
        ("orphans", "runs/owl-9"),
        ("aside", "runs/owl-1/aside/checkpoint-1-20261101-1200"),
        ("aside", "runs/owl-1/aside/2"),
    }
    sizes = {one["path"].removeprefix(f"{home}/"): one["bytes"] for one in looked["pieces"]}
    assert sizes["runs/owl-1/output/logs"] == 300
    # A hard link to a picture of the dataset gives nothing back.
    assert sizes["runs/owl-9"] == 700
    assert all(one["why"] for one in looked["pieces"])
    untouched = files(project.root)
    assert "would be freed; nothing was deleted" in studio("train", "clean", "--dry-run").out
    assert files(project.root) == untouched
    only = studio("train", "clean", "--only", "logs", "--json").envelope["data"]
    assert [one["kind"] for one in only["pieces"]] == ["logs"]
    done = studio("train", "clean", "--json").envelope["data"]
    assert done["bytes"] == looked["bytes"] - 300
    for one in looked["pieces"]:
        assert not (project.root / one["path"]).exists()
    assert studio("train", "clean", "--json").envelope["data"]["pieces"] == []
    known = ledger.read(made.folder)
    assert [one.step for one in known.entries if one.usable] == [10, 20, 30]
    assert [one.step for one in known.resumable()] == [30]
    assert (made.folder / "metrics.jsonl").is_file()
    assert (project.root / "workspace/datasets/picture.png").is_file()
    assert (made.folder / "dataset/1_owl/a.png").is_file()
    assert (project.workspace / "training/owl/dry-runs/10").is_dir()


def leave(project: Project, folder: Path, other: Path) -> None:
    """What trainings leave behind, old enough to go."""
    pictures = folder / "dataset/1_owl"
    pictures.mkdir(parents=True)
    (pictures / "a.png").write_bytes(b"p" * 50)
    (pictures / "a_sd.npz").write_bytes(b"c" * 200)
    (other / "dataset/_latent_cache").mkdir(parents=True)
    (other / "dataset/_latent_cache/a.safetensors").write_bytes(b"c" * 100)
    (folder / "output/logs/run").mkdir(parents=True)
    (folder / "output/logs/run/events.out.tfevents.1").write_bytes(b"e" * 300)
    (folder / "metrics.jsonl").write_text('{"step":1,"loss":0.1}\n')
    place = project.workspace / "training/owl"
    for number in (1, 2, 10):
        (place / f"dry-runs/{number}").mkdir(parents=True)
    aside = folder / "aside/checkpoint-1-20261101-1200"
    aside.mkdir(parents=True)
    (aside / "note.json").write_text(json.dumps({"name": "x", "why": "y", "from": []}))
    os.utime(aside / "note.json", (time.time() - 9 * DAY,) * 2)
    # What a resume moved out of its way has no note.
    (folder / "aside/2").mkdir()
    (folder / "aside/2/owl-000009.safetensors").write_bytes(b"w" * 400)
    os.utime(folder / "aside/2", (time.time() - 9 * DAY,) * 2)
    (folder / "aside/3").mkdir()
    orphan = place / "runs/owl-9"
    orphan.mkdir(parents=True)
    (orphan / "log.txt").write_bytes(b"l" * 700)
    picture = project.root / "workspace/datasets/picture.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(b"p" * 5000)
    (orphan / "linked.png").hardlink_to(picture)
    # A link that leads out is no folder of ours, and what it leads to is nobody's to clean.
    (place / "runs/owl-8").symlink_to(project.root / "exports")
    (pictures / "b.npz").symlink_to(picture)
    os.utime(orphan, (time.time() - DAY,) * 2)


def test_an_orphan_that_a_registered_lora_came_from_stays(project: Project, studio: Run) -> None:
    made = saved(project, (0.1,))
    weights = made.folder / "output/owl-000001.safetensors"
    sha256 = ledger.read(made.folder).entries[0].sha256
    with documents.edit(project, "runs", now=LATER) as document:
        document.runs = []
    os.utime(made.folder, (time.time() - DAY,) * 2)
    found = studio("train", "clean", "--dry-run", "--json").envelope["data"]["pieces"]
    assert [one["kind"] for one in found] == ["orphans"]
    # Known by its bytes alone, wherever it lay; then by its place.
    register(project, project.root / "elsewhere.safetensors", sha256)
    assert studio("train", "clean", "--json").envelope["data"]["pieces"] == []
    register(project, weights)
    assert studio("train", "clean", "--json").envelope["data"]["pieces"] == []
    assert weights.is_file()


def test_what_an_evaluation_shows_keeps_its_state_and_its_place(
    project: Project, studio: Run
) -> None:
    made = saved(project)
    folder = project.workspace / "training/owl/evaluations/1"
    folder.mkdir(parents=True)
    shown = [{"name": "x", "path": (made.folder / "output/owl-000001.safetensors").as_posix()}]
    (folder / "evaluation.json").write_text(json.dumps({"checkpoints": shown}))
    found = studio("train", "clean", "--dry-run", "--json").envelope["data"]["pieces"]
    assert [one["path"].rpartition("/")[2] for one in found] == ["owl-000002-state"]


def test_a_run_that_goes_to_work_meanwhile_is_left_alone(project: Project) -> None:
    made = saved(project)
    other = saved(project, (), number=2)
    leave(project, made.folder, other.folder)

    def resumed(piece: cleaning.Piece) -> None:
        with documents.edit(project, "runs", now=LATER) as document:
            document.runs[0].state = "training"

    freed = cleaning.clean(project, actor="user:ann", now=LATER, on_piece=resumed)
    assert [one for one in freed if one.run == made.id] == freed[:1]
    assert ledger.read(made.folder).resumable()[0].step == 30


def test_what_the_trainer_or_a_resume_took_away_is_shown_as_gone(
    project: Project, studio: Run
) -> None:
    made = saved(project)
    (made.folder / "output/owl-000002.safetensors").unlink()
    (made.folder / "output/owl-000002-state").rename(made.folder / "moved")
    shown = studio("train", "checkpoints", "owl", "--json").envelope["data"]
    assert [one["removed"] for one in shown["checkpoints"]] == [False, True, False]
    assert "1 more are gone" in studio("train", "checkpoints", "owl").out


def test_two_wishes_at_once_are_refused(project: Project, studio: Run) -> None:
    saved(project, (0.1,))
    refused = studio("train", "checkpoints", "owl", "--best", "--clean", "--json")
    assert refused.envelope["error"]["code"] == "checkpoints_what"
    refused = studio("train", "checkpoints", "owl", "--best", "--metric", "beauty", "--json")
    assert refused.envelope["error"]["code"] == "checkpoints_what"
    refused = studio("train", "clean", "--only", "everything", "--json")
    assert refused.envelope["error"]["code"] == "clean_kind"
