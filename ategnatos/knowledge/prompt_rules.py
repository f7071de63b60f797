"""What the prompt linter knows: its findings in words, and the words it looks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ategnatos.knowledge import loader

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Rule:
    """One finding's severity and words; braces in ``means`` and ``edit`` are filled in."""

    code: str
    severity: str
    means: str
    edit: str


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its code. Raises StudioError (``knowledge_broken``)."""
    found = loader.read("prompt_rules").content["rules"]
    return {code: Rule(code, **entry) for code, entry in found.items()}


@cache
def tables() -> Mapping[str, Any]:
    """The words and numbers that rules look for, by the name of their table."""
    found: Mapping[str, Any] = loader.read("prompt_rules").content["tables"]
    return found
