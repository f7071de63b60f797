"""Files from anywhere: whatever stands in them, the answer is findings or a refusal."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.engines.comfyui.graph import preflight
from ategnatos.engines.comfyui.graph.body import check_body
from ategnatos.engines.comfyui.graph.convert import to_api
from ategnatos.engines.comfyui.graph.diff import diff
from ategnatos.engines.comfyui.graph.node_classes import Catalogue
from ategnatos.engines.comfyui.graph.slots import slots
from ategnatos.grimoire.errors import StudioError
from tests.comfyui import recordings

CLASSES = Catalogue(recordings.object_info())
GRAPH = recordings.packed("graphs")["ran"][0]["prompt"]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


def changed(content: Any, path: list[int], value: Any) -> Any:
    """``content`` with one place, found by ``path``, replaced by ``value``."""
    result = copy.deepcopy(content)
    place = result
    for step in path[:-1]:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[step % len(keys)]
        if not isinstance(place[key], dict | list) or not place[key]:
            break
        place = place[key]
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    place[keys[path[-1] % len(keys)]] = value
    return result


paths = st.lists(st.integers(0, 50), min_size=1, max_size=6)


@given(graph=values)
def test_a_check_of_anything_is_a_list_of_findings(graph: Any) -> None:
    found = preflight.check(graph, CLASSES)
    assert any(one.blocks for one in found)


@given(path=paths, value=values)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_graph_is_checked_compared_and_shown(path: list[int], value: Any) -> None:
    graph = changed(GRAPH, path, value)
    found = preflight.check(graph, CLASSES)
    assert isinstance(found, list)
    if not found:
        assert diff(GRAPH, graph) == [] or slots(graph, CLASSES)


@given(raw=st.binary(max_size=200))
def test_the_bytes_of_a_request_are_judged_whatever_they_are(raw: bytes) -> None:
    assert check_body(raw, CLASSES)


UI = {
    "nodes": [
        {
            "id": 1,
            "type": "sub",
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
            "widgets_values": [640],
            "properties": {"models": [{"name": "a", "url": "b", "directory": "c"}]},
        },
        {
            "id": 2,
            "type": "SaveImage",
            "mode": 0,
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
            "widgets_values": ["x"],
        },
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    "definitions": {
        "subgraphs": [
            {
                "id": "sub",
                "name": "sub",
                "inputs": [{"name": "width", "type": "INT"}],
                "outputs": [{"name": "IMAGE", "type": "IMAGE"}],
                "nodes": [
                    {
                        "id": 5,
                        "type": "EmptyImage",
                        "mode": 0,
                        "inputs": [
                            {"name": "width", "type": "INT", "widget": {"name": "width"}, "link": 1}
                        ],
                        "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [2]}],
                        "widgets_values": [64, 64, 1, 0],
                    }
                ],
                "links": [
                    {
                        "id": 1,
                        "origin_id": -10,
                        "origin_slot": 0,
                        "target_id": 5,
                        "target_slot": 0,
                        "type": "INT",
                    },
                    {
                        "id": 2,
                        "origin_id": 5,
                        "origin_slot": 0,
                        "target_id": -20,
                        "target_slot": 0,
                        "type": "IMAGE",
                    },
                ],
            }
        ]
    },
}


@given(path=paths, value=values)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_workflow_is_converted_or_refused(path: list[int], value: Any) -> None:
    ui = changed(UI, path, value)
    try:
        done = to_api(ui, CLASSES)
    except StudioError:
        return
    assert all("class_type" in entry for entry in done.graph.values())
