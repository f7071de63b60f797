"""The dimensions in which a training set should vary, and the words that tell them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ategnatos.knowledge import loader


@cache
def dimensions() -> Mapping[str, Any]:
    """The table of ``coverage.json``. Raises StudioError (``knowledge_broken``)."""
    table: Mapping[str, Any] = loader.read("coverage").content["dimensions"]
    return table


@cache
def variation_terms() -> Mapping[str, tuple[str, str]]:
    """Every word of the table with the dimension and value that it tells."""
    return {
        said: (name, value)
        for name, dimension in dimensions().items()
        for value, entry in dimension["values"].items()
        for said in entry["say"]
    }
