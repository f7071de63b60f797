"""What a fence says: nothing, or a refusal with what to do instead."""

from __future__ import annotations


class Denied(Exception):  # noqa: N818 - a decision, not a fault
    """The call must not happen. ``rule`` names the fence; the text says why, and what to do."""

    def __init__(self, rule: str, reason: str, instead: str = "") -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        self.instead = instead

    @property
    def said(self) -> str:
        return f"{self.reason} {self.instead}".strip()
