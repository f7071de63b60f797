"""Why ComfyUI refused a workflow: node, input, what is allowed, the nearest value, what mends it.

The server's own answer is short where it matters: a status, "Prompt outputs failed validation",
for a loop not even that. So its answer is read together with what our own check of the same
request says (:mod:`~ategnatos.engines.comfyui.graph.body`); what the server alone knows (a
custom node's own check) is added from its answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ategnatos.engines.comfyui.classes import Classes
from ategnatos.engines.comfyui.errors import PARTIAL, REJECTED
from ategnatos.engines.comfyui.graph.body import check_body, check_request
from ategnatos.engines.comfyui.graph.findings import Effect, Finding
from ategnatos.engines.comfyui.graph.node_classes import catalogue
from ategnatos.engines.comfyui.web import NoAnswer
from ategnatos.grimoire.errors import ErrorCode, StudioError

# More than these are too many for one message; --json has them all.
_SHOWN = 6
_TOO_LARGE = 413


async def refusal(classes: Classes, body: Any, status: int, answer: Any, text: str) -> StudioError:
    """The refusal of ``body`` as an error. ``answer`` is the JSON of it, None where it is text."""
    known = await _known(classes, body, answer)
    return explain(body, status, answer, text, known)


async def partial(classes: Classes, body: Any, node_errors: Mapping[str, Any]) -> StudioError:
    """The error for a 200 that drops outputs: what was dropped, and why. It was cancelled."""
    known = await _known(classes, body, {"node_errors": node_errors})
    found = [_with_value(one, known) for one in _together(check_request(body, known), node_errors)]
    graph = body["prompt"]
    dropped = sorted(
        {str(one) for told in node_errors.values() for one in told.get("dependent_outputs") or ()}
    )
    names = ", ".join(_name(node, graph) for node in dropped)
    return _error(
        PARTIAL,
        f"ComfyUI would have run only a part of the workflow and left out {names or 'an output'}"
        "; it was stopped and nothing was made.",
        found,
        graph,
        dropped=dropped,
    )


def explain(
    body: Any, status: int, answer: Any, text: str, known: Mapping[str, Any]
) -> StudioError:
    """The error for a refused request; no network. ``body`` is bytes or JSON values.

    ``known`` is ``/object_info`` of at least the classes that the graph uses.
    """
    if isinstance(body, bytes):
        found = check_body(body, known)
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    else:
        found = check_request(body, known)
    told = answer if isinstance(answer, dict) else {}
    whole = told.get("error") if isinstance(told.get("error"), dict) else {}
    found = [_with_value(one, known) for one in _together(found, told.get("node_errors") or {})]
    graph = body.get("prompt") if isinstance(body, dict) else None
    if not any(one.blocks for one in found):
        found = [_in_its_words(status, whole, text)]
    return _error(
        REJECTED, "ComfyUI refused the workflow; nothing was made.", found, graph, status=status
    )


async def _known(classes: Classes, body: Any, answer: Any) -> dict[str, Any]:
    """``/object_info`` of what the graph uses; all of it where a class is missing."""
    graph = body.get("prompt") if isinstance(body, dict) else None
    names = {
        spec["class_type"]
        for spec in (graph.values() if isinstance(graph, dict) else ())
        if isinstance(spec, dict) and isinstance(spec.get("class_type"), str)
    }
    try:
        found = await classes.of(names, fresh=True)
        return found if set(found) >= names else await classes.all()
    except NoAnswer:
        return {}


def _together(found: list[Finding], node_errors: Mapping[str, Any]) -> list[Finding]:
    """Our findings that the server also stops at, and what the server alone says."""
    blocking = [one for one in found if one.blocks]
    places = {(one.node, one.input) for one in blocking}
    nodes = {one.node for one in blocking}
    told = []
    for node, entry in node_errors.items():
        for error in entry.get("errors") or ():
            extra = error.get("extra_info") or {}
            name = str(extra.get("input_name") or "")
            inner = str(error.get("type", "")).startswith("exception_during")
            # An exception of the check itself is blamed on a neighbour; ours names the culprit.
            if (str(node), name) in places or (inner and (blocking or str(node) in nodes)):
                continue
            told.append(_of_the_server(str(node), entry, error, name))
    return blocking + told


def _with_value(one: Finding, known: Mapping[str, Any]) -> Finding:
    """A finding with a value that would do where none is close: what the editor starts with."""
    if one.nearest is not None or not one.input or not one.allowed:
        return one
    class_ = catalogue(known).get(one.class_type)
    declared = None if class_ is None else class_.inputs.get(one.input)
    if declared is None or declared.is_upload or declared.options is None:
        return one
    return replace(one, nearest=declared.default)


def _of_the_server(
    node: str, entry: Mapping[str, Any], error: Mapping[str, Any], name: str
) -> Finding:
    extra = error.get("extra_info") or {}
    message = str(error.get("message") or "The server refused it")
    details = str(error.get("details") or "")
    return Finding(
        str(error.get("type") or "refused"),
        Effect.REFUSED,
        f"{message}: {details}." if details else f"{message}.",
        node=node,
        class_type=str(entry.get("class_type") or ""),
        input=name,
        given=extra.get("received_value"),
    )


def _in_its_words(status: int, whole: Any, text: str) -> Finding:
    """The server's own words, where nothing better is known."""
    error = whole if isinstance(whole, dict) else {}
    message = str(error.get("message") or "") or text.strip() or "no reason"
    details = str(error.get("details") or "")
    if status == _TOO_LARGE:
        mend = "Upload pictures as files (--set NODE.image=@FILE); do not put them into the graph."
    else:
        mend = "Check the workflow: ategnatos studio workflow check FILE"
    return Finding(
        str(error.get("type") or f"http_{status}"),
        Effect.REFUSED,
        f"It said (HTTP {status}): {message[:300]}{'. ' + details[:300] if details else ''}",
        mend=mend,
    )


