"""A recipe file: what it must be, what is said where it is not, and what never changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.art.recipes import binding, reading, shelf, vocabulary
from ategnatos.art.recipes.templates import fill
from ategnatos.grimoire.errors import StudioError
from tests.art.potion_recipe import POTION, content, put, studio

WORDS = vocabulary.of(None)


def recipe_of(facts: dict[str, Any]) -> Any:
    return reading.read(json.dumps(facts).encode(), WORDS)


def problems_of(facts: dict[str, Any]) -> list[str]:
    return [str(one) for one in reading.inspect(json.dumps(facts).encode(), WORDS)[1]]


def now() -> datetime:
    return datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_the_binding_hash_is_the_documented_one() -> None:
    assert binding.lever_hash({"mood": "stoic", "hair": "red"}) == "a22d2e3975203893"


def test_the_hash_keeps_letters_of_any_script_as_they_are() -> None:
    import hashlib

    raw = '{"farbe":"grün","haar":"röt"}'.encode()
    assert (
        binding.lever_hash({"haar": "röt", "farbe": "grün"}) == hashlib.sha256(raw).hexdigest()[:16]
    )


def test_every_binding_is_enumerated_once_and_no_two_share_a_hash() -> None:
    found = list(binding.every(recipe_of(content())))
    assert len(found) == 6 == recipe_of(content()).bindings
    assert len({binding.lever_hash(one) for one in found}) == 6


def test_a_sweep_runs_through_one_lever_and_keeps_the_others() -> None:
    found = list(binding.every(recipe_of(content()), {"size": "big"}, ("colour",)))
    assert [one["colour"] for one in found] == ["red", "green", "blue"]
    assert {one["size"] for one in found} == {"big"}


def nested(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(facts: dict[str, Any]) -> None:
        *way, last = path.split("/")
        for step in way:
            facts = facts[step]
        if value is ...:
            del facts[last]
        else:
            facts[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("kind", ..., "kind: it is missing"),
        ("valid_output_kinds", ..., "valid_output_kinds: it is missing"),
        ("recipe_id", "potion", "recipe_id: 'potion' is not <realm>.<kind>.<slug>.v<N>"),
        ("recipe_id", "alchemy.object.potion.v0", "recipe_id: 'alchemy.object.potion.v0' is not"),
        ("kind", "tile.potion", "kind: it is 'tile.potion', and the id says 'object'"),
        ("lever_schema/additionalProperties", True, "additionalProperties: it is false"),
        ("lever_schema/required", ["colour"], "lever_schema.required: it names every lever"),
        ("lever_schema/properties/size", {"type": "string"}, "size: every lever is an enum"),
        ("lever_schema/properties/size/enum", [], "it has 1 to 64 values"),
        ("lever_schema/properties/size/enum", ["big", "big"], "a value stands there twice"),
        ("lever_schema/properties/size/enum", ["{big}"], "is no value"),
        ("lever_schema/properties/size/enum", ["big", 3], "3 is no value"),
        ("locked_fields/seed_production", ..., "seed_production: it is missing"),
        ("locked_fields/seed_production", 2**53, "is no seed"),
        ("locked_fields/colour_depth", 8, "colour_depth: nothing would honour it"),
        ("locked_fields/steps", "many", "locked_fields.steps: 'many' is out of bounds"),
        ("locked_fields/loras", [{"strength_model": 1}], "a LoRA has a name"),
        ("locked_fields/anchor_offsets", {"feet": [0, 0]}, "it maps an anchor to sides"),
        ("default_palette_enforcement", True, "locked_fields names no palette"),
        ("valid_output_kinds", ["tile.grass"], "is not of the kind 'object'"),
        ("prompt_templates_by_backend", {}, "it has at least one engine key"),
        ("prompt_templates_by_backend/oven", {"prompt": "x"}, "no engine key 'oven' is known"),
        ("prompt_templates_by_backend/starter/prompt", "a {size} potion", "never says {colour}"),
        (
            "prompt_templates_by_backend/starter/prompt",
            "a {size} {colour} {shape} potion",
            "{shape} is no lever",
        ),
        ("prompt_templates_by_backend/starter/mood", "calm", "has no use for it"),
        ("prompt_templates_by_backend/starter/concept", "comfyui", "without a concept gate"),
        ("price", 3, "price: no recipe has this"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(path: str, value: Any, said: str) -> None:
    facts = content()
    nested(path, value)(facts)
    found = problems_of(facts)
    assert any(said in one for one in found), found


def test_a_lever_may_not_be_called_like_an_option() -> None:
    facts = content()
    facts["lever_schema"]["properties"]["queue"] = {"enum": ["a"]}
    facts["lever_schema"]["required"].append("queue")
    facts["prompt_templates_by_backend"]["starter"]["prompt"] += " {queue}"
    assert problems_of(facts) == [
        "lever_schema.properties.queue: --queue is an option already; rename the lever"
    ]


def test_all_problems_are_told_at_once() -> None:
    facts = content(kind="tile")
    facts["locked_fields"]["steps"] = -1
    del facts["locked_fields"]["seed_production"]
    assert len(problems_of(facts)) >= 3


def test_a_key_twice_is_no_recipe() -> None:
    raw = json.dumps(content()).replace('"kind":', '"kind": "x", "kind":', 1)
    assert "stands there twice" in str(reading.inspect(raw.encode(), WORDS)[1][0])


def test_a_paid_step_of_a_gated_kind_names_its_concept() -> None:
    facts = content(recipe_id="alchemy.character.witch.v1", kind="character.witch")
    facts["valid_output_kinds"] = ["character.witch"]
    words = "a {size} {colour} witch"
    facts["prompt_templates_by_backend"]["pixellab"] = {"description": words}
    assert [one for one in problems_of(facts) if "approves before it" in one]
    facts["prompt_templates_by_backend"]["pixellab"]["concept"] = "starter"
    assert problems_of(facts) == []
    assert [one.key for one in recipe_of(facts).made_by] == ["pixellab"]


def test_a_used_version_is_not_changed_and_its_remarks_may_be(tmp_path: Path) -> None:
    project = studio(tmp_path)
    assert shelf.freeze(project, shelf.load(project, POTION), actor="ann", now=now)
    assert not shelf.freeze(project, shelf.load(project, POTION), actor="ann", now=now)
    put(project, content(about="for the shop"))
    assert shelf.load(project, POTION).about == "for the shop"
    put(project, content(locked_fields={"steps": 3}))
    with pytest.raises(StudioError) as refused:
        shelf.load(project, POTION)
    assert refused.value.code is shelf.RECIPE_CHANGED
    assert refused.value.details["changed"] == [
        {"field": "locked_fields.steps", "before": 2, "after": 3}
    ]
    put(project)
    assert shelf.load(project, POTION).locked["steps"] == 2


def test_without_a_version_the_newest_is_meant(tmp_path: Path) -> None:
    project = studio(tmp_path)
    put(project, content(recipe_id="alchemy.object.potion.v10"))
    put(project, content(recipe_id="alchemy.object.potion.v9"))
    assert shelf.load(project, "alchemy.object.potion").id.version == 10


SMALL = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="{}"),
    min_size=1,
    max_size=12,
)


@given(st.dictionaries(st.sampled_from(["colour", "size"]), SMALL, min_size=2))
def test_values_are_filled_in_once_whatever_they_are(levers: dict[str, str]) -> None:
    recipe = recipe_of(content())
    said = fill(recipe, levers, "{colour}|{size}|{other}|{colour}")
    assert said == f"{levers['colour']}|{levers['size']}|{{other}}|{levers['colour']}"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
    st.sampled_from(sorted(reading.REQUIRED)),
)
def test_no_value_anywhere_breaks_the_reader(value: Any, key: str) -> None:
    facts = {**content(), key: value}
    found, problems = reading.inspect(json.dumps(facts).encode(), WORDS)
    if not problems:
        reading.read(json.dumps(found).encode(), WORDS)
