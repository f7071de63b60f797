"""The official workflows: all are converted, and to what ComfyUI's own editor sends.

What the editor sends was recorded with ``python -m benchmarks.convert --editor``
(comfyui-frontend-package 1.58.1), for workflows whose every node a real server had described.
"""

from __future__ import annotations

import pytest

from ategnatos.engines.comfyui.graph.convert import to_api
from ategnatos.engines.comfyui.graph.node_classes import Catalogue
from tests.comfyui import recordings
from tests.comfyui.graph import corpus, recorded_classes, same_graph, truths

pytestmark = pytest.mark.skipif(not corpus.installed(), reason=corpus.MISSING)

CLASSES = Catalogue(recorded_classes.recorded())


def test_every_official_workflow_is_converted() -> None:
    refused = {}
    for name in corpus.names():
        try:
            graph = to_api(corpus.workflow(name), CLASSES).graph
        except Exception as error:
            refused[name] = str(error)
            continue
        assert all(isinstance(entry["inputs"], dict) for entry in graph.values())
        linked = {
            value[0]
            for entry in graph.values()
            for value in entry["inputs"].values()
            if same_graph.is_link(value)
        }
        assert linked <= set(graph)
    assert refused == {}
    assert len(corpus.names()) > 600


def test_the_graphs_are_those_the_editor_sends() -> None:
    recorded = recordings.packed("editor")
    assert len(recorded) > 100
    differing = {}
    for name, theirs in recorded.items():
        ours = to_api(corpus.workflow(name), CLASSES).graph
        if same_graph.differences(ours, theirs, CLASSES):
            differing[name] = same_graph.first_inputs(ours, theirs, CLASSES)
    assert differing == {}


def test_values_read_from_bare_lists_are_those_that_the_files_name() -> None:
    told = [
        (name, place, same)
        for name in corpus.names()
        for place, same in truths.named_values(name, CLASSES)
    ]
    assert len(told) > 1500
    assert [one for one in told if not one[2]] == []
