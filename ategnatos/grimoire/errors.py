"""One kind of expected refusal, and the codes it may carry.

A code is declared once, as a module constant, next to the code that raises it; raising takes
the constant, so an undeclared code cannot be raised. ``tests/test_error_codes.py`` walks the
package, collects every constant and demands one test case that really provokes each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A stable name that scripts may match on.

    ``code`` is snake_case and unique in the package; ``meaning`` is one sentence for people.
    ``exit_status`` is 1 for an expected refusal, 2 for a failure that nobody planned.
    """

    code: str
    meaning: str
    exit_status: int = 1


class StudioError(Exception):
    """An expected refusal: what happened, what was not done, and the next step.

    ``message`` says what happened and what was therefore not done. ``hint`` is the next step,
    with a command where there is one. ``details`` are facts for machines: JSON values only,
    never a secret.
    """

    def __init__(self, code: ErrorCode, message: str, *, hint: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = details

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
