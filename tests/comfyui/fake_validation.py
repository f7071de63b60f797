"""What the fake refuses and how: the checks and the words of 0.3.64's validation.

Built after the recorded refusals (``recorded/rejected.json``); ``test_fake.py`` posts each of
them to the fake and compares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.comfyui import recordings

if TYPE_CHECKING:
    from tests.comfyui.fake import FakeComfyUI

OUTPUT_CLASSES = {
    "SaveImage", "PreviewImage", "SaveAnimatedWEBP", "VHS_VideoCombine", "SaveImageWebsocket",
    "SaveLatent", "ProbeText",
}  # fmt: skip

Error = dict[str, Any]


def validate(server: FakeComfyUI, graph: Any) -> tuple[Error | None, list[str], dict[str, Any]]:
    """The error of the whole (None: accepted), the outputs that run, and errors by node."""
    known = (recordings.known_classes() | {"VHS_VideoCombine"}) - server.missing_classes
    newer = server.line != "0.3.64"
    for node, spec in graph.items():
        if "class_type" not in spec:
            message = "Cannot execute because a node is missing the class_type property."
            return _error("invalid_prompt", message, f"Node ID '#{node}'"), [], {}
        if spec["class_type"] not in known:
            if newer:
                message = (
                    f"Node '{spec['class_type']}' not found. The custom node may not be installed."
                )
                extra = {"node_id": node, "class_type": spec["class_type"], "node_title": None}
                told = _error("missing_node_type", message, f"Node ID '#{node}'", extra)
                return told, [], {}
            message = f"Cannot execute because node {spec['class_type']} does not exist."
            return _error("invalid_prompt", message, f"Node ID '#{node}'"), [], {}
    outputs = [node for node, spec in graph.items() if spec["class_type"] in OUTPUT_CLASSES]
    if not outputs:
        return _error("prompt_no_outputs", "Prompt has no outputs"), [], {}
    node_errors: dict[str, Any] = {}
    good = []
    for output in outputs:
        reached = _reached(graph, output)
        if reached is None:
            kind = "dependency_cycle" if newer else "prompt_outputs_failed_validation"
            if newer:
                return _error(kind, "Dependency cycle detected"), [], {}
            continue
        bad = False
        for node in reached:
            errors = _node_errors(server, graph, node)
            if errors:
                bad = True
                told = node_errors.setdefault(
                    node,
                    {
                        "errors": errors,
                        "dependent_outputs": [],
                        "class_type": graph[node]["class_type"],
                    },
                )
                told["dependent_outputs"].append(output)
        if not bad:
            good.append(output)
    if not good:
        own = next((node_errors[one]["errors"] for one in outputs if one in node_errors), [])
        details = "\n".join(f"{one['message']}: {one['details']}" for one in own)
        whole = "prompt_outputs_failed_validation"
        return _error(whole, "Prompt outputs failed validation", details), [], node_errors
    return None, good, node_errors


def _error(kind: str, message: str, details: str = "", extra: Any = None) -> Error:
    return {"type": kind, "message": message, "details": details, "extra_info": extra or {}}


def _links(spec: dict[str, Any]) -> list[list[Any]]:
    return [v for v in spec.get("inputs", {}).values() if isinstance(v, list) and len(v) == 2]


def _reached(graph: dict[str, Any], output: str) -> list[str] | None:
    """The nodes that ``output`` needs, itself first; None where they need each other."""
    done: list[str] = []
    path: list[str] = []

    def visit(node: str) -> bool:
        if node in path:
            return False
        if node in done or node not in graph:
            return True
        path.append(node)
        fine = all(visit(link[0]) for link in _links(graph[node]))
        path.pop()
        done.append(node)
        return fine

    return done[::-1] if visit(output) else None


def _node_errors(server: FakeComfyUI, graph: dict[str, Any], node: str) -> list[Error]:
    spec = graph[node]
    told = server.object_info.get(spec["class_type"])
    if told is None:
        return []
    errors: list[Error] = []
    required: dict[str, Any] = told["input"].get("required", {})
    for name, config in required.items():
        if name not in spec["inputs"]:
            errors.append(
                _error(
                    "required_input_missing",
                    "Required input is missing",
                    name,
                    {"input_name": name},
                )
            )
            continue
        errors += _value_errors(server, name, config, spec["inputs"][name])
    return errors


def _value_errors(server: FakeComfyUI, name: str, config: Any, value: Any) -> list[Error]:
    kind, options = config[0], config[1] if len(config) > 1 else {}
    if isinstance(value, list):
        return []
    told = {"input_name": name, "input_config": config, "received_value": value}
    if name == "image" and options.get("image_upload"):
        folder, _, file = str(value).removesuffix(" [input]").rpartition("/")
        if ("input", folder, file) in server.files:
            return []
        details = f"{name} - Invalid image file: {value}"
        message = "Custom validation failed for node"
        return [_error("custom_validation_failed", message, details, {"input_name": name})]
    if isinstance(kind, list):
        if value in kind:
            return []
        shown = str(kind) if len(kind) <= 20 else f"(list of length {len(kind)})"
        if len(kind) > 20:
            told["input_config"] = None
        details = f"{name}: '{value}' not in {shown}"
        return [_error("value_not_in_list", "Value not in list", details, told)]
    if kind in {"INT", "FLOAT"}:
        try:
            number = int(value) if kind == "INT" else float(value)
        except (TypeError, ValueError) as error:
            extra = told | {"exception_message": str(error)}
            message = f"Failed to convert an input value to a {kind} value"
            details = f"{name}, {value}, {error}"
            return [_error("invalid_input_type", message, details, extra)]
        if "min" in options and number < options["min"]:
            message = f"Value {number} smaller than min of {options['min']}"
            return [_error("value_smaller_than_min", message, name, told)]
        if "max" in options and number > options["max"]:
            message = f"Value {number} bigger than max of {options['max']}"
            return [_error("value_bigger_than_max", message, name, told)]
    return []
