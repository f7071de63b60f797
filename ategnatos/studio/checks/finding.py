"""What one check found, in the order a person needs it: what it means, then what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """``note`` is worth knowing and stops nothing; ``failed`` has to be mended."""

    OK = "ok"
    NOTE = "note"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result. ``means`` and ``mend`` (a command where there is one) are "" when well."""

    check: str
    outcome: Outcome
    found: str
    means: str = ""
    mend: str = ""

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "check": self.check,
            "outcome": self.outcome.value,
            "found": self.found,
            "means": self.means,
            "mend": self.mend,
        }


def well(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, Outcome.OK, found)


def note(check: str, found: str, means: str, mend: str) -> Finding:
    """Worth knowing."""
    return Finding(check, Outcome.NOTE, found, means, mend)


def failed(check: str, found: str, means: str, mend: str) -> Finding:
    """Has to be mended."""
    return Finding(check, Outcome.FAILED, found, means, mend)
