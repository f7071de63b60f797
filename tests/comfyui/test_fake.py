"""The stateful fake refuses and answers like the recorded server, so that tests may trust it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.comfyui import recordings
from tests.comfyui.fake import FakeComfyUI
from tests.comfyui.fake_http import origin_allowed
from tests.comfyui.fake_validation import validate

# Links of the wrong type and the server's own exceptions are not modelled by the fake.
NOT_MODELLED = {"return_type_mismatch", "bad_linked_input"}


def graphs() -> list[Any]:
    found = []
    for case in recordings.entries("rejected"):
        body = case["request"].get("json")
        answer = case["response"].get("json")
        if not answer or not isinstance(body, dict) or set(body) != {"prompt"}:
            continue
        kinds = {e["type"] for one in answer["node_errors"].values() for e in one["errors"]}
        modelled = not kinds & NOT_MODELLED and not any("exception" in kind for kind in kinds)
        if body["prompt"] and modelled:
            found.append(pytest.param(body["prompt"], answer, id=case["case"]))
    return found


@pytest.mark.parametrize(("graph", "answer"), graphs())
def test_it_refuses_what_the_server_refused_in_its_words(
    graph: dict[str, Any], answer: dict[str, Any]
) -> None:
    error, outputs, node_errors = validate(FakeComfyUI(), graph)
    assert not outputs
    assert error is not None
    assert error["type"] == answer["error"]["type"]
    told = {
        node: sorted((e["type"], e["message"], e["details"]) for e in one["errors"])
        for node, one in node_errors.items()
    }
    expected = {
        node: sorted((e["type"], e["message"], e["details"]) for e in one["errors"])
        for node, one in answer["node_errors"].items()
    }
    assert told == expected


@pytest.mark.parametrize("case", recordings.entries("origin"), ids=str)
def test_origins_are_allowed_and_refused_as_recorded(case: dict[str, Any]) -> None:
    allowed = origin_allowed(case.get("Host", ""), case.get("Origin"))
    assert (200 if allowed else 403) == case["status"]
