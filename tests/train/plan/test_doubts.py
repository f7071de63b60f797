"""What a plan says and hardly anybody means is told: in the plan, and to who signs it."""

from __future__ import annotations

from typing import Any

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.train.plan import doubts, presets, store
from ategnatos.trainers.plan import Plan
from tests.conftest import Run
from tests.trainers import plans


def _plan(family: str, preset: str = "standard", **values: Any) -> Plan:
    return store.draft(
        "owl",
        family=family,
        preset=preset,
        dataset=("owls", 1, "0" * 64),
        values={"trigger": "zrvkowl", "training": "character", **values},
    )


@pytest.mark.parametrize("preset", list(presets.known().presets))
@pytest.mark.parametrize("family", list(presets.known().families))
def test_a_preset_as_it_stands_is_not_doubted(family: str, preset: str) -> None:
    assert doubts.of(_plan(family, preset)) == []


@pytest.mark.parametrize(
    ("family", "values", "said"),
    [
        ("sdxl", {"learning_rate": 0.0001}, "learns next to nothing"),
        ("sdxl", {"learning_rate": 5.0}, "the pictures burn"),
        ("sdxl", {"optimizer": "adamw"}, "AdamW takes 0.00005 to 0.0002"),
        ("flux1", {"optimizer": "prodigy"}, "Prodigy takes 1.0"),
        ("sdxl", {"rank": 4}, "alpha 16 is 4 times the rank 4"),
        ("sdxl", {"save_every_epochs": 15}, "nothing to choose from"),
        (
            "starter",
            {"steps": 90, "save_every_epochs": 0, "save_every_steps": 200},
            "saved every 200 steps of 90",
        ),
        ("sdxl", {"trigger": ""}, "no trigger word"),
        ("sdxl", {"regularisation": "owls"}, "the dataset itself"),
        ("sdxl", {"network_dropout": 1.0}, "leaves out 100%"),
        ("sdxl", {"caption_dropout": 0.9}, "hides 90%"),
        ("sdxl", {"warmup": 0.5}, "warmup takes 50%"),
        ("sdxl", {"resolution": 256}, "knows 1024 pixels"),
        ("flux1", {"precision": "fp16"}, "ends in NaN"),
        ("flux1", {"noise_offset": 0.1}, "Set both to 0"),
    ],
)
def test_each_slip_is_told(family: str, values: dict[str, Any], said: str) -> None:
    (told,) = doubts.of(_plan(family, **values))
    assert said in told


def test_a_slip_is_told_where_the_plan_is_changed_and_shown(project: Project, run: Run) -> None:
    plans.pictures(project)
    at = ("--project", project.root, "--json")
    run("train", "plan", "new", "owl", "--dataset", "owls", "--family", "sdxl", *at)
    for words in (("set", "owl", "optimizer=adamw"), ("show", "owl")):
        told = run("train", "plan", *words, *at).envelope["warnings"]
        assert any("AdamW takes" in one for one in told), words


def test_prompts_that_are_never_drawn_are_told(project: Project, run: Run) -> None:
    plans.pictures(project)
    at = ("--project", project.root, "--json")
    run("train", "plan", "new", "owl", "--dataset", "owls", "--family", "sdxl", *at)
    plain = run("train", "plan", "set", "owl", "samples=a red fox, sleeping", *at)
    assert [one["prompt"] for one in plain.data["changed"]["samples"]["to"]] == [
        "a red fox, sleeping"
    ]
    assert any("nothing says when" in one for one in plain.envelope["warnings"])
    several = run(
        "train", "plan", "set", "owl", 'samples=["a fox", {"prompt": "b", "seed": 3}]', *at
    )
    assert [one["seed"] for one in several.data["changed"]["samples"]["to"]] == [42, 3]
