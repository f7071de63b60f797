"""Requests and answers held against a provider's own OpenAPI document."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

RECORDED = Path(__file__).parent.parent / "recorded"
_ROOT = "urn:openapi"

# Where Vast.ai's document is wrong, its own clients (the package vastai 1.9.1, SkyPilot, dstack)
# agree with each other; these places follow them, and nothing else is changed.
_MENDED: dict[str, dict[tuple[str, ...], Any]] = {
    "vastai": {
        ("components", "schemas", "Instance", "properties", "ports"): {"type": "object"},
        ("components", "schemas", "Instance", "properties", "extra_env"): {
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}},
        },
    },
}


@cache
def document(provider: str) -> dict[str, Any]:
    """The trimmed document, mended where it is known to be wrong."""
    found: dict[str, Any] = json.loads((RECORDED / f"{provider}-openapi.json").read_bytes())
    for path, value in _MENDED.get(provider, {}).items():
        place = found
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value
    if provider == "vastai":
        _mend_vast(found)
    return found


def _mend_vast(found: dict[str, Any]) -> None:
    body = found["paths"]["/api/v0/asks/{id}"]["put"]["requestBody"]
    body["content"]["application/json"]["schema"]["properties"]["env"] = {"type": "object"}
    search = found["paths"]["/api/v0/bundles"]["post"]["requestBody"]
    kinds = search["content"]["application/json"]["schema"]["properties"]["type"]
    kinds["enum"] = [*kinds["enum"], "on-demand"]
    # An instance that is gone is null, a machine that is provisioned has nulls all over.
    one = found["paths"]["/api/v0/instances/{id}"]["get"]["responses"]["200"]
    schema = one["content"]["application/json"]["schema"]["properties"]
    schema["instances"] = {"anyOf": [schema["instances"], {"type": "null"}]}
    properties = found["components"]["schemas"]["Instance"]["properties"]
    for name, value in list(properties.items()):
        properties[name] = {"anyOf": [copy.deepcopy(value), {"type": "null"}]}


@cache
def _registry(provider: str) -> Registry[Any]:
    resource = Resource.from_contents(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", **document(provider)}
    )
    return Registry().with_resource(_ROOT, resource)


def problems(provider: str, schema: dict[str, Any], value: Any) -> list[str]:
    """What is wrong with ``value``; empty where nothing is."""
    rooted = json.loads(json.dumps(schema).replace('"#/', f'"{_ROOT}#/'))
    validator = Draft202012Validator(rooted, registry=_registry(provider))
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]


def operation(provider: str, method: str, path: str) -> dict[str, Any] | None:
    """The operation that a request names; Vast.ai's document leaves out the last slash."""
    for template, item in document(provider)["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern + "/?", path) and method.lower() in item:
            found: dict[str, Any] = item[method.lower()]
            return found
    return None


def wrong_request(
    provider: str, method: str, path: str, query: dict[str, str], body: Any
) -> list[str]:
    """What the document says against a request."""
    found = operation(provider, method, path)
    if found is None:
        return [f"{method} {path} is not in the document"]
    wrong: list[str] = []
    known = {_parameter(provider, one)["name"] for one in found.get("parameters", [])}
    # The one query that Vast.ai's clients send and its document does not have.
    wrong += [f"query {name} is not known" for name in query if name not in {*known, "owner"}]
    asked = found.get("requestBody")
    if asked is not None and body is not None:
        asked = _resolved(provider, asked)
        schema = asked["content"]["application/json"]["schema"]
        wrong += problems(provider, schema, body)
    elif asked is not None and asked.get("required"):
        wrong.append("the body is missing")
    return [f"{method} {path}: {one}" for one in wrong]


def wrong_answer(provider: str, method: str, path: str, status: int, body: Any) -> list[str]:
    """What the document says against an answer; a status that it does not list says nothing."""
    found = operation(provider, method, path)
    if found is None:
        return [f"{method} {path} is not in the document"]
    answers = found["responses"]
    answer = answers.get(str(status))
    if answer is None and status >= 400:
        answer = answers.get("default")
    if answer is None:
        return []
    answer = _resolved(provider, answer)
    if not answer.get("content"):
        return [] if body is None else [f"{method} {path}: a body where there is none"]
    schema = next(iter(answer["content"].values()))["schema"]
    return [f"{method} {path} {status}: {one}" for one in problems(provider, schema, body)]


def _parameter(provider: str, one: dict[str, Any]) -> dict[str, Any]:
    return _resolved(provider, one)


def _resolved(provider: str, one: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in one:
        return one
    place: Any = document(provider)
    for part in one["$ref"][2:].split("/"):
        place = place[part]
    found: dict[str, Any] = place
    return found
