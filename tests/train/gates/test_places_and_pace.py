"""Where a training's things lie on its machine, and what was measured there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path, PurePosixPath

from ategnatos.grimoire.project import Project
from ategnatos.train import placing
from ategnatos.train.gates.environment import needs
from ategnatos.train.pace import measured
from tests.conftest import Run
from tests.train.gates import ready


def test_files_of_a_plan_lie_in_one_folder_there_and_where_they_are_here(
    studio: Project, tmp_path: Path
) -> None:
    model = tmp_path / "base.safetensors"
    plan = ready.sdxl(studio, model, parts={"clip_l": "/m/clip_l.safetensors"}).plan
    here = placing.places(studio, "local", "/home/ann")
    assert here.plan(plan) is plan
    assert here.training("owl") == PurePosixPath(studio.workspace) / "training" / "owl"
    there = placing.places(studio, "runpod:p1", "/root")
    far = there.plan(plan)
    assert far.model == "/root/ategnatos/models/base.safetensors"
    assert far.parts == {"clip_l": "/root/ategnatos/models/clip_l.safetensors"}
    assert far.vae == ""
    # A repository is no file, wherever it is loaded.
    assert there.file("stabilityai/sdxl") == "stabilityai/sdxl"
    asked = needs.of(far, "kohya")
    assert set(asked.files) == {far.model, *far.parts.values()}
    assert "openai/clip-vit-large-patch14" in asked.repositories
    # Without a model the trainer's own repository is what must be there.
    bare = needs.of(plan.change(model="", parts={}), "kohya")
    assert bare.files == {}
    assert bare.what["stabilityai/stable-diffusion-xl-base-1.0"] == "base model"


def test_a_price_is_for_the_steps_that_the_pictures_come_to(
    studio: Project, tmp_path: Path, run: Run
) -> None:
    kept = ready.sdxl(studio, tmp_path / "base.safetensors", epochs=2, repeats=1, batch=1)
    assert kept.plan.target_steps > 100
    words = ("--gpu", "RTX 4090", "--price", "1", "--trainer", "kohya", "--json")
    # Sixteen pictures, each twice.
    assert run("train", "cost", "owl", *words, cwd=studio.root).data["steps"] == 32


def test_what_was_measured_replaces_the_table(studio: Project, tmp_path: Path, run: Run) -> None:
    kept = ready.sdxl(studio, tmp_path / "base.safetensors")

    def note(basis: str, seconds: float, name: str, gpu: str = "NVIDIA GeForce RTX 4090") -> None:
        measured.record_pace(
            studio,
            run=name,
            machine=f"tower/{gpu}",
            gpu=gpu,
            plan=kept.plan,
            trainer="kohya",
            basis=basis,  # type: ignore[arg-type]
            steps=3,
            seconds=seconds,
            now=ready.NOW + timedelta(minutes=1),
        )

    words = ("--gpu", "RTX 4090", "--price", "1", "--steps", "3600", "--trainer", "kohya", "--json")

    def hours() -> tuple[float, str]:
        (offer,) = run("train", "cost", "owl", *words, cwd=studio.root).data["offers"]
        return offer["hours"][0], offer["basis"]

    assert hours()[1] == "table"
    note("dry run", 2.0, "owl, dry run 1")
    assert hours() == (2.35, "dry run")
    note("run", 1.0, "owl-1")
    note("dry run", 3.0, "owl, dry run 2")
    assert hours() == (1.35, "run")
    # The same run again replaces its measurement; another GPU and another plan say nothing.
    note("run", 1.5, "owl-1")
    note("run", 9.0, "owl-2", "NVIDIA GeForce RTX 3090")
    assert hours() == (1.85, "run")
    assert measured.by_gpu(studio, kept.plan.change(rank=8), "kohya") == {}
