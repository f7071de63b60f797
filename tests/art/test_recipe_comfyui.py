"""A whole recipe for ComfyUI: every locked field arrives in the graph, or is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from ategnatos.engines import load_engine
from ategnatos.engines.comfyui.prepare import prepare
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from tests.art.potion_recipe import planned, put
from tests.conftest import Run

HERO = "norse.character.hero.v1"
LORA = "workspace/NorseViking_v10.safetensors"
CONTENT: dict[str, Any] = {
    "recipe_id": HERO,
    "kind": "character.hero",
    "lever_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["hair", "mood"],
        "properties": {
            "hair": {"enum": ["red", "black", "blond"], "words": {"red": "flame-red"}},
            "mood": {"enum": ["stoic", "joyful"]},
        },
    },
    "locked_fields": {
        "family": "sd15/base",
        "checkpoint": "aZovyaRPGArtistTools_v4VAE.safetensors",
        "loras": [{"name": LORA, "strength_model": 0.7, "strength_clip": 0.5}],
        "cfg_scale": 7.5,
        "sampler": "dpmpp_2m",
        "scheduler": "karras",
        "steps": 30,
        "canvas_width": 512,
        "canvas_height": 768,
        "seed_production": 31337,
        "composition_mode": "standalone",
        "anchor_offsets": {"hand_main": {"n": [16, -24], "s": [-16, -24]}},
    },
    "prompt_templates_by_backend": {
        "comfyui": {"positive_prompt_template": "norse hero, {hair} hair, {mood} face"}
    },
    "valid_output_kinds": ["character.hero"],
    "default_palette_enforcement": False,
}


@pytest.fixture
def hall(project: Project) -> Project:
    """A studio with the recipe and its LoRA."""
    put(project, CONTENT)
    save_file({"x.lora_down.weight": np.zeros((4, 4), np.float32)}, project.root / LORA)
    return project


def inputs(graph: dict[str, Any], class_type: str) -> dict[str, Any]:
    (found,) = (node["inputs"] for node in graph.values() if node["class_type"] == class_type)
    assert isinstance(found, dict)
    return found


def test_every_locked_field_is_in_the_graph(hall: Project) -> None:
    first, second = planned(hall, HERO, [{"hair": "red", "mood": "stoic"}], concepts=2)
    assert first.origin.binding == "a22d2e3975203893"
    assert (first.seed, second.seed) == (31337, 31338)
    graph = prepare(first.order.request, lambda name: name).graph(first.seed)
    sampler = inputs(graph, "KSampler")
    assert {name: sampler[name] for name in ("seed", "steps", "cfg", "sampler_name")} == {
        "seed": 31337,
        "steps": 30,
        "cfg": 7.5,
        "sampler_name": "dpmpp_2m",
    }
    assert sampler["scheduler"] == "karras"
    lora = inputs(graph, "LoraLoader")
    assert (lora["strength_model"], lora["strength_clip"]) == (0.7, 0.5)
    checkpoint = inputs(graph, "CheckpointLoaderSimple")
    assert checkpoint["ckpt_name"] == CONTENT["locked_fields"]["checkpoint"]
    size = inputs(graph, "EmptyLatentImage")
    assert (size["width"], size["height"]) == (512, 768)
    texts = [n["inputs"]["text"] for n in graph.values() if n["class_type"] == "CLIPTextEncode"]
    assert "norse hero, flame-red hair, stoic face" in texts


def test_ten_concepts_have_ten_seeds_and_one_binding(hall: Project, run: Run) -> None:
    asked = ("art", "run", HERO, "--hair", "red", "--mood", "stoic", "--concepts", "10")
    data = run(*asked, "--dry-run", "--json", cwd=hall.root).data
    assert [one["seed"] for one in data["outputs"]] == list(range(31337, 31347))
    assert {one["binding"] for one in data["outputs"]} == {"a22d2e3975203893"}


def test_what_the_engine_cannot_honour_is_refused_when_it_is_checked(
    hall: Project, run: Run
) -> None:
    """The starter has one schedule of noise: a recipe that locks another never half-works."""
    both = copy.deepcopy(CONTENT)
    both["prompt_templates_by_backend"]["starter"] = {
        "prompt": "{hair} {mood} ghost",
        "locked_fields": dict.fromkeys(["family", "checkpoint", "loras"]),
    }
    put(hall, both)
    checked = run("art", "recipe", "validate", HERO, "--json", cwd=hall.root)
    (found,) = checked.envelope["data"]["recipes"]
    assert (checked.code, found["sound"]) == (1, False)
    assert "one schedule of noise" in found["problems"][0]["what"]


def test_a_lora_that_is_another_than_the_locked_hash_is_refused(hall: Project) -> None:
    locked = copy.deepcopy(CONTENT)
    locked["locked_fields"]["loras"][0]["sha256"] = "0" * 64
    put(hall, locked)
    with pytest.raises(StudioError) as refused:
        planned(hall, HERO, [{"hair": "red", "mood": "stoic"}], engine_of=load_engine)
    assert refused.value.code.code == "recipe_cannot"


def test_a_family_that_the_policy_rules_out_is_refused_with_its_clause(
    hall: Project, run: Run
) -> None:
    barred = copy.deepcopy(CONTENT)
    barred["locked_fields"] = {"family": "anima/base", "seed_production": 1}
    put(hall, barred)
    asked = ("art", "run", HERO, "--hair", "red", "--mood", "stoic", "--queue", "--json")
    run("studio", "policy", "set", "--commercial", cwd=hall.root)
    refused = run(*asked, cwd=hall.root)
    assert refused.envelope["error"]["code"] == "family_refused"
    assert not list(hall.outputs.iterdir())
