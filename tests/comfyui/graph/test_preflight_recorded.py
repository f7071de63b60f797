"""The check beside a real server: it refuses what the server refuses, drops or fails at."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from ategnatos.engines.comfyui.graph import preflight
from ategnatos.engines.comfyui.graph.findings import Effect
from tests.comfyui import recordings
from tests.comfyui.graph.recorded_cases import ON_PURPOSE, Case, cases, object_info

CASES = list(cases())

# What the server calls each of our findings in its node_errors.
SERVER_WORDS = {
    "input_missing": "required_input_missing",
    "not_in_list": "value_not_in_list",
    "model_missing": "value_not_in_list",
    "too_small": "value_smaller_than_min",
    "too_big": "value_bigger_than_max",
    "wrong_kind": "invalid_input_type",
    "types_differ": "return_type_mismatch",
    "bad_link": "bad_linked_input",
    "file_missing": "custom_validation_failed",
    "leaves_folder": "custom_validation_failed",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_check_says_what_the_server_does(case: Case) -> None:
    bare = case.name.partition(": ")[2]
    if bare in ON_PURPOSE and case.ours != case.server:
        assert ON_PURPOSE[bare]
        return
    assert case.ours == case.server, [one.message for one in case.findings]


def test_there_are_87_recorded_prompts_and_one_is_judged_otherwise_on_purpose() -> None:
    differing = [case.name for case in CASES if case.ours != case.server]
    assert len(CASES) == 87
    assert differing == ["accepted: load_image_path_traversal_existing_file"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_refusal_says_what_is_allowed_and_what_mends_it(case: Case) -> None:
    for one in case.findings:
        if one.blocks:
            assert one.message
            assert one.mend
            assert one.allowed


@cache
def _entries() -> list[dict[str, Any]]:
    return [
        entry
        for name in ("rejected", "accepted")
        for entry in recordings.entries(name)
        if entry["response"].get("json", {}).get("node_errors")
    ]


@pytest.mark.parametrize("entry", _entries(), ids=lambda entry: str(entry["case"]))
def test_findings_lie_on_the_inputs_that_the_server_names(entry: dict[str, Any]) -> None:
    known = object_info()
    told = {
        (node, error["extra_info"].get("input_name"), error["type"])
        for node, errors in entry["response"]["json"]["node_errors"].items()
        for error in errors["errors"]
        if not error["type"].startswith("exception_during")
    }
    found = {
        (one.node, one.input, SERVER_WORDS[one.code])
        for one in preflight.check(entry["request"]["json"]["prompt"], known)
        if one.code in SERVER_WORDS
    }
    assert found >= told
    assert {(node, name) for node, name, _ in found} == {(node, name) for node, name, _ in told}


@pytest.mark.parametrize("graph", recordings.packed("graphs")["ran"], ids=lambda g: g["graph"])
def test_a_graph_that_ran_passes(graph: dict[str, Any]) -> None:
    assert not [one for one in preflight.check(graph["prompt"], object_info()) if one.blocks]


@pytest.mark.parametrize(
    "graph", recordings.packed("graphs")["models_absent"], ids=lambda g: g["graph"]
)
def test_a_graph_whose_models_lack_names_exactly_those(graph: dict[str, Any]) -> None:
    found = [one for one in preflight.check(graph["prompt"], object_info()) if one.blocks]
    refused = {
        (node, error["extra_info"]["input_name"])
        for node, errors in graph["response"]["node_errors"].items()
        for error in errors["errors"]
    }
    assert {(one.node, one.input) for one in found if one.effect is Effect.REFUSED} == refused
    assert {one.code for one in found} <= {"model_missing", "not_in_list"}


def test_what_depends_on_nothing_is_a_note_and_no_refusal() -> None:
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": _image(64)},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a"}},
        "3": {"class_type": "EmptyImage", "inputs": _image(-5)},
    }
    found = preflight.check(graph, object_info())
    assert [(one.code, one.effect) for one in found] == [("unused", Effect.NOTE)]


def test_a_server_that_is_too_old_is_named_with_the_version_needed() -> None:
    graph = {"1": {"class_type": "PreviewImage", "inputs": {}}}
    found = preflight.check(graph, object_info(), version="0.3.64", min_version="0.24.1")
    assert found[0].code == "server_too_old"
    newer = preflight.check(graph, object_info(), version="0.38.1", min_version="0.24.1")
    assert all(one.code != "server_too_old" for one in newer)


def test_a_missing_class_names_its_package_and_the_command_that_installs_it() -> None:
    graph = {"1": {"class_type": "FaceDetailer", "inputs": {}}}
    (found,) = preflight.check(graph, object_info())
    assert found.code == "class_missing"
    assert "Impact Pack" in found.message
    assert found.mend == "comfy node install comfyui-impact-pack"


def test_a_missing_model_says_where_it_comes_from() -> None:
    graph = {
        "1": {"class_type": "UNETLoader", "inputs": _loader("z_image_turbo_bf16.safetensors")},
        "2": {"class_type": "ModelSamplingAuraFlow", "inputs": {"model": ["1", 0], "shift": 3.0}},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }
    found = [one for one in preflight.check(graph, object_info()) if one.code == "model_missing"]
    assert "huggingface.co/Comfy-Org/z_image_turbo" in found[0].message
    assert "models/diffusion_models/" in found[0].message


def test_types_that_a_newer_server_works_out_itself_are_left_to_it() -> None:
    match = ["COMFY_MATCHTYPE_V3", {"template": {"template_id": "any", "allowed_types": "*"}}]
    switch = {
        "input": {"required": {"switch": ["BOOLEAN", {}], "on_false": match, "on_true": match}},
        "output": ["COMFY_MATCHTYPE_V3"],
    }
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": _image(64)},
        "2": {
            "class_type": "Switch",
            "inputs": {"switch": True, "on_false": ["1", 0], "on_true": ["1", 0]},
        },
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    assert preflight.check(graph, {**object_info(), "Switch": switch}) == []


def test_a_long_chain_is_walked_without_recursion() -> None:
    graph: dict[str, Any] = {"0": {"class_type": "EmptyImage", "inputs": _image(64)}}
    for number in range(1, 3000):
        graph[str(number)] = {
            "class_type": "ImageInvert",
            "inputs": {"image": [str(number - 1), 0]},
        }
    graph["end"] = {"class_type": "PreviewImage", "inputs": {"images": ["2999", 0]}}
    assert preflight.check(graph, object_info()) == []


def _image(width: int) -> dict[str, Any]:
    return {"width": width, "height": 64, "batch_size": 1, "color": 0}


def _loader(name: str) -> dict[str, Any]:
    return {"unet_name": name, "weight_dtype": "default"}
