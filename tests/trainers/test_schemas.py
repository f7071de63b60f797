"""Every key that is written exists in the trainer's own schema, with the right type and choice.

All families, all presets, all trainers, real runs and dry runs, plain plans and rich ones. The
schemas are the trainers' argument lists (kohya 0.10.1, SimpleTuner 4.8.0) and the keys that the
classes of ai-toolkit 0.12.26 read. musubi-tuner 0.3.4: the arguments of its training programs and
of those that run before.
"""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from ategnatos.grimoire.project import Project
from ategnatos.knowledge import families
from ategnatos.train.dataset.version import Version
from ategnatos.trainers import Dataset, Translation, known, load_trainer
from ategnatos.trainers.plan import Plan
from tests.trainers import plans

SCHEMAS = Path(__file__).parent / "schemas"
# Where a key may stand in kohya's dataset file: library/config_util.py, ConfigSanitizer.
KOHYA_GENERAL = {
    "caption_extension",
    "keep_tokens",
    "enable_bucket",
    "min_bucket_reso",
    "max_bucket_reso",
    "bucket_reso_steps",
    "bucket_no_upscale",
    "shuffle_caption",
    "caption_dropout_rate",
    "flip_aug",
}
KOHYA_DATASET = {"resolution", "batch_size", "validation_split", "validation_seed", "subsets"}
KOHYA_SUBSET = {"image_dir", "num_repeats", "class_tokens", "is_reg", "conditioning_data_dir"}
# musubi-tuner's: dataset/config_utils.py, ConfigSanitizer.
MUSUBI_GENERAL = {
    "resolution",
    "caption_extension",
    "batch_size",
    "enable_bucket",
    "bucket_no_upscale",
}
MUSUBI = {"image_directory", "cache_directory", "num_repeats"}
RICH: dict[str, Any] = {
    "samples": plans.SAMPLES,
    "sample_every_epochs": 1,
    "validation": True,
    "optimizer": "adafactor",
    "schedule": "constant-with-warmup",
    "warmup": 0.1,
    "accumulation": 2,
    "batch": 2,
    "block_swap": 4,
    "quantisation": "int8",
    "text_encoder_quantisation": "fp8",
    "ema": True,
    "keep": 3,
    "save_every_steps": 20,
    "noise_offset": 0.0357,
    "network_dropout": 0.1,
    "timesteps": "shift",
    "timestep_shift": 2.0,
}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rich": RICH,
    "lokr": {"network": "lokr"},
    "dora": {"network": "dora"},
    "locon": {"network": "locon", "conv_rank": 4, "conv_alpha": 2.0},
    "steps": {"steps": 500, "save_every_steps": 50},
}
OPTIMIZERS = Plan.model_json_schema()["properties"]["optimizer"]["enum"]
SCHEDULES = Plan.model_json_schema()["properties"]["schedule"]["enum"]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Version]:
    project = Project.create(tmp_path_factory.mktemp("studio") / "studio")
    return project, plans.pictures(project, apart=1)


@cache
def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def fits(value: Any, kind: str, choices: Any) -> bool:
    if choices and value not in choices and str(value) not in choices:
        return False
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "float":
        return isinstance(value, float)
    if kind == "int_or_float":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind.startswith("list["):
        return isinstance(value, list) and all(fits(one, kind[5:-1], None) for one in value)
    return isinstance(value, str)


def wrong_kohya(made: Translation, plan: Plan) -> list[str]:
    args = schema("kohya")
    script = known.trainer("kohya").family_of(plan).script.removesuffix(".py")
    allowed = {**args["common"], **args["scripts"].get(script, {})}
    bad = []
    for name, raw in made.files.items():
        if name.endswith("dataset.toml"):
            bad += wrong_dataset(tomllib.loads(raw.decode()))
        elif name.endswith(".toml"):
            for key, value in tomllib.loads(raw.decode()).items():
                if key not in allowed or not fits(value, *allowed[key]):
                    bad.append(f"{name}: {key} = {value!r}")
    return bad


def wrong_dataset(config: dict[str, Any]) -> list[str]:
    bad = [f"general.{key}" for key in set(config["general"]) - KOHYA_GENERAL]
    for one in config["datasets"]:
        bad += [f"datasets.{key}" for key in set(one) - KOHYA_DATASET]
        for subset in one["subsets"]:
            bad += [f"subsets.{key}" for key in set(subset) - KOHYA_SUBSET]
    return bad


def wrong_simpletuner(made: Translation, plan: Plan) -> list[str]:
    allowed = schema("simpletuner")
    found = next(raw for name, raw in made.files.items() if name in _SIMPLETUNER)
    return [
        f"{key} = {value!r}"
        for key, value in json.loads(found).items()
        if key not in allowed or not fits(value, *allowed[key])
    ]


_SIMPLETUNER = ("simpletuner.json", "dry-run.json")


def wrong_ai_toolkit(made: Translation, plan: Plan) -> list[str]:
    allowed = schema("ai-toolkit")
    job = yaml.load(next(iter(made.files.values())), Loader=yaml.CSafeLoader)
    process = job["config"]["process"][0]
    bad = [key for key in process if key not in allowed["process"]]
    for section in ("network", "train", "model", "save", "logging", "sample"):
        read = allowed["sections"][section]
        bad += [f"{section}.{key}" for key in process.get(section, {}) if key not in read]
    for one in process["datasets"]:
        bad += [f"datasets.{key}" for key in one if key not in allowed["sections"]["datasets[]"]]
    for one in process.get("sample", {}).get("samples", []):
        read = allowed["sections"]["sample.samples[]"]
        bad += [f"samples.{key}" for key in one if key not in read]
    ema = process["train"].get("ema_config", {})
    bad += [f"ema.{key}" for key in ema if key not in allowed["sections"]["train.ema_config"]]
    if process["model"]["arch"] not in allowed["arch"]:
        bad.append(f"arch {process['model']['arch']}")
    named = process["train"]["optimizer"]
    if named not in allowed["optimizers"] and f"{named}*" not in allowed["optimizers"]:
        bad.append(f"optimizer {named}")
    return bad


