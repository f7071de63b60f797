"""Every recorded refusal becomes a message that names what is wrong and what mends it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ategnatos.engines.comfyui.explain import explain
from ategnatos.grimoire.errors import StudioError
from tests.comfyui import recordings

SAYS_NOTHING = {"Prompt outputs failed validation", "Server got itself in trouble"}

# What the message of each must name, and what its hint must offer.
TABLE: dict[str, tuple[tuple[str, ...], str]] = {
    "unknown_node_type": (("Node 1 (NoSuchNode)",), "NoSuchNode"),
    "unknown_node_type_not_reached_by_any_output": (("Node 99 (NoSuchNode)",), "NoSuchNode"),
    "missing_class_type": (("Node 1", "class_type"), "class_type"),
    "missing_inputs_key": (("Node 1 (EmptyImage)", "inputs"), "inputs"),
    "missing_inputs_key_on_output_node": (("Node 2 (SaveImage)", "inputs"), "inputs"),
    "class_type_null": (("Node 1", "class_type"), "class_type"),
    "required_input_missing": (("Node 3 (KSampler)", "seed", "0"), "--set 3.seed=0"),
    "required_input_missing_two": (("Node 3 (KSampler)", "seed", "model", "MODEL"), "model"),
    "required_input_missing_on_output_node": (("Node 2 (SaveImage)", "images", "IMAGE"), "images"),
    "value_not_in_list_unknown_checkpoint": (
        ("Node 4 (CheckpointLoaderSimple)", "ckpt_name", "absent", "random-mini.safetensors"),
        "absent.safetensors",
    ),
    "value_not_in_list_unknown_lora": (
        ("Node 10 (LoraLoader)", "lora_name", "absent", "random-style-v1"), "absent.safetensors",
    ),
    "value_not_in_list_long_list": (
        ("Node 3 (KSampler)", "sampler_name", "no_such_sampler", "euler"), "--set 3.sampler_name=",
    ),
    "value_not_in_list_short_list": (
        ("Node 3 (KSampler)", "scheduler", "no_such_scheduler", "karras"), "--set 3.scheduler=",
    ),
    "value_smaller_than_min": (("Node 3 (KSampler)", "steps", "1", "10000"), "--set 3.steps=1"),
    "value_bigger_than_max": (("Node 3 (KSampler)", "steps", "10001"), "--set 3.steps=10000"),
    "seed_negative": (("Node 3 (KSampler)", "seed", "-1"), "--set 3.seed=0"),
    "seed_2_pow_64": (("Node 3 (KSampler)", "seed"), "--set 3.seed=18446744073709551615"),
    "invalid_input_type_int": (("Node 3 (KSampler)", "steps", "many"), "--set 3.steps=20"),
    "invalid_input_type_float_null": (("Node 3 (KSampler)", "cfg"), "--set 3.cfg=8"),
    "return_type_mismatch": (("Node 3 (KSampler)", "model", "CONDITIONING", "MODEL"), "model"),
    "bad_linked_input_length_3": (("Node 3 (KSampler)", "model"), "model"),
    "bad_linked_input_list_value": (("Node 3 (KSampler)", "steps"), "slot"),
    "link_to_missing_node": (("Node 3 (KSampler)", "404", "model"), "model"),
    "link_slot_out_of_range": (("Node 3 (KSampler)", "model", "9"), "model"),
    "link_slot_negative": (("Node 3 (KSampler)", "model", "-1"), "model"),
    "link_node_id_as_integer": (("Node 3 (KSampler)", "model", "4"), "model"),
    "cycle": (("1", "2", "ImageInvert"), ""),
    "self_loop": (("1", "ImageInvert"), ""),
    "no_outputs": (("saves or shows",), "SaveImage"),
    "empty_prompt": (("empty",), ""),
    "no_prompt_key": (("prompt",), "prompt"),
    "no_prompt_key_bare_graph": (("prompt",), "prompt"),
    "prompt_null": (("nothing",), ""),
    "prompt_list": (("a list",), ""),
    "prompt_list_nonempty": (("a list",), ""),
    "prompt_string": (("text",), ""),
    "body_list": (("prompt",), "prompt"),
    "body_null": (("prompt",), "prompt"),
    "invalid_json": (("not JSON",), ""),
    "empty_body": (("not JSON",), ""),
    "invalid_utf8": (("not JSON",), ""),
    "ui_format_as_prompt": (("editor",), "workflow convert"),
    "ui_format_as_body": (("editor",), "workflow convert"),
    "load_image_missing_file": (("Node 1 (LoadImage)", "image", "absent.png"), ""),
    "load_image_path_traversal": (("Node 1 (LoadImage)", "image", "etc/passwd"), ""),
    "many_errors_many_nodes": (
        ("Node 4 (Check", "Node 5 (EmptyLatent", "Node 6 (CLIPText", "Node 3 (KSampler"), "",
    ),
    "number_not_a_number": (("number", "abc"), "number"),
    "number_null": (("number",), "number"),
    "extra_data_null_with_client_id": (("extra_data",), "extra_data"),
    "extra_data_string_with_client_id": (("extra_data",), "extra_data"),
    "partial_execution_targets_unknown": (("404",), ""),
    "partial_execution_targets_empty": (("none",), ""),
    "oversize_body": (("105000000", "104857600"), "Upload"),
}  # fmt: skip


def body_of(case: dict[str, Any]) -> Any:
    """What was posted: JSON values, or bytes where it was no JSON."""
    request = case["request"]
    if case["case"] == "oversize_body":
        return b" " * 105_000_000
    if "raw_body" in request:
        return str(request["raw_body"]).encode("latin-1")
    return request["json"]


def error_of(case: dict[str, Any]) -> StudioError:
    response = case["response"]
    answer, text = response.get("json"), response.get("text") or ""
    return explain(body_of(case), response["status"], answer, text, recordings.object_info())


def test_the_table_lists_every_recorded_refusal() -> None:
    assert set(TABLE) == {case["case"] for case in recordings.entries("rejected")}
    assert len(TABLE) == 53


@pytest.mark.parametrize("case", recordings.entries("rejected"), ids=lambda case: case["case"])
def test_it_is_explained(case: dict[str, Any]) -> None:
    error = error_of(case)
    named, offered = TABLE[case["case"]]
    for words in named:
        assert words in error.message, error.message
    assert offered in error.hint, error.hint
    assert error.hint
    assert not any(words in error.message for words in SAYS_NOTHING)
    assert "Traceback" not in error.message
    json.dumps(error.details)


@pytest.mark.parametrize("name", ["value_smaller_than_min", "seed_negative"])
def test_the_value_it_offers_mends_it(name: str) -> None:
    from ategnatos.engines.comfyui.graph.preflight import check
    from ategnatos.engines.comfyui.settings import apply_settings

    (case,) = [case for case in recordings.entries("rejected") if case["case"] == name]
    error = error_of(case)
    offered = error.hint.partition("--set ")[2].split()[0]
    mended, _ = apply_settings(case["request"]["json"]["prompt"], [offered])
    assert not [one for one in check(mended, recordings.object_info()) if one.blocks]


def test_what_only_the_server_knows_is_passed_on() -> None:
    """A custom node's own check, on a graph in which we find nothing wrong."""
    body = {
        "prompt": {
            "1": {
                "class_type": "EmptyImage",
                "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0},
            },
            "2": {
                "class_type": "SaveImage",
                "inputs": {"images": ["1", 0], "filename_prefix": "x"},
            },
        }
    }
    told = {
        "type": "custom_validation_failed",
        "message": "Custom validation failed for node",
        "details": "filename_prefix - must be blue",
        "extra_info": {"input_name": "filename_prefix"},
    }
    answer = {
        "error": {"type": "prompt_outputs_failed_validation", "message": "", "details": ""},
        "node_errors": {"2": {"errors": [told], "class_type": "SaveImage"}},
    }
    error = explain(body, 400, answer, "", recordings.object_info())
    assert "Node 2 (SaveImage), input filename_prefix" in error.message
    assert "must be blue" in error.message


def test_words_of_newer_servers_are_passed_on() -> None:
    answer = {"error": {"type": "loop", "message": "Loop without an end", "details": "node 7"}}
    error = explain({"prompt": {}}, 400, answer, "", {})
    assert error.code.code == "comfyui_rejected"
