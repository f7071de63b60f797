"""What a translation says and what it admits not to say; runs, dry runs and resumes."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset.version import Version
from ategnatos.train.plan import laying
from ategnatos.train.run import resuming
from ategnatos.trainers import Checkpoint, Dataset, Trainer, load_trainer
from ategnatos.trainers.plan import Plan
from tests.trainers import plans


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Version]:
    project = Project.create(tmp_path_factory.mktemp("studio") / "studio")
    return project, plans.pictures(project, apart=1)


def prepared(
    studio: tuple[Project, Version], trainer: str, family: str = "", **values: Any
) -> tuple[Trainer, Plan, Dataset, Path]:
    project, version = studio
    family = family or plans.usual(trainer)
    parts = plans.parts(family, trainer) if trainer in ("kohya", "musubi") else {}
    plan = plans.plan(version, family, "standard", **{"parts": parts, **values})
    folder = project.workspace / "training" / "owl" / trainer
    chosen = load_trainer(trainer)
    return chosen, plan, plans.laid(project, plan, chosen.layout, folder), folder


def losses(
    studio: tuple[Project, Version], trainer: str, family: str = "", **values: Any
) -> dict[str, str]:
    chosen, plan, dataset, folder = prepared(studio, trainer, family, **values)
    return {one.field: one.kind for one in chosen.translate(plan, dataset, folder).losses}


@pytest.mark.parametrize("trainer", plans.TRAINERS)
def test_the_captions_are_seen_and_the_pictures_are_where_the_files_say(
    studio: tuple[Project, Version], trainer: str
) -> None:
    project, _ = studio
    chosen, plan, dataset, folder = prepared(studio, trainer)
    ready = laying.ready(project, plan, chosen.layout, folder / "dataset")
    ready.put(project)
    made = chosen.translate(plan, dataset, folder)
    folders = _folders(trainer, made.files)
    found = [one for place in folders for one in Path(place).iterdir()]
    assert len([one for one in found if one.suffix == ".png"]) == dataset.pictures == 5
    for one in found:
        if one.suffix == ".png":
            assert one.with_suffix(".txt").read_text().startswith("zrvkowl")


def _folders(trainer: str, files: Any) -> list[str]:
    if trainer == "kohya":
        config = tomllib.loads(files["dataset.toml"].decode())
        assert config["general"]["caption_extension"] == ".txt"
        return [one["image_dir"] for part in config["datasets"] for one in part["subsets"]]
    if trainer == "musubi":
        config = tomllib.loads(files["dataset.toml"].decode())
        assert config["general"]["caption_extension"] == ".txt"
        return [one["image_directory"] for one in config["datasets"]]
    if trainer == "simpletuner":
        backends = json.loads(files["multidatabackend.json"])
        images = [one for one in backends if "instance_data_dir" in one]
        assert all(one["caption_strategy"] == "textfile" for one in images)
        return [one["instance_data_dir"] for one in images]
    process = yaml.safe_load(files["ai-toolkit.yaml"])["config"]["process"][0]
    assert all(one["caption_ext"] == "txt" for one in process["datasets"])
    return [one["folder_path"] for one in process["datasets"]]


@pytest.mark.parametrize("trainer", plans.TRAINERS)
def test_no_picture_and_another_version_are_refused(
    studio: tuple[Project, Version], trainer: str
) -> None:
    chosen, plan, dataset, folder = prepared(studio, trainer)
    for wrong in (
        replace(dataset, subsets=()),
        replace(dataset, digest="0" * 64),
        replace(dataset, layout="another"),
    ):
        with pytest.raises(StudioError) as refused:
            chosen.translate(plan, wrong, folder)
        assert refused.value.code.code == "trainer_cannot"


@pytest.mark.parametrize("trainer", plans.TRAINERS)
def test_a_variant_that_cannot_be_trained_is_named(
    studio: tuple[Project, Version], trainer: str
) -> None:
    _, version = studio
    chosen = load_trainer(trainer)
    distilled = "z-image/turbo" if trainer == "musubi" else "sdxl/turbo"
    assert "not turbo" in chosen.trains(plans.plan(version, distilled))
    assert "it knows" in chosen.trains(plans.plan(version, "starter"))


def test_a_model_that_is_not_named_is_refused(studio: tuple[Project, Version]) -> None:
    for trainer, family in (
        ("kohya", "pony/base"),
        ("simpletuner", "pony/base"),
        ("ai-toolkit", "pony/base"),
        ("kohya", "flux1/dev"),
    ):
        chosen, plan, dataset, folder = prepared(studio, trainer, family, model="")
        with pytest.raises(StudioError) as refused:
            chosen.translate(plan, dataset, folder)
        assert "model=" in refused.value.hint
    chosen, plan, dataset, folder = prepared(studio, "kohya", "flux1/dev", parts={})
    with pytest.raises(StudioError) as refused:
        chosen.translate(plan, dataset, folder)
    assert "clip_l, t5xxl, ae" in refused.value.message


def test_what_is_lost_is_said(studio: tuple[Project, Version]) -> None:
    assert losses(studio, "kohya") == {}
    assert losses(studio, "kohya", ema=True, quantisation="int8", block_swap=3) == {
        "ema": "dropped",
        "quantisation": "approximated",
        "block_swap": "dropped",
    }
    assert losses(studio, "kohya", "flux1/dev", noise_offset=0.1, block_swap=90) == {
        "noise_offset": "dropped",
        "block_swap": "approximated",
    }
    assert losses(studio, "kohya", save_every_steps=1000) == {"save_every_steps": "approximated"}
    assert losses(studio, "simpletuner", flip=True, upscale=False) == {
        "alpha": "approximated",
        "cache_latents": "fixed",
        "cache_text": "fixed",
        "flip": "dropped",
        "save_precision": "fixed",
        "schedule": "fixed",
        "upscale": "fixed",
    }
    assert losses(studio, "simpletuner", "flux1/dev", network="dora") == {
        "network": "approximated",
    }
    assert losses(
        studio,
        "ai-toolkit",
        schedule="polynomial",
        warmup=0.1,
        optimizer="schedule-free-adamw",
        validation=True,
        shuffle_captions=True,
    ) == {
        "schedule": "approximated",
        "warmup": "dropped",
        "optimizer": "approximated",
        "validation": "dropped",
        "shuffle_captions": "approximated",
    }


def test_kohya_goes_on_from_the_epoch_after_the_state(studio: tuple[Project, Version]) -> None:
    chosen, plan, dataset, folder = prepared(studio, "kohya")
    state = folder / "output" / "owl-000003-state"
    point = Checkpoint(None, state, None, 3)
    made = chosen.resume(plan, dataset, folder, point)
    assert made.command[-4:] == ("--resume", str(state), "--initial_epoch", "4")
    assert made.output == "output"
    for finished in (
        Checkpoint(None, state, None, 15),
        replace(point, final=True),
        replace(point, state=None),
    ):
        with pytest.raises(StudioError):
            chosen.resume(plan, dataset, folder, finished)


def test_kohya_never_overwrites_saves_that_it_would_count_from_zero(
    studio: tuple[Project, Version],
) -> None:
    chosen, plan, dataset, folder = prepared(studio, "kohya", save_every_steps=10)
    assert dataset.steps_an_epoch > 10
    made = chosen.translate(plan, dataset, folder)
    assert "save_every_n_steps = 10" in made.files["kohya.toml"].decode()
    assert made.notes
    point = Checkpoint(None, folder / "output" / "owl-step00000130-state", 130, None)
    again = chosen.resume(plan, dataset, folder, point)
    assert again.output == "output-from-00000130"
    assert again.output in tomllib.loads(again.files["kohya.toml"].decode())["output_dir"]
    epoch = 130 // dataset.steps_an_epoch
    assert again.command[-1] == str(epoch + 1)
    # That epoch is trained from its beginning: the run stands there, and not at the save.
    assert again.begins == epoch * dataset.steps_an_epoch
    found = resuming.newest([point], lambda one: 130, lambda one: again)
    assert found is not None
    assert found.step == again.begins
    # What is saved there is counted from that epoch on, and so is a second resume.
    state = folder / again.output / "owl-step00000020-state"
    then = chosen.resume(plan, dataset, folder, Checkpoint(None, state, 20, None))
    trained = again.begins + 20
    assert then.output == f"output-from-{trained:08d}"
    assert then.command[-1] == str(trained // dataset.steps_an_epoch + 1)
    assert then.begins == trained // dataset.steps_an_epoch * dataset.steps_an_epoch


def test_simpletuner_is_told_what_it_takes_in_another_way(
    studio: tuple[Project, Version],
) -> None:
    def told(**values: Any) -> tuple[dict[str, Any], dict[str, str]]:
        chosen, plan, dataset, folder = prepared(studio, "simpletuner", **values)
        made = chosen.translate(plan, dataset, folder)
        options = json.loads(made.files["simpletuner.json"])
        return options | {"steps": dataset.steps}, {one.field: one.kind for one in made.losses}

    # Without a VAE it fetches another than the model's own, and of a file that of a repository.
    vae = "pretrained_vae_model_name_or_path"
    assert told()[0][vae] == "/models/base.safetensors"
    assert told(model="")[0][vae] == "''"
    assert told(vae="/models/vae")[0][vae] == "/models/vae"
    options, lost = told(vae="/models/vae.safetensors")
    assert (options[vae], lost["vae"]) == ("/models/base.safetensors", "dropped")
    # Its cosine falls for as long as the warm-up is said to be, for 1000 steps where there is none.
    fixed = {"optimizer": "adamw", "learning_rate": 1e-4}
    options, lost = told(**fixed, schedule="cosine", warmup=0.1)
    assert options["lr_scheduler"] == "cosine"
    assert (options["lr_warmup_steps"], options["lr_end"]) == (options["steps"], 0.0)
    assert lost["warmup"] == "dropped"
    options, lost = told(**fixed, schedule="cosine-with-restarts", cycles=3)
    assert (options["lr_scheduler"], lost["schedule"]) == ("cosine", "approximated")
    options, lost = told(**fixed, schedule="linear", warmup=0.5)
    assert options["lr_warmup_steps"] == round(options["steps"] / 2)
    assert "warmup" not in lost
    # An empty negative prompt is encoded for caption dropout alone; else every sample fails.
    seen = {"samples": [{"prompt": "an owl"}], "sample_every_epochs": 1}
    assert told(**seen, caption_dropout=0.0)[0]["validation_negative_prompt"].strip()
    options = told(**seen, caption_dropout=0.1)[0]
    assert options["validation_negative_prompt"] == ""
    # One picture of each prompt, and none of nothing.
    assert options["validation_disable_unconditional"] is True
    assert "validation_prompt" not in options
    # It tells the loss of pictures set apart to trackers alone: they would only take time.
    chosen, plan, dataset, folder = prepared(studio, "simpletuner", validation=True)
    made = chosen.translate(plan, dataset, folder)
    assert "validation" in {one.field for one in made.losses if one.kind == "dropped"}
    kinds = [one["dataset_type"] for one in json.loads(made.files["multidatabackend.json"])]
    assert kinds == ["image", "text_embeds"]
    # What it saves at the end does not say its alpha, so nothing but the rank is right.
    options, lost = told(rank=32, alpha=16.0)
    assert (options["lora_alpha"], lost["alpha"]) == (32.0, "approximated")
    assert "alpha" not in told(rank=16, alpha=16.0)[1]


def test_simpletuners_dry_run_lets_its_rate_fall_within_it(
    studio: tuple[Project, Version],
) -> None:
    chosen, plan, dataset, folder = prepared(
        studio, "simpletuner", optimizer="adamw", learning_rate=1e-4, schedule="cosine"
    )
    options = json.loads(chosen.dry_run(plan, dataset, folder, 3).files["dry-run.json"])
    assert (options["lr_scheduler"], options["lr_warmup_steps"]) == ("cosine", 3)


def test_simpletuner_goes_on_from_a_name_and_ai_toolkit_in_its_folder(
    studio: tuple[Project, Version],
) -> None:
    chosen, plan, dataset, folder = prepared(studio, "simpletuner")
    made = chosen.resume(
        plan, dataset, folder, Checkpoint(None, folder / "output" / "checkpoint-300", 300, None)
    )
    options = json.loads(made.files["simpletuner.json"])
    assert options["resume_from_checkpoint"] == "checkpoint-300"
    chosen, plan, dataset, folder = prepared(studio, "ai-toolkit")
    weights = folder / "output" / "owl" / "owl_000000300.safetensors"
    point = Checkpoint(weights, weights.parent / "optimizer.pt", 300, None)
    assert (
        chosen.resume(plan, dataset, folder, point).files
        == chosen.translate(plan, dataset, folder).files
    )
    with pytest.raises(StudioError):
        chosen.resume(plan, dataset, folder, replace(point, weights=None))


def test_a_dry_run_of_ai_toolkit_cannot_be_taken_for_its_checkpoint(
    studio: tuple[Project, Version],
) -> None:
    chosen, plan, dataset, folder = prepared(studio, "ai-toolkit")
    real = chosen.translate(plan, dataset, folder)
    dry = chosen.dry_run(plan, dataset, folder, 3)
    process = yaml.safe_load(dry.files["dry-run.yaml"])["config"]["process"][0]
    assert process["training_folder"] == str(folder / "dry-run")
    assert process["train"]["steps"] == 3
    # Nothing of ours lies where it looks for its newest checkpoint.
    assert all("/" not in name for name in real.files)
    assert real.output == "output/owl"


def test_ai_toolkit_does_not_put_the_environment_into_a_prompt(
    studio: tuple[Project, Version],
) -> None:
    sample = [{"prompt": "an owl with ${HOME}"}]
    chosen, plan, dataset, folder = prepared(
        studio, "ai-toolkit", samples=sample, sample_every_epochs=1
    )
    with pytest.raises(StudioError, match="puts another text there"):
        chosen.translate(plan, dataset, folder)


def test_checkpoints_are_found_by_their_names(tmp_path: Path) -> None:
    for name in (
        "owl-000002.safetensors",
        "owl-000010.safetensors",
        "owl.safetensors",
        "owl-step00000500.safetensors",
        "owlet-000002.safetensors",
        "owl.log",
    ):
        (tmp_path / name).touch()
    (tmp_path / "owl-000002-state").mkdir()
    found = load_trainer("kohya").checkpoints(tmp_path, "owl")
    assert [(one.epoch, one.step, bool(one.state), one.final) for one in found] == [
        (2, None, True, False),
        (10, None, False, False),
        (None, 500, False, False),
        (None, None, False, True),
    ]
    for name in ("owl_000000004.safetensors", "owl_000000008.safetensors", "optimizer.pt"):
        (tmp_path / name).touch()
    found = load_trainer("ai-toolkit").checkpoints(tmp_path, "owl")
    assert [(one.step, bool(one.state)) for one in found] == [(4, False), (8, True), (None, True)]
    for name in ("checkpoint-90", "checkpoint-100"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pytorch_lora_weights.safetensors").touch()
    found = load_trainer("simpletuner").checkpoints(tmp_path, "owl")
    assert [one.step for one in found] == [90, 100]


@pytest.mark.parametrize("trainer", plans.TRAINERS)
def test_an_install_is_found_by_its_files_and_packages(trainer: str, tmp_path: Path) -> None:
    chosen = load_trainer(trainer)
    assert not chosen.detect(lambda command: (0, ""), "").ok
    assert not chosen.detect(lambda command: (1, ""), "/nowhere").ok

    def answers(command: Any) -> tuple[int, str]:
        return 0, "0123456789abcdef" if "rev-parse" in command else ""

    found = chosen.detect(answers, "/opt/trainer")
    assert found.ok
    assert found.commit == "0123456789abcdef"
    assert found.python == "/opt/trainer/venv/bin/python"

    def lacking(command: Any) -> tuple[int, str]:
        return 0, "torch\n" if "-c" in command else ""

    found = chosen.detect(lacking, "/opt/trainer")
    assert found.missing == ("torch",)

    # The packages of the Python that is named count, not those of the checkout's own.
    def asked(command: Any) -> tuple[int, str]:
        return 0, "torch\n" if "-c" in command and command[0] != "/opt/python" else ""

    assert not chosen.detect(asked, "/opt/trainer").ok
    found = chosen.detect(asked, "/opt/trainer", "/opt/python")
    assert (found.ok, found.python) == (True, "/opt/python")

    def gone(command: Any) -> tuple[int, str]:
        return 0 if command != ["test", "-x", "/opt/python"] else 1, ""

    found = chosen.detect(gone, "/opt/trainer", "/opt/python")
    assert (found.ok, found.python) == (False, "")
    assert "There is no Python at /opt/python" in found.message
    found = chosen.detect(lacking, "/opt/trainer")
    assert "pip install" in found.hint
    assert chosen.versions().tested