def wrong_musubi(made: Translation, plan: Plan) -> list[str]:
    args = schema("musubi")
    script = known.trainer("musubi").family_of(plan).script.removesuffix(".py")
    allowed = {**args["common"], **args["scripts"][script]}
    bad = []
    for name, raw in made.files.items():
        values = tomllib.loads(raw.decode()) if name.endswith(".toml") else {}
        if name.endswith("dataset.toml"):
            bad += [f"general.{key}" for key in set(values["general"]) - MUSUBI_GENERAL]
            bad += [f"datasets.{key}" for one in values["datasets"] for key in one.keys() - MUSUBI]
            continue
        for key, value in values.items():
            if key not in allowed or not fits(value, *allowed[key]):
                bad.append(f"{name}: {key} = {value!r}")
    assert len(made.before) == 2
    for one in made.before:
        program, words = PurePosixPath(one.command[1]).stem, list(one.command[2:])
        allowed = args["before"][program]
        while words:
            key = words.pop(0).removeprefix("--")
            kind, choices = allowed.get(key, ("unknown", None))
            if kind == "unknown" or (kind != "bool" and not fits(words.pop(0), kind, choices)):
                bad.append(f"{program}: {key}")
    return bad


WRONG = {
    "kohya": wrong_kohya,
    "simpletuner": wrong_simpletuner,
    "ai-toolkit": wrong_ai_toolkit,
    "musubi": wrong_musubi,
}


def prepared(
    studio: tuple[Project, Version], trainer: str, family: str, preset: str, **values: Any
) -> tuple[Plan, Dataset, Path]:
    project, version = studio
    parts = plans.parts(family, trainer) if trainer in ("kohya", "musubi") else {}
    plan = plans.plan(version, family, preset, parts=parts, **values)
    folder = project.workspace / "training" / "owl" / trainer
    layout = load_trainer(trainer).layout
    # A layout depends on these alone; laying out anew for each family would only take time.
    said = (layout, plan.resolution, plan.batch, plan.accumulation, plan.epochs, plan.steps)
    key = (*said, plan.target_steps)
    if key not in _LAID:
        _LAID[key] = plans.laid(project, plan, layout, folder)
    return plan, _LAID[key], folder


_LAID: dict[tuple[Any, ...], Dataset] = {}


@pytest.mark.parametrize("trainer", plans.TRAINERS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_key_exists_with_the_right_type(
    studio: tuple[Project, Version], trainer: str, kind: str
) -> None:
    chosen = load_trainer(trainer)
    tried = 0
    for family in plans.keys(trainer):
        for preset in plans.PRESETS if kind == "plain" else ("standard",):
            plan, dataset, folder = prepared(studio, trainer, family, preset, **KINDS[kind])
            if chosen.trains(plan):
                continue
            tried += 1
            made = chosen.translate(plan, dataset, folder)
            dry = chosen.dry_run(plan, dataset, folder, 3)
            where = f"{trainer} {family} {preset}"
            assert not WRONG[trainer](made, plan), where
            assert not WRONG[trainer](dry, plan), where
            assert made.steps == dataset.steps
            assert dry.steps == 3
            assert dry.output.split("/")[0] != made.output.split("/")[0]
            assert not set(dry.files) & set(made.files) - {"lycoris.json"}
    assert tried or (trainer, kind) in {
        ("simpletuner", "locon"),
        ("ai-toolkit", "dora"),
        ("musubi", "dora"),
        ("musubi", "locon"),
    }


@pytest.mark.parametrize("trainer", plans.TRAINERS)
def test_every_optimizer_and_schedule_has_a_word_of_the_trainer(
    studio: tuple[Project, Version], trainer: str
) -> None:
    chosen = load_trainer(trainer)
    for optimizer in OPTIMIZERS:
        for schedule in SCHEDULES:
            values = {
                "optimizer": optimizer,
                "schedule": schedule,
                "warmup": 0.0 if schedule == "constant" else 0.05,
                "cycles": 3,
            }
            family = plans.usual(trainer)
            plan, dataset, folder = prepared(studio, trainer, family, "standard", **values)
            made = chosen.translate(plan, dataset, folder)
            assert not WRONG[trainer](made, plan), (optimizer, schedule)


def test_every_family_that_is_trained_is_known_and_has_presets() -> None:
    from ategnatos.train.plan import presets

    for trainer in plans.TRAINERS:
        for key in plans.keys(trainer):
            assert families.find(key).key == key
            for preset in plans.PRESETS:
                assert presets.values(key, preset)["rank"] > 0
            assert presets.is_flow(key) == known.trainer(trainer).families[key.split("/")[0]].flow


def test_a_wrong_key_or_type_would_be_seen() -> None:
    assert not fits(True, "int", None)
    assert not fits("1", "float", None)
    assert not fits(1, "float", None)
    assert not fits("sgd", "str", ["adam"])
    assert wrong_dataset({"general": {"caption_extention": ".txt"}, "datasets": []})
