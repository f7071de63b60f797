"""The recorded fixtures: one request of a provider and its answer, by name."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

from tests.providers.clouds.cloud import Reply
from tests.providers.clouds.openapi import RECORDED


@cache
def fixtures(provider: str) -> dict[str, dict[str, Any]]:
    """Every fixture of a provider by its name."""
    found = json.loads((RECORDED / f"{provider}.json").read_bytes())
    return {one["name"]: one for one in found["fixtures"]}


def body(provider: str, name: str) -> Any:
    """A copy of what was answered."""
    return copy.deepcopy(fixtures(provider)[name]["response"]["body"])


def reply(provider: str, name: str) -> Reply:
    """The whole answer, headers included."""
    found = fixtures(provider)[name]["response"]
    return Reply(found["status"], copy.deepcopy(found["body"]), dict(found.get("headers", {})))
