"""One real way to provoke each error of families, templates and graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ategnatos.engines.comfyui.graph import templates
from ategnatos.engines.comfyui.graph.convert import to_api
from ategnatos.knowledge import families


def _node(number: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "inputs": [], "outputs": [], "mode": 0, **more}


def _convert(*nodes: dict[str, Any], links: list[Any] | None = None, **more: Any) -> None:
    known = {"Sampler": {"input": {"required": {"steps": ["INT", {}], "name": ["STRING", {}]}}}}
    to_api({"nodes": list(nodes), "links": links or [], **more}, known)


def _reroutes_in_a_circle(_: Path) -> None:
    ends = [{"name": "", "type": "*", "links": []}]
    one = _node(1, "Reroute", inputs=[{"name": "", "type": "*", "link": 2}], outputs=ends)
    two = _node(2, "Reroute", inputs=[{"name": "", "type": "*", "link": 1}], outputs=ends)
    user = _node(3, "Sampler", inputs=[{"name": "model", "type": "MODEL", "link": 1}])
    _convert(one, two, user, links=[[1, 1, 0, 2, 0, "*"], [2, 2, 0, 1, 0, "*"]])


def _subgraph_in_itself(_: Path) -> None:
    inner = {"id": "sub", "name": "Round", "nodes": [_node(1, "sub")], "links": []}
    _convert(_node(1, "sub"), definitions={"subgraphs": [inner]})


CASES: dict[str, Callable[[Path], None]] = {
    "family_unknown": lambda _: _discard(families.find("z-imgae/turbo")),
    "family_task_unknown": lambda _: _discard(templates.render("face-detail", "z-image/turbo")),
    "template_unknown": lambda _: _discard(templates.render("txt2song")),
    "template_parameter_unknown": lambda _: _discard(
        templates.render("txt2img", "sdxl", {"stepz": 4})
    ),
    "template_parameter_missing": lambda _: _discard(templates.render("img2img", "sdxl")),
    "template_parameter_wrong": lambda _: _discard(
        templates.render("txt2img", "sdxl", {"seed": -1})
    ),
    "workflow_unreadable": lambda _: _convert({"type": "a node without an id"}),
    "workflow_widgets_unclear": lambda _: _convert(
        _node(1, "Sampler", widgets_values=["euler", 20])
    ),
    "workflow_subgraph_loop": _subgraph_in_itself,
    "workflow_link_circle": _reroutes_in_a_circle,
}


def _discard(result: object) -> None:
    """The call is made for its error; what it would return is of no use."""
    del result
