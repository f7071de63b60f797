"""From the editor's format to a graph: what each of the editor's own nodes becomes."""

from __future__ import annotations

from typing import Any

import pytest

from ategnatos.engines.comfyui.graph.convert import Conversion, to_api
from ategnatos.grimoire.errors import StudioError
from tests.comfyui import recordings

KNOWN = recordings.object_info()
IMAGE = {"width": 64, "height": 64, "batch_size": 1, "color": 0}


def node(number: int, kind: str, values: Any = None, **more: Any) -> dict[str, Any]:
    made = {"id": number, "type": kind, "mode": 0, "inputs": [], "outputs": [], "properties": {}}
    return {**made, "widgets_values": values, **more}


def socket(name: str, kind: str, link: int | None = None, *, widget: bool = False) -> Any:
    made: dict[str, Any] = {"name": name, "type": kind, "link": link}
    return {**made, "widget": {"name": name}} if widget else made


def out(kind: str) -> dict[str, Any]:
    return {"name": kind, "type": kind, "links": []}


def convert(*nodes: Any, links: Any = (), **more: Any) -> Conversion:
    return to_api({"nodes": list(nodes), "links": list(links), **more}, KNOWN)


def source(number: int = 1, mode: int = 0) -> dict[str, Any]:
    return node(number, "EmptyImage", list(IMAGE.values()), outputs=[out("IMAGE")], mode=mode)


def saver(number: int, link: int) -> dict[str, Any]:
    return node(number, "SaveImage", ["x"], inputs=[socket("images", "IMAGE", link)])


def through(number: int, kind: str, link: int, mode: int = 0, values: Any = None) -> dict[str, Any]:
    inputs = [socket("image", "IMAGE", link)]
    return node(number, kind, values, inputs=inputs, outputs=[out("IMAGE")], mode=mode)


def test_values_go_to_their_names_and_the_control_field_to_none() -> None:
    sampler = node(1, "KSampler", [7, "randomize", 20, 8, "euler", "normal", 1])
    made = convert(sampler).graph["1"]["inputs"]
    assert made == {
        "seed": 7,
        "steps": 20,
        "cfg": 8,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1,
    }


@pytest.mark.parametrize("control", ["fixed", True, False, "increment"])
def test_every_spelling_of_the_control_field_is_known(control: Any) -> None:
    sampler = node(1, "KSampler", [7, control, 20, 8, "euler", "normal", 1])
    assert convert(sampler).graph["1"]["inputs"]["steps"] == 20


def test_a_file_from_before_the_control_field_is_read_without_it() -> None:
    sampler = node(1, "KSampler", [7, 20, 8, "euler", "normal", 1])
    assert convert(sampler).graph["1"]["inputs"]["sampler_name"] == "euler"


def test_values_that_fit_no_field_are_refused_and_not_shifted() -> None:
    sampler = node(1, "KSampler", [7, "randomize", "euler", 20, 8, "normal", 1])
    with pytest.raises(StudioError, match="do not fit") as refused:
        convert(sampler)
    assert refused.value.details["input"] == "steps"


def test_values_that_lack_at_the_end_take_the_default() -> None:
    made = convert(node(1, "KSampler", [7, "fixed", 20])).graph["1"]["inputs"]
    assert (made["steps"], made["cfg"], made["denoise"]) == (20, 8.0, 1.0)


def test_reroutes_are_followed() -> None:
    done = convert(
        source(),
        through(2, "Reroute", 1),
        through(3, "Reroute", 2),
        saver(4, 3),
        links=[
            [1, 1, 0, 2, 0, "*"],
            [2, 2, 0, 3, 0, "*"],
            [3, 3, 0, 4, 0, "IMAGE"],
        ],
    )
    assert set(done.graph) == {"1", "4"}
    assert done.graph["4"]["inputs"]["images"] == ["1", 0]


def test_a_bypassed_node_hands_its_input_on() -> None:
    done = convert(
        source(),
        through(2, "ImageInvert", 1, mode=4),
        saver(3, 2),
        links=[[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]],
    )
    assert set(done.graph) == {"1", "3"}
    assert done.graph["3"]["inputs"]["images"] == ["1", 0]


def test_a_muted_node_gives_nothing() -> None:
    done = convert(source(mode=2), saver(2, 1), links=[[1, 1, 0, 2, 0, "IMAGE"]])
    assert set(done.graph) == {"2"}
    assert "images" not in done.graph["2"]["inputs"]


