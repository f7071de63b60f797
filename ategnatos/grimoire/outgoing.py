"""What goes into the record passes here first: the place for a redactor, which is not ours.

The record knows no policy, so it is handed one: :mod:`ategnatos.guard` registers its redactor
when it is first imported, and every command, and whatever loads a credential, imports it. A
process that uses the record alone holds no credential and has nothing to mask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_redactor: Callable[[Any], Any] | None = None


def register(redactor: Callable[[Any], Any]) -> None:
    """Pass every JSON value that goes into the record through ``redactor`` from now on."""
    global _redactor
    _redactor = redactor


def redacted(value: Any) -> Any:
    """``value`` as it may stand in the record."""
    return value if _redactor is None else _redactor(value)
