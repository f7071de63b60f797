"""One real way to provoke each error of families, templates and graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ategnatos.commands.contract import Call
from ategnatos.commands.studio import workflow_checking, workflow_given
from ategnatos.engines.comfyui.address import parse_address
from ategnatos.engines.comfyui.graph import ask, templates
from ategnatos.engines.comfyui.graph.builder import Builder
from ategnatos.engines.comfyui.graph.convert import to_api
from ategnatos.engines.comfyui.graph.node_classes import Catalogue
from ategnatos.grimoire.project import Project
from ategnatos.knowledge import families
from ategnatos.studio import workflows


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


def _saved_twice(folder: Path) -> None:
    project = Project.create(folder / "studio")
    for _ in range(2):
        workflows.save(project, "mine", {"1": {"class_type": "X", "inputs": {}}}, replace=False)


def _file(folder: Path, text: str) -> Path:
    path = folder / "file.json"
    path.write_text(text)
    return path


def _check_fails(folder: Path) -> None:
    graph = _file(folder, '{"1": {"class_type": "Nothing", "inputs": {}}}')
    classes = folder / "classes.json"
    classes.write_text("{}")
    answer = workflow_checking.check(Call("x"), str(graph), object_info=classes)
    assert answer.failed is not None
    raise answer.failed


def _values_without_names(folder: Path) -> None:
    ui = {"nodes": [_node(1, "Newest", widgets_values=[7])], "links": []}
    workflow_given.converted(
        Call("x"), workflows.Stored("x", ui, None), Catalogue({}), partial=False
    )


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
    "graph_cannot_build": lambda _: _discard(Builder({}).node("KSampler")),
    "object_info_unreadable": lambda folder: _discard(ask.from_file(_file(folder, "[1]"))),
    # Port 9 is "discard": nobody listens there.
    "object_info_unreached": lambda folder: _discard(
        ask.from_server(parse_address("127.0.0.1:9"), [], folder)
    ),
    "workflow_name_invalid": lambda _: _discard(workflows.checked_name("../../x")),
    "workflow_unknown": lambda _: _discard(workflows.read(None, "no-such-file")),
    "workflow_exists": _saved_twice,
    "workflow_built_in": lambda folder: _discard(
        workflows.delete(Project.create(folder / "studio"), "upscale-esrgan")
    ),
    "workflow_not_one": lambda _: _discard(workflows.from_bytes(b"{}", "x.json")),
    "workflow_check_failed": _check_fails,
    "workflow_incomplete": _values_without_names,
    "workflow_setting_form": lambda _: _discard(
        workflow_given.graph_of(Call("x"), "txt2img-split", None, ["steps"])
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
