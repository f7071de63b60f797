"""What the artist likes: preferences in their own words, and how often they were confirmed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ategnatos.grimoire.markdown import escape, notes_section
from ategnatos.grimoire.schemas.base import Document, Part

# Shown in this order; a category of the artist's own follows them.
CATEGORIES = {
    "color": "Color",
    "texture": "Texture",
    "composition": "Composition",
    "style": "Style",
    "subject": "Subject",
    "anti_preferences": "Anti-Preferences",
    "model_combos": "Model Combos",
}

Polarity = Literal["prefer", "avoid", "never"]


class Preference(Part):
    """One taste. ``text`` is the artist's own wording.

    ``polarity``: ``avoid`` means generally skip, ``never`` is a hard limit. ``confirmations``
    counts sessions (for model combos: approvals) that bore it out; ``evidence`` are the ids of
    the journal events that did.
    """

    category: str = Field(min_length=1)
    text: str
    polarity: Polarity = "prefer"
    confirmations: int = Field(default=0, ge=0)
    evidence: list[str] = Field(default_factory=list)


class EyeDocument(Document):
    """The taste profile; only the eye room writes it, the others read."""

    name = "eye"
    title = "Taste Profile"
    modify_with = "/eye"

    preferences: list[Preference] = Field(default_factory=list)
    notes: str = ""

    def body(self) -> str:
        """One heading a category, one line a preference, as people wrote it by hand before."""
        own = dict.fromkeys(p.category for p in self.preferences if p.category not in CATEGORIES)
        parts = ["# Taste Profile\n"]
        for category in (*CATEGORIES, *own):
            parts.append(f"## {escape(CATEGORIES.get(category, category))}\n")
            parts.append("".join(_line(p) for p in self.preferences if p.category == category))
        return "\n".join([*parts, *notes_section(self.notes)])


def _line(preference: Preference) -> str:
    prefix = "" if preference.polarity == "prefer" else f"{preference.polarity.upper()}: "
    count, word = preference.confirmations, "session"
    if preference.category == "model_combos":
        word = "approval"
    plural = "" if count == 1 else "s"
    suffix = f" [{count} {word}{plural}]" if word == "approval" else ""
    if word == "session":
        suffix = f" [confirmed: {count} session{plural}]"
    return f"- {prefix}{escape(preference.text)}{suffix if count else ''}\n"


DOCUMENT = EyeDocument