def _error(
    code: ErrorCode, message: str, found: list[Finding], graph: Any, **details: Any
) -> StudioError:
    lines = [_line(one, graph) for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"... and {len(found) - _SHOWN} more (--json lists them).")
    return StudioError(
        code,
        "\n  ".join([message, *lines]),
        hint=_hint(found),
        findings=[one.as_json() for one in found],
        **details,
    )


def _line(one: Finding, graph: Any) -> str:
    where = f"Node {_name(one.node, graph)}" if one.node else ""
    if one.input:
        where += f", input {one.input}"
    parts = [f"{where}: {one.message}" if where else one.message]
    if one.allowed and one.allowed not in one.message:
        parts.append(f"Allowed: {one.allowed}.")
    if one.nearest is not None and str(one.nearest) not in one.message:
        parts.append(f"Nearest: {json.dumps(one.nearest, ensure_ascii=False)}.")
    return " ".join(parts)


def _hint(found: Iterable[Finding]) -> str:
    """The values that mend it as options, or else the first step that does."""
    mending = [one for one in found if one.blocks]
    values = [setting(one) for one in mending]
    steps = list(dict.fromkeys(one.mend for one in mending if one.mend))
    if not all(values) or not values:
        return "; ".join(steps[:3]) or "Check the workflow: ategnatos studio workflow check FILE"
    hint = "Run it again with " + " ".join(f"--set {value}" for value in values[:_SHOWN])
    # Another model is another picture: where the missing one comes from is worth as much.
    missing = [one.mend for one in mending if one.code == "model_missing" and one.mend]
    return f"{hint}. Or: {missing[0]}" if missing else hint


def setting(one: Finding) -> str:
    """``'3.seed=0'`` where another value in one input mends the finding, else nothing."""
    import shlex

    if not one.node or not one.input or one.nearest is None:
        return ""
    value = one.nearest
    text = value if isinstance(value, str) else json.dumps(value)
    return shlex.quote(f"{one.node}.{one.input}={text}")


def _name(node: str, graph: Any) -> str:
    spec = graph.get(node) if isinstance(graph, dict) else None
    class_type = spec.get("class_type") if isinstance(spec, dict) else None
    return f"{node} ({class_type})" if class_type else node
