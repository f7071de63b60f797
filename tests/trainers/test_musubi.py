"""What is musubi-tuner's own: steps before the training, counts that begin anew, its real logs."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.knowledge import failures
from ategnatos.train.dataset.version import Version
from ategnatos.train.plan.choosing import trainers_for
from ategnatos.trainers import Checkpoint, Dataset, Translation, load_trainer
from ategnatos.trainers.events import (
    Event,
    Fact,
    Failed,
    Finished,
    Phase,
    Progress,
    Sampled,
    Saved,
    Warned,
)
from ategnatos.trainers.lines import Lines
from ategnatos.trainers.plan import Plan
from tests.trainers import plans

MUSUBI = load_trainer("musubi")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Version]:
    project = Project.create(tmp_path_factory.mktemp("studio") / "studio")
    return project, plans.pictures(project, apart=1)


def prepared(
    studio: tuple[Project, Version], family: str = "qwen-image/base", **values: Any
) -> tuple[Plan, Dataset, Path]:
    project, version = studio
    given = {"parts": plans.parts(family, "musubi"), **values}
    plan = plans.plan(version, family, "standard", **given)
    folder = project.workspace / "training" / "owl" / "musubi"
    return plan, plans.laid(project, plan, MUSUBI.layout, folder), folder


def made(studio: tuple[Project, Version], family: str = "qwen-image/base", **values: Any) -> Any:
    return MUSUBI.translate(*prepared(studio, family, **values))


def keys(made: Translation, name: str = "musubi.toml") -> dict[str, Any]:
    return tomllib.loads(made.files[name].decode())


def marks(studio: tuple[Project, Version], **values: Any) -> list[str]:
    return [one.mark for one in made(studio, **values).before]


def test_a_family_that_no_other_trainer_knows_has_one(studio: tuple[Project, Version]) -> None:
    plan, _, _ = prepared(studio, "hidream-o1/base")
    assert [name for name, why in trainers_for(plan).items() if not why] == ["musubi"]
    assert keys(made(studio, "hidream-o1/base"))["model_type"] == "full"
    pictures, captions = (one.command for one in made(studio, "hidream-o1/base").before)
    assert "--vae" not in pictures
    assert captions[-2:] == ("--model_type", "full")


def test_what_it_cannot_train_is_refused(studio: tuple[Project, Version]) -> None:
    assert "it knows qwen-image" in MUSUBI.trains(prepared(studio)[0].change(family="sdxl/base"))
    for family, values, says in (
        ("krea2/raw", {"network": "lokr"}, "no lokr of krea2"),
        ("qwen-image/base", {"network": "dora"}, "no dora"),
        ("qwen-image/base", {"text_encoder": True, "cache_text": False}, "no text encoders"),
        ("qwen-image/edit-2511", {}, "not edit-2511"),
    ):
        assert says in MUSUBI.trains(prepared(studio, family, **values)[0]), family
    with pytest.raises(StudioError, match="text_encoder, vae"):
        made(studio, parts={})
    assert made(studio, parts={"text_encoder": "/a.safetensors"}, vae="/b.safetensors").files


def test_pictures_and_captions_are_encoded_before_and_beside_nobodys_files(
    studio: tuple[Project, Version],
) -> None:
    plan, dataset, folder = prepared(studio)
    for one in (MUSUBI.translate(plan, dataset, folder), MUSUBI.dry_run(plan, dataset, folder)):
        assert [step.name for step in one.before] == ["encode the pictures", "encode the captions"]
        name = "dataset.toml" if "dataset.toml" in one.files else "dry-run-dataset.toml"
        assert all(str(folder / name) in step.command for step in one.before)
        for entry in keys(one, name)["datasets"]:
            assert Path(entry["cache_directory"]).parent == folder / "cache"
        for step in one.before:
            assert Path(step.mark).parent == folder / "cache"
        left = [dict.fromkeys([one[0]], one[2]) for step in one.before for one in step.leaves]
        assert left == [{str(folder / "cache" / "train-zrvkowl"): 5}] * 2
    before = MUSUBI.translate(plan, dataset, folder).placed_before("/opt/home", "/opt/python")
    assert all(one.command[0] == "/opt/python" for one in before)


def test_a_step_is_done_again_where_its_result_would_be_another(
    studio: tuple[Project, Version],
) -> None:
    pictures, captions = marks(studio)
    assert marks(studio, batch=2, rank=8, steps=90, epochs=0) == [pictures, captions]
    other = marks(studio, resolution=768)
    assert other[0] != pictures
    assert other[1] == captions
    other = marks(studio, text_encoder_quantisation="none")
    assert other[0] == pictures
    assert other[1] != captions
    other = marks(studio, vae="/models/another.safetensors")
    assert other[0] != pictures
    plan, dataset, folder = prepared(studio)
    changed = replace(dataset, digest="0" * 64)
    again = MUSUBI.translate(plan.change(dataset_digest="0" * 64), changed, folder)
    assert not {one.mark for one in again.before} & {pictures, captions}


def test_it_goes_on_for_what_is_left_in_a_folder_of_its_own(
    studio: tuple[Project, Version],
) -> None:
    plan, dataset, folder = prepared(studio, schedule="cosine", warmup=0.1)
    state = folder / "output" / "owl-step00000600-state"
    first = MUSUBI.resume(plan, dataset, folder, Checkpoint(None, state, 600, None))
    assert first.command[-2:] == ("--resume", str(state))
    assert first.output == "output-from-00000600"
    assert first.steps == dataset.steps == 1500
    said = keys(first)
    assert said["max_train_steps"] == 900
    assert said["output_dir"] == str(folder / "output-from-00000600")
    # Its own name for the schedule would make it as long as what is left.
    assert said["lr_scheduler_type"].endswith(".get_cosine_schedule_with_warmup")
    assert said["lr_scheduler_args"] == ["num_warmup_steps=150", "num_training_steps=1500"]
    # A second time its own count begins at that folder's number.
    state = folder / "output-from-00000600" / "owl-step00000300-state"
    second = MUSUBI.resume(plan, dataset, folder, Checkpoint(None, state, 300, None))
    assert second.output == "output-from-00000900"
    assert keys(second)["max_train_steps"] == 600
    assert "lr_scheduler_type" not in keys(MUSUBI.translate(plan, dataset, folder))
    plan, dataset, folder = prepared(studio)
    point = Checkpoint(None, folder / "output" / "owl-step00000600-state", 600, None)
    assert "lr_scheduler_type" not in keys(MUSUBI.resume(plan, dataset, folder, point))


def test_nothing_is_resumed_where_nothing_is_left(studio: tuple[Project, Version]) -> None:
    plan, dataset, folder = prepared(studio)
    state = folder / "output" / "owl-step00001500-state"
    for point in (
        Checkpoint(None, state, 1500, None),
        Checkpoint(None, state, None, None),
        Checkpoint(None, state, 300, None, final=True),
        Checkpoint(state, None, 300, None),
    ):
        with pytest.raises(StudioError) as refused:
            MUSUBI.resume(plan, dataset, folder, point)
        assert refused.value.code.code == "trainer_cannot"


def test_what_a_lora_needs_before_its_use_is_said(studio: tuple[Project, Version]) -> None:
    assert "train lora convert" in made(studio, "z-image/base").notes[0]
    assert made(studio).notes == ()


def test_so_many_saves_are_kept_as_the_plan_says(studio: tuple[Project, Version]) -> None:
    """As train_utils.get_remove_step_no reckons: after a save at step 1500."""
    said = keys(made(studio, keep=3))
    every, last = said["save_every_n_steps"], said["save_last_n_steps"]
    removed = 1500 - last - 1
    removed -= removed % every
    assert (every, removed) == (300, 600)
    assert "save_last_n_steps" not in keys(made(studio))


def test_what_is_lost_is_said(studio: tuple[Project, Version]) -> None:
    def losses(family: str = "qwen-image/base", **values: Any) -> dict[str, str]:
        return {one.field: one.kind for one in made(studio, family, **values).losses}

    fp8 = {"quantisation": "fp8", "text_encoder_quantisation": "fp8"}
    assert losses(**fp8) == {}
    assert losses(**fp8, cache_text=False, cache_latents="none", flip=True, precision="fp32") == {
        "cache_latents": "fixed",
        "cache_text": "fixed",
        "flip": "dropped",
        "precision": "fixed",
    }
    assert losses("z-image/base", precision="fp32", block_swap=40, ema=True) == {
        "block_swap": "approximated",
        "ema": "dropped",
    }
    assert losses("krea2/raw", quantisation="int8", text_encoder_quantisation="fp8") == {
        "quantisation": "approximated",
        "text_encoder_quantisation": "dropped",
    }
    assert losses("ideogram4/base", quantisation="fp8") == {"quantisation": "fixed"}
    assert losses("flux2/klein-base-4b", timestep_shift=3.0, **fp8) == {"timestep_shift": "dropped"}
    assert losses(**fp8, validation=True) == {"validation": "dropped"}
    assert keys(made(studio, "flux2/klein-base-4b", block_swap=30))["blocks_to_swap"] == 13


LOGS = Path(__file__).parent / "logs" / "musubi"
RECORDED = sorted(one.stem for one in LOGS.glob("*.txt"))


def read(raw: bytes, size: int = 4096) -> list[Event]:
    parser, lines, found = MUSUBI.parser(), Lines(), []
    for start in range(0, len(raw), size):
        for line in lines.feed(raw[start : start + size]):
            found += parser.parse(line)
    for line in [*lines.close(), ""]:
        found += parser.parse(line)
    return found


def told(name: str) -> list[Event]:
    return read((LOGS / f"{name}.txt").read_bytes())


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_run_is_read_without_loss(name: str) -> None:
    """All three programs of 0.3.4 on a CPU, over a Z-Image of random weights, in one log."""
    raw = (LOGS / f"{name}.txt").read_bytes()
    found = read(raw)
    assert read(raw, 7) == found
    bars = re.findall(rb"steps: +\d+%\|[^|]*\| (\d+)/(\d+) \[", raw)
    drawn = [one for one in found if isinstance(one, Progress)]
    assert [(one.step, one.total) for one in drawn] == [(int(a), int(b)) for a, b in bars]
    weights = [one for one in found if isinstance(one, Saved) and one.kind == "weights"]
    assert len(weights) == raw.count(b"saving checkpoint: ")
    assert len([one for one in found if isinstance(one, Saved)]) == raw.count(
        b"saving checkpoint: "
    ) + raw.count(b"train_utils:saving ")


def facts(name: str) -> dict[str, int]:
    return {one.name: one.value for one in told(name) if isinstance(one, Fact)}


def steps_of(name: str) -> list[tuple[str, int | None]]:
    return [
        (one.name, one.done)
        for one in told(name)
        if isinstance(one, Phase) and (one.name.startswith("encode ") or one.name == "training")
    ]


def test_the_steps_before_are_told_and_passed_over_when_they_were_done() -> None:
    both = [("encode the pictures", 1), ("encode the captions", 2), ("training", None)]
    for name in ("dry_run", "killed", "stopped", "resumed_to_the_end"):
        assert steps_of(name) == both
    again = (LOGS / "stopped.txt").read_text(encoding="utf-8")
    assert again.count(": done before") == 2
    encoded = [one.done for one in told("dry_run") if one == Phase("encoding", 2)]
    assert encoded
    assert Phase("encoding", 2) not in told("stopped")


def test_what_the_recorded_runs_say() -> None:
    assert facts("killed") == {
        "images": 6,
        "modules": 28,
        "images_shown": 6,
        "batches_an_epoch": 2,
        "epochs": 4,
        "batch": 3,
        "accumulation": 1,
        "steps": 8,
    }
    assert facts("resumed_to_the_end")["steps"] == 4
    saved = [(one.kind, one.step, one.final) for one in told("killed") if isinstance(one, Saved)]
    assert saved == [
        ("weights", 2, False),
        ("state", 2, False),
        ("weights", 4, False),
        ("state", 4, False),
    ]
    last = [one for one in told("resumed_to_the_end") if isinstance(one, Saved | Finished)]
    assert [type(one).__name__ for one in last[-3:]] == ["Saved", "Saved", "Finished"]
    assert [one.final for one in last if isinstance(one, Saved)] == [False] * 4 + [True, True]
    resumed = [one.text for one in told("resumed_to_the_end") if one.__class__ is Phase]
    assert any(text.endswith("output-from-00000002/owl-step00000002-state") for text in resumed)
    killed = [one.code for one in told("killed") if isinstance(one, Failed)]
    assert killed == ["killed"]
    drawn = [one for one in told("killed") if isinstance(one, Progress)]
    # The clock of its bar begins after the first step.
    assert drawn[1].seconds_a_step is None
    assert {one.epoch for one in drawn} == {None, 1, 2}
    losses = {one.loss_step: one.loss for one in drawn if one.loss is not None}
    assert sorted(losses) == [1, 2, 3, 4]
    assert all(one.loss_is == "average" for one in drawn)


def test_samples_and_warnings_behind_a_bar_are_read() -> None:
    """fp8 weights and text encoder, a LoKr, two prompts an epoch: settings that a plan can have."""
    found = told("samples_fp8_lokr")
    assert sum(isinstance(one, Sampled) for one in found) == 2
    warned = [one.text for one in found if isinstance(one, Warned)]
    assert any(text.startswith("LoKr: lora_dim 4 is large") for text in warned)
    assert any("not divisible by block_size" in text for text in warned)
    assert not [one for one in found if isinstance(one, Failed)]
    assert Finished("model saved.") in found


@pytest.mark.parametrize(
    ("name", "category", "words"),
    [
        ("no_vae", "missing_model", "FileNotFoundError: [Errno 2] No such file or directory"),
        ("nothing_encoded", "no_training_data", "No training items found in the dataset"),
    ],
)
def test_a_step_that_fails_is_told_in_its_own_words(name: str, category: str, words: str) -> None:
    failed = [one.text for one in told(name) if isinstance(one, Failed)]
    assert len(failed) == 1
    assert words in failed[0]
    lines = (LOGS / f"{name}.txt").read_text(encoding="utf-8").split("\n")
    assert failures.diagnose(lines)[0].name == category
    assert ("training", None) not in steps_of(name)


def test_a_step_that_was_ended_without_a_word_is_told_by_what_started_it() -> None:
    line = "ategnatos: step 2 of 3, encode the captions: ended with status 137;"
    line += " the training was not started"
    assert MUSUBI.parser().parse(line) == (Failed(line),)
