"""What the artist likes, each taste with the events that bear it out.

Version 2: a preference needs evidence. What version 1 held without any is kept under
``earlier``, shown, and acts on nothing until a person confirms it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ategnatos.grimoire.markdown import escape, notes_section
from ategnatos.grimoire.schemas.base import Document, Part

# The headings of the layout that people wrote by hand, and the order where a document says none.
CATEGORIES = {
    "color": "Color",
    "texture": "Texture",
    "composition": "Composition",
    "style": "Style",
    "subject": "Subject",
    "anti_preferences": "Anti-Preferences",
    "model_combos": "Model Combos",
}

# What is counted by approvals and not by sessions.
BY_APPROVALS = "model_combos"

Polarity = Literal["prefer", "avoid", "never"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EventId = Annotated[str, Field(pattern=r"^e[0-9]{8,}$")]


class Evidence(Part):
    """One event of a journal behind a preference.

    ``event`` and ``sha256`` are its id and the hash of its line in the journal of ``studio``.
    ``via`` names the event of this journal that brought a foreign one in, with its hash.
    ``stance`` is ``for`` or ``against``; ``session`` tells whether two belong together.
    """

    studio: str
    event: EventId
    sha256: Sha256
    at: str
    kind: Literal["statement", "verdict"]
    stance: Literal["for", "against", "retired"]
    session: str
    by: str = ""
    because: str = ""
    candidate: str = ""
    via: str = ""
    via_sha256: str = ""


class Preference(Part):
    """One taste. ``text`` is the artist's own wording, ``words`` what goes into a prompt.

    ``polarity``: ``avoid`` means generally skip, ``never`` is a hard limit. ``scope`` is ``all``
    or ``project:NAME``, ``family:NAME``, ``subject:WORDS``. ``confirmations`` counts the
    sessions that bore it out, ``contradictions`` those that did not, ``approvals`` the verdicts.
    There is none without evidence.
    """

    id: Annotated[str, Field(pattern=r"^p[0-9]+$")]
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    category: str = Field(min_length=1)
    text: str = Field(min_length=1)
    polarity: Polarity = "prefer"
    scope: Annotated[str, Field(pattern=r"^(all|(project|family|subject):.+)$")] = "all"
    words: list[str] | None = None
    confirmations: int = Field(default=0, ge=0)
    contradictions: int = Field(default=0, ge=0)
    approvals: int = Field(default=0, ge=0)
    standing: Literal["active", "retired", "merged"] = "active"
    merged_into: str = ""
    last: str = ""
    evidence: list[Evidence] = Field(min_length=1)


class EarlierPreference(Part):
    """A taste from before evidence was kept; ``adopted`` is the preference it became."""

    category: str = Field(min_length=1)
    text: str
    polarity: Polarity = "prefer"
    confirmations: int = Field(default=0, ge=0)
    evidence: list[str] = Field(default_factory=list)
    adopted: str = ""


def _to_2_0(payload: dict[str, Any]) -> dict[str, Any]:
    """What had no evidence that can be checked is kept, and set apart."""
    earlier = [*payload.get("earlier", []), *payload.get("preferences", [])]
    return {**payload, "_schema_version": "2.0", "preferences": [], "earlier": earlier}


class EyeDocument(Document):
    """The taste profile; only the eye room writes it, the others read."""

    name = "eye"
    title = "Taste Profile"
    version = "2.0"
    migrations = {"0": _to_2_0, "1.0": _to_2_0}  # noqa: RUF012 - ClassVar of the base
    modify_with = "ategnatos eye"
    by_hand = False

    titles: dict[str, str] = Field(default_factory=lambda: dict(CATEGORIES))
    preferences: list[Preference] = Field(default_factory=list)
    earlier: list[EarlierPreference] = Field(default_factory=list)
    notes: str = ""

    def body(self) -> str:
        """One heading a category, one line a preference, as people wrote it by hand before."""
        shown = [one for one in self.preferences if one.standing == "active"]
        own = dict.fromkeys(p.category for p in shown if p.category not in self.titles)
        parts = ["# Taste Profile\n"]
        for category in (*self.titles, *own):
            parts.append(f"## {escape(self.titles.get(category, category))}\n")
            parts.append("".join(_line(p) for p in shown if p.category == category))
        gone = [one for one in self.preferences if one.standing != "active"]
        if gone:
            parts += ["## No longer counted\n", "".join(_gone(one) for one in gone)]
        waiting = [(n, one) for n, one in enumerate(self.earlier, start=1) if not one.adopted]
        if waiting:
            parts += [
                "## From before evidence was kept\n",
                "These change nothing until you confirm them: `ategnatos eye confirm old1`.\n",
                "".join(_earlier(n, one, self.titles) for n, one in waiting),
            ]
        return "\n".join([*parts, *notes_section(self.notes)])


def _line(preference: Preference) -> str:
    marks = [_counted(preference.category, preference.confirmations, preference.approvals)]
    if preference.contradictions:
        marks.append(f" [contradicted: {_many(preference.contradictions, 'session')}]")
    if preference.scope != "all":
        marks.append(f" [only {escape(preference.scope)}]")
    if all(one.via for one in preference.evidence):
        marks.append(" [somebody else's]")
    return f"- {_said(preference)}{''.join(marks)} ({preference.id})\n"


def _gone(preference: Preference) -> str:
    why = "retired"
    if preference.standing == "merged":
        why = f"merged into {preference.merged_into}"
    return f"- {_said(preference)} [{why}] ({preference.id})\n"


def _earlier(number: int, one: EarlierPreference, titles: dict[str, str]) -> str:
    title = titles.get(one.category, one.category)
    count = _counted(one.category, one.confirmations, one.confirmations)
    return f"- {escape(title)}: {_said(one)}{count} (old{number})\n"


def _said(one: Preference | EarlierPreference) -> str:
    return ("" if one.polarity == "prefer" else f"{one.polarity.upper()}: ") + escape(one.text)


def _counted(category: str, confirmations: int, approvals: int) -> str:
    if category == BY_APPROVALS and approvals:
        return f" [{_many(approvals, 'approval')}]"
    return f" [confirmed: {_many(confirmations, 'session')}]" if confirmations else ""


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


DOCUMENT = EyeDocument
