"""Whose signatures count in this studio: a chain of acts, each signed, none ever removed."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ategnatos.grimoire.schemas.base import Document, Part


class Act(Part):
    """One act. ``statement`` is what was decided, ``signature`` that of an approver, in hex.

    ``possession`` is the signed request of the key that joins; empty for the other acts.
    """

    statement: dict[str, Any]
    signature: str
    possession: dict[str, Any] = Field(default_factory=dict)


class ApproversDocument(Document):
    """The acts in order. Every reader checks every signature; no hand sets it."""

    name = "approvers"
    title = "Approvers"
    modify_with = "ategnatos gate"
    by_hand = False
    has_view = False

    acts: list[Act] = Field(default_factory=list)


DOCUMENT = ApproversDocument