def test_set_and_get_nodes_are_followed_by_name() -> None:
    done = convert(
        source(),
        node(2, "SetNode", ["base"], inputs=[socket("IMAGE", "IMAGE", 1)], outputs=[out("*")]),
        node(3, "GetNode", ["base"], outputs=[out("IMAGE")]),
        saver(4, 2),
        links=[[1, 1, 0, 2, 0, "IMAGE"], [2, 3, 0, 4, 0, "IMAGE"]],
    )
    assert done.graph["4"]["inputs"]["images"] == ["1", 0]


def test_a_primitive_gives_its_value_and_notes_are_left_out() -> None:
    width = socket("width", "INT", 1, widget=True)
    done = convert(
        node(1, "PrimitiveNode", [512, "fixed"], outputs=[out("INT")]),
        node(2, "EmptyImage", list(IMAGE.values()), inputs=[width], outputs=[out("IMAGE")]),
        node(3, "Note", ["read me"]),
        node(4, "MarkdownNote", ["# read me"]),
        links=[[1, 1, 0, 2, 0, "INT"]],
    )
    assert set(done.graph) == {"2"}
    assert done.graph["2"]["inputs"]["width"] == 512


def test_a_list_that_is_a_value_is_wrapped() -> None:
    known = {"Picker": {"input": {"required": {"chosen": ["COMBO", {"options": ["a", "b"]}]}}}}
    done = to_api({"nodes": [node(1, "Picker", [["a", "b"]])], "links": []}, known)
    assert done.graph["1"]["inputs"]["chosen"] == {"__value__": ["a", "b"]}


def subgraph(name: str, nodes: list[Any], links: list[Any], **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "nodes": nodes, "links": links, **more}


def _link(number: int, source: int, slot: int, target: int, at: int, kind: str) -> dict[str, Any]:
    return {
        "id": number,
        "origin_id": source,
        "origin_slot": slot,
        "target_id": target,
        "target_slot": at,
        "type": kind,
    }


def make_image(name: str = "make") -> dict[str, Any]:
    """A subgraph that makes an image; its width and height are offered outside."""
    width, height = (
        socket(side, "INT", link, widget=True) for side, link in (("width", 1), ("height", 2))
    )
    inner = node(5, "EmptyImage", [1, 2, 1, 0], inputs=[width, height], outputs=[out("IMAGE")])
    return subgraph(
        name,
        [inner],
        [
            _link(1, -10, 0, 5, 0, "INT"),
            _link(2, -10, 1, 5, 1, "INT"),
            _link(3, 5, 0, -20, 0, "IMAGE"),
        ],
        inputs=[{"name": "width", "type": "INT"}, {"name": "height", "type": "INT"}],
        outputs=[{"name": "IMAGE", "type": "IMAGE"}],
    )


def test_the_values_on_an_instance_count_over_those_inside() -> None:
    done = convert(
        node(1, "make", [640, 480], outputs=[out("IMAGE")]),
        node(2, "make", [320, 240], outputs=[out("IMAGE")]),
        saver(3, 1),
        saver(4, 2),
        links=[[1, 1, 0, 3, 0, "IMAGE"], [2, 2, 0, 4, 0, "IMAGE"]],
        definitions={"subgraphs": [make_image()]},
    )
    assert set(done.graph) == {"1:5", "2:5", "3", "4"}
    assert done.graph["1:5"]["inputs"] == {**IMAGE, "width": 640, "height": 480}
    assert done.graph["2:5"]["inputs"]["width"] == 320
    assert done.graph["4"]["inputs"]["images"] == ["2:5", 0]


def test_an_instance_with_proxy_widgets_keeps_the_values_inside() -> None:
    proxy = {"proxyWidgets": [["5", "width"], ["5", "height"]]}
    done = convert(
        node(1, "make", [], outputs=[out("IMAGE")], properties=proxy),
        saver(2, 1),
        links=[[1, 1, 0, 2, 0, "IMAGE"]],
        definitions={"subgraphs": [make_image()]},
    )
    assert (done.graph["1:5"]["inputs"]["width"], done.graph["1:5"]["inputs"]["height"]) == (1, 2)


def test_a_value_inside_goes_to_everything_behind_the_same_input() -> None:
    sheet = make_image()
    second = node(6, "PreviewAny", [], inputs=[socket("source", "*", 9)])
    sheet["nodes"].append(second)
    sheet["links"].append(_link(9, -10, 0, 6, 0, "INT"))
    done = convert(node(1, "make", [], outputs=[out("IMAGE")]), definitions={"subgraphs": [sheet]})
    assert done.graph["1:6"]["inputs"]["source"] == done.graph["1:5"]["inputs"]["width"] == 1


