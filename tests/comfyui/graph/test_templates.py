"""Every template of every family: accepted by a recorded server, equal to ComfyUI's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.engines.comfyui.graph import preflight, templates
from ategnatos.engines.comfyui.graph.preflight import version_number
from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import families
from ategnatos.knowledge import templates as data
from ategnatos.knowledge.families import Variant
from tests.comfyui.graph import corpus, official, recorded_classes

# The version of the server that was recorded.
RECORDED = "0.3.64"
KNOWN = recorded_classes.recorded()

PAIRS = [(variant, task) for variant in families.every_variant() for task in variant.templates]
OFFICIAL = [(variant, task) for variant, task in PAIRS if task in variant.official]

# Where a rendered template differs from ComfyUI's own, and why that is right.
DIFFERS = {
    "fibo2/edit-turbo": "a second picture may be given; the official graph shows one",
    "fibo2/edit-dev": "a second picture may be given; the official graph shows one",
    "hidream-o1/dev": "the official graph is set to edit a picture; this one makes one from words",
    "ideogram4/base": "numbers of the preset stand for the nodes that look them up",
    "ideogram4/quality": "numbers of the preset stand for the nodes that look them up",
    "ideogram4/turbo": "numbers of the preset stand for the nodes that look them up",
    "wan-animate2/distilled": "the official size is on no grid of the model's",
    "minimax-h3/turbo": "the official switch turns the LoRA on and leaves the steps for you to set",
}
DIFFERING_INPUTS = {
    "hidream-o1/dev": {"SamplerCustom.positive", "SamplerCustom.negative"},
    "fibo2/edit-turbo": {"TextEncodeFibo2.images.image_2"},
    "fibo2/edit-dev": {"TextEncodeFibo2.images.image_2"},
    "minimax-h3/turbo": {"BasicScheduler.steps"},
    "wan-animate2/distilled": {
        "ResizeImageMaskNode.resize_type.width",
        "ResizeImageMaskNode.resize_type.height",
    },
}
_PRESET = {f"Ideogram4Scheduler.{name}" for name in ("steps", "mu", "std")}


def given_pictures(template: data.Template) -> dict[str, Any]:
    """A name for every picture that must be given."""
    named: dict[str, Any] = {
        name: "example.png"
        for name, parameter in template.parameters.items()
        if parameter.kind == "image" and not parameter.optional
    }
    for name in ("lora_name", "unet_name"):
        if name in template.parameters:
            named[name] = "given.safetensors"
    return named


def rendered(variant: Variant, task: str, **more: Any) -> templates.Rendered:
    template = templates.named(task, variant)
    wanted = {
        name: value for name, value in given_pictures(template).items() if name not in variant.files
    }
    return templates.render(task, variant, {**wanted, **more})


def ids(pair: Any) -> str:
    return pair.key if isinstance(pair, Variant) else str(pair)


@pytest.mark.parametrize(("variant", "task"), PAIRS, ids=ids)
def test_a_recorded_server_accepts_it_apart_from_missing_files(variant: Variant, task: str) -> None:
    made = rendered(variant, task)
    found = preflight.check(made.graph, KNOWN, version=RECORDED, min_version=made.min_comfyui)
    stops = {one.code for one in found if one.blocks}
    if version_number(made.min_comfyui) > version_number(RECORDED):
        assert "server_too_old" in stops
        # A server of that age lacks some node, or a choice that came with the model.
        assert stops <= {"server_too_old", "model_missing", "class_missing", "not_in_list"}
        newer = {one.input for one in found if one.code == "not_in_list"}
        assert newer <= {"type", "reference_latents_method"}
    elif "class_missing" in stops:
        assert task == "face-detail"  # from a package; the check names it
    else:
        assert stops <= {"model_missing"}
    # No note either: every input it writes is one the class has.
    assert not [one for one in found if one.code in ("input_unknown", "unused", "value_converted")]


def test_a_template_is_marked_verified_where_a_recorded_server_accepts_it() -> None:
    accepted = {"upscale-esrgan"}
    for variant, task in PAIRS:
        made = rendered(variant, task)
        found = preflight.check(made.graph, KNOWN)
        if {one.code for one in found if one.blocks} <= {"model_missing"}:
            accepted.add(made.template.name)
    assert {name for name in data.names() if data.template(name).verified} == accepted
    assert {data.template(name).verified for name in accepted} == {RECORDED}


def test_templates_without_a_family_are_accepted_too() -> None:
    made = templates.render("upscale-esrgan", None, {"image": "example.png", "scale_back": 0.5})
    found = preflight.check(made.graph, KNOWN)
    assert {one.code for one in found} == {"model_missing"}
    cut = templates.render("remove-background", None, {"image": "example.png"})
    assert {one.code for one in preflight.check(cut.graph, KNOWN)} == {"class_missing"}


@pytest.mark.skipif(not corpus.installed(), reason=corpus.MISSING)
@pytest.mark.parametrize(("variant", "task"), OFFICIAL, ids=ids)
def test_it_is_comfyuis_own_graph_in_nodes_links_and_values(variant: Variant, task: str) -> None:
    name = variant.official[task]
    template = templates.named(task, variant)
    more = {"image2": "second.png"} if "image2" in template.parameters else {}
    made = rendered(variant, task, **more)
    found = official.differences(
        made.graph, official.official(name, variant), official.unnamed_values(name)
    )
    places = {one.partition(":")[0] for one in found}
    if variant.key in DIFFERS:
        assert places <= DIFFERING_INPUTS.get(variant.key, _PRESET), found
    else:
        assert found == []


@pytest.mark.skipif(not corpus.installed(), reason=corpus.MISSING)
def test_the_official_graph_that_each_names_is_there() -> None:
    named = {name for variant, _ in OFFICIAL for name in variant.official.values()}
    named |= {data.template(name).official for name in data.names()} - {""}
    assert named <= set(corpus.names())


@pytest.mark.parametrize("name", data.names())
def test_every_parameter_is_used_and_every_gap_is_a_parameter(name: str) -> None:
    template = data.template(name)
    text = json.dumps(dict(template.nodes))
    used = {part.split('"')[0] for part in text.split('{"$": "')[1:]}
    used |= {
        str(node[mark])
        for node in template.nodes.values()
        for mark in ("chain", "copies")
        if mark in node
    }
    for node in template.nodes.values():
        condition = node.get("if")
        used |= {condition} if isinstance(condition, str) else set(condition or {})
    used = {one for one in used if not one.startswith("each")}
    assert used == set(template.parameters)


@pytest.mark.parametrize("name", data.names())
def test_a_template_says_which_server_it_needs_and_is_used_or_stands_alone(name: str) -> None:
    template = data.template(name)
    assert version_number(template.min_comfyui)
    used = {one for variant in families.every_variant() for one in variant.templates.values()}
    needs_family = any(one.kind == "file" for one in template.parameters.values())
    assert name in used or not needs_family


def test_rendering_is_pure() -> None:
    first = templates.render("txt2img", "z-image/turbo", {"prompt": "a fox", "seed": 5})
    second = templates.render("txt2img", "z-image/turbo", {"prompt": "a fox", "seed": 5})
    assert first.graph == second.graph
    first.graph["sampler"]["inputs"]["steps"] = 99
    assert templates.render("txt2img", "z-image/turbo").graph["sampler"]["inputs"]["steps"] == 8


def test_defaults_come_from_the_family_and_what_is_asked_counts_over_them() -> None:
    made = templates.render("txt2img", "qwen-image/2512", {"steps": 12})
    sampler = made.graph["sampler"]["inputs"]
    assert (sampler["steps"], sampler["cfg"], made.graph["latent"]["inputs"]["width"]) == (
        12,
        4.0,
        1328,
    )
    assert made.graph["shifted"]["inputs"]["shift"] == 3.1


def test_loras_are_chained_in_order_and_none_is_a_straight_link() -> None:
    loras = [{"name": "a.safetensors", "strength": 0.5}, {"name": "b.safetensors"}]
    graph = templates.render("txt2img", "sdxl", {"loras": loras}).graph
    assert graph["lora_1"]["inputs"]["model"] == ["checkpoint", 0]
    assert graph["lora_2"]["inputs"]["model"] == ["lora_1", 0]
    assert graph["lora_2"]["inputs"]["clip"] == ["lora_1", 1]
    assert graph["lora_2"]["inputs"]["strength_model"] == 0.8  # the family's usual strength
    assert graph["sampler"]["inputs"]["model"] == ["lora_2", 0]
    bare = templates.render("txt2img", "sdxl").graph
    assert bare["sampler"]["inputs"]["model"] == ["checkpoint", 0]
    assert bare["positive"]["inputs"]["clip"] == ["checkpoint", 1]


def test_a_lora_test_is_the_same_seed_at_every_strength() -> None:
    wanted = {"lora_name": "a.safetensors", "strengths": [0.0, 0.4, 1.0], "seed": 9}
    graph = templates.render("lora-test", "z-image/turbo", wanted).graph
    saves = [node for node, entry in graph.items() if entry["class_type"] == "SaveImage"]
    assert saves == ["save_1", "save_2", "save_3"]
    assert [graph[f"lora_{n}"]["inputs"]["strength_model"] for n in (1, 2, 3)] == [0.0, 0.4, 1.0]
    assert {graph[f"sampler_{n}"]["inputs"]["seed"] for n in (1, 2, 3)} == {9}
    assert graph["sampler_2"]["inputs"]["model"] == ["shifted_2", 0]
    assert graph["decode_3"]["inputs"]["samples"] == ["sampler_3", 0]


def test_the_production_portrait_has_its_values() -> None:
    lora = {"name": "style.safetensors"}
    graph = templates.render("face-detail", "sd15", {"loras": [lora]}).graph
    sampler, latent = graph["sampler"]["inputs"], graph["latent"]["inputs"]
    assert (latent["width"], latent["height"]) == (512, 768)
    assert (sampler["steps"], sampler["cfg"]) == (30, 7.5)
    assert (sampler["sampler_name"], sampler["scheduler"]) == ("dpmpp_2m", "karras")
    assert graph["lora_1"]["inputs"]["strength_model"] == 0.7
    assert graph["lora_1"]["inputs"]["strength_clip"] == 0.5
    assert graph["enlarged"]["inputs"]["image"] == ["face", 0]
    assert graph["save"]["inputs"]["images"] == ["enlarged", 0]


def test_a_negative_prompt_without_effect_is_said() -> None:
    made = templates.render("txt2img", "z-image/turbo", {"negative": "blurry"})
    assert "no effect" in made.warnings[0]
    assert templates.render("txt2img", "z-image/base", {"negative": "blurry"}).warnings == []


@given(seed=st.one_of(st.integers(max_value=-1), st.integers(min_value=2**64)))
def test_a_seed_is_a_number_that_the_server_takes_and_never_minus_one(seed: int) -> None:
    with pytest.raises(StudioError, match="never -1"):
        templates.render("txt2img", "sdxl", {"seed": seed})


@pytest.mark.parametrize(
    ("family", "parameters", "said"),
    [
        ("z-image/turbo", {"width": 1001}, "multiple of 16, such as 1008"),
        ("sdxl", {"steps": 0}, "at least 1"),
        ("sdxl", {"cfg": float("nan")}, "a number"),
        ("sdxl", {"cfg": "7"}, "a number"),
        ("sdxl", {"steps": True}, "whole number"),
        ("sdxl", {"loras": "a.safetensors"}, "a list"),
        ("sdxl", {"loras": [{"strength": 1}]}, "a list of"),
        ("z-image", {"negative_wiring": "sideways"}, "one of text, zero"),
    ],
)
def test_a_wrong_parameter_is_refused(family: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(StudioError, match=said):
        templates.render("txt2img", family, parameters)


def test_a_new_template_is_a_file_and_no_code(tmp_path: Path) -> None:
    size = {"width": {"$": "side"}, "height": {"$": "side"}, "batch_size": 1, "color": 0}
    head = {"date": "2026-11-20", "source": "this test"}
    grey = {
        **head,
        "description": "A grey picture, turned over.",
        "task": "grey",
        "min_comfyui": "0.0.1",
        "parameters": {"side": {"type": "int", "about": "pixels", "default": 64, "multiple": 8}},
        "nodes": {
            "grey": {"class_type": "EmptyImage", "inputs": size},
            "over": {"class_type": "ImageInvert", "inputs": {"image": ["grey", 0]}},
            "save": saved("over"),
        },
    }
    nodes = {"over": None, "save": saved("grey")}
    plain = {**head, "description": "Not turned.", "extends": "grey", "nodes": nodes}
    for name, content in (("grey", grey), ("plain", plain)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    made = templates.render(data.read("grey", tmp_path), None, {"side": 128})
    assert preflight.check(made.graph, KNOWN) == []
    assert set(templates.render(data.read("plain", tmp_path)).graph) == {"grey", "save"}


def saved(node: str) -> dict[str, Any]:
    return {"class_type": "SaveImage", "inputs": {"images": [node, 0], "filename_prefix": "x"}}
