"""A preference for a machine and for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.eye import EyeDocument, Preference


def facts(one: Preference) -> dict[str, Any]:
    """As JSON values, evidence included."""
    return one.model_dump(mode="json")


def line(one: Preference) -> str:
    """One line: name, what, how often, where it counts."""
    said = one.text if one.polarity == "prefer" else f"{one.polarity.upper()}: {one.text}"
    return f"{one.id:>4}  {said}  {counts(one)}"


def counts(one: Preference) -> str:
    """How often it was borne out, and where it counts."""
    marks = [f"confirmed: {many(one.confirmations, 'session')}"]
    if one.approvals:
        marks.append(many(one.approvals, "verdict"))
    if one.contradictions:
        marks.append(f"contradicted: {many(one.contradictions, 'session')}")
    if one.scope != "all":
        marks.append(f"only {one.scope}")
    if all(proof.via for proof in one.evidence):
        marks.append("somebody else's")
    if one.standing == "retired":
        marks.append("retired")
    if one.standing == "merged":
        marks.append(f"merged into {one.merged_into}")
    if one.words is not None:
        marks.append(f"in prompts: {', '.join(one.words)}")
    return f"[{'; '.join(marks)}]"


def many(count: int, word: str) -> str:
    """``1 session``, ``2 sessions``."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def page(document: EyeDocument, shown: list[Preference]) -> list[str]:
    """The preferences under their categories, and those from before evidence was kept."""
    lines: list[str] = []
    own = dict.fromkeys(one.category for one in shown if one.category not in document.titles)
    for category in (*document.titles, *own):
        here = [one for one in shown if one.category == category]
        if here:
            lines += [document.titles.get(category, category), *map(line, here), ""]
    waiting = [(n, one) for n, one in enumerate(document.earlier, start=1) if not one.adopted]
    if waiting:
        lines.append("From before evidence was kept (these change nothing until you confirm them)")
        for number, one in waiting:
            said = one.text if one.polarity == "prefer" else f"{one.polarity.upper()}: {one.text}"
            lines.append(f"old{number}  {said}  [{many(one.confirmations, 'session')} then]")
    return lines