def test_a_link_into_an_instance_counts_over_its_value() -> None:
    width = socket("width", "INT", 1, widget=True)
    done = convert(
        node(7, "PrimitiveInt", [99, "fixed"], outputs=[out("INT")]),
        node(1, "make", [640, 480], inputs=[width], outputs=[out("IMAGE")]),
        saver(2, 2),
        links=[[1, 7, 0, 1, 0, "INT"], [2, 1, 0, 2, 0, "IMAGE"]],
        definitions={"subgraphs": [make_image()]},
    )
    assert done.graph["1:5"]["inputs"]["width"] == ["7", 0]
    assert done.graph["1:5"]["inputs"]["height"] == 480


def test_subgraphs_inside_subgraphs_are_unfolded_with_the_values_of_the_outermost() -> None:
    width = socket("width", "INT", 1, widget=True)
    outer = subgraph(
        "outer",
        [node(8, "make", [11, 22], inputs=[width], outputs=[out("IMAGE")])],
        [_link(1, -10, 0, 8, 0, "INT"), _link(2, 8, 0, -20, 0, "IMAGE")],
        inputs=[{"name": "width", "type": "INT"}],
        outputs=[{"name": "IMAGE", "type": "IMAGE"}],
    )
    done = convert(
        node(1, "outer", [777], outputs=[out("IMAGE")]),
        saver(2, 1),
        links=[[1, 1, 0, 2, 0, "IMAGE"]],
        definitions={"subgraphs": [outer, make_image()]},
    )
    assert set(done.graph) == {"1:8:5", "2"}
    assert done.graph["1:8:5"]["inputs"] == {**IMAGE, "width": 777, "height": 22}
    assert done.graph["2"]["inputs"]["images"] == ["1:8:5", 0]


def test_a_bypassed_subgraph_is_not_entered() -> None:
    done = convert(
        source(9),
        node(
            1, "make", [1, 1], inputs=[socket("image", "IMAGE", 2)], outputs=[out("IMAGE")], mode=4
        ),
        saver(2, 1),
        links=[[1, 1, 0, 2, 0, "IMAGE"], [2, 9, 0, 1, 0, "IMAGE"]],
        definitions={"subgraphs": [make_image()]},
    )
    assert set(done.graph) == {"9", "2"}
    assert done.graph["2"]["inputs"]["images"] == ["9", 0]


def test_an_unknown_class_is_read_by_its_own_names_and_what_has_none_is_told() -> None:
    named = node(1, "Newest", [3, "b"], widgets_values_named={"steps": 9, "mode": "a"})
    by_socket = node(2, "Newest", [3], inputs=[socket("steps", "INT", widget=True)])
    nameless = node(3, "Newest", [3, "b"])
    done = convert(named, by_socket, nameless)
    assert done.graph["1"]["inputs"] == {"steps": 3, "mode": "b"}  # the list counts, not old values
    assert done.graph["2"]["inputs"] == {"steps": 3}
    assert done.incomplete == ["3 (Newest)"]


def test_where_a_workflow_says_its_models_come_from_is_kept() -> None:
    files = [{"name": "a.safetensors", "url": "https://example.org/a", "directory": "vae"}]
    done = convert(node(1, "VAELoader", ["a.safetensors"], properties={"models": files}))
    assert done.models["a.safetensors"].url == "https://example.org/a"
    assert done.models["a.safetensors"].folder == "vae"


def test_a_graph_in_the_servers_format_is_handed_back() -> None:
    graph = {"1": {"class_type": "EmptyImage", "inputs": IMAGE}}
    assert to_api(graph, KNOWN).graph == graph
    assert to_api({"prompt": graph}, KNOWN).graph == graph


def test_a_choice_that_brings_fields_of_its_own_has_them_right_behind_it() -> None:
    depth = {"required": {"bit_depth": ["COMBO", {"options": ["8-bit", "16-bit"]}]}}
    options = [{"key": "png", "inputs": depth}, {"key": "jpg", "inputs": {"required": {}}}]
    inputs = {
        "images": ["IMAGE", {}],
        "format": ["COMFY_DYNAMICCOMBO_V3", {"options": options}],
        "last": ["INT", {"default": 1}],
    }
    known = {"Saver": {"input": {"required": inputs}}}

    def read(values: list[Any]) -> dict[str, Any]:
        ui = {"nodes": [node(1, "Saver", values)], "links": []}
        made: dict[str, Any] = to_api(ui, known).graph["1"]["inputs"]
        return made

    assert read(["png", "16-bit", 7]) == {"format": "png", "format.bit_depth": "16-bit", "last": 7}
    assert read(["jpg", 7]) == {"format": "jpg", "last": 7}
