"""Brackets and what stands in them: read by nobody, read otherwise than meant, or not closed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ategnatos.knowledge.prompt_rules import tables
from ategnatos.prompts.convert import format_weight
from ategnatos.prompts.lint.finding import Finding, Subject, finding
from ategnatos.prompts.reading import read
from ategnatos.prompts.tree import (
    Choice,
    Embedding,
    Extra,
    Group,
    Keyword,
    Notation,
    Place,
    Switch,
    Text,
    places,
    spell,
)
from ategnatos.prompts.weights import runs

_UNREADABLE = re.compile(r":\s*([\d.,+-][\w.,+-]*)\s*$")
_UNWEIGHED = {
    "literal": "weights_characters",
    "little": "weights_little",
    "none": "weights_none",
}
_STRAY = {
    Notation.A1111: re.compile(r"\\.|(?P<sign>[)\]])", re.DOTALL),
    Notation.COMFYUI: re.compile(r"\\[()]|(?P<sign>\))"),
}


def unbalanced(subject: Subject) -> Iterator[Finding]:
    """Brackets without their partner, in the notation that the model's program reads."""
    notation = subject.prompt.notation
    pattern = _STRAY.get(notation)
    if pattern is None:
        return
    for place in places(subject.prompt):
        node = place.node
        if isinstance(node, Group) and not node.closed:
            effect = (
                "everything after it is stressed"
                if notation is Notation.A1111
                else "it is read as a character and no weight after it counts"
            )
            escaped = f"\\{node.opening}"
            yield finding(
                subject,
                "bracket_open",
                place.start,
                place.start + 1,
                effect=effect,
                escaped=escaped,
            )
        elif isinstance(node, Text):
            for match in pattern.finditer(node.raw):
                if match["sign"]:
                    at = place.start + match.start()
                    escaped = f"\\{match['sign']}"
                    effect = "" if notation is Notation.A1111 else ", and no weight after it counts"
                    yield finding(
                        subject,
                        "bracket_stray",
                        at,
                        at + 1,
                        escaped,
                        effect=effect,
                        escaped=escaped,
                    )


def numbers(subject: Subject) -> Iterator[Finding]:
    """Weights that are no numbers, too large, or replaced by one inside."""
    if not subject.manner.weighs:
        return
    bounds = tables()["weights"]
    for place in places(subject.prompt):
        node = place.node
        if not isinstance(node, Group) or node.opening != "(":
            continue
        if node.number is None:
            yield from _unreadable(subject, place)
        elif not bounds["least"] <= node.number <= bounds["most"]:
            yield finding(
                subject,
                "weight_extreme",
                place.start,
                place.end,
                weight=format_weight(node.number),
                **bounds,
            )
        if subject.prompt.notation is Notation.COMFYUI and node.number is not None:
            inner = [one for one in node.parts if isinstance(one, Group) and one.number is not None]
            for one in inner:
                at = place.start + 1 + sum(map(len, _before(node, one)))
                yield finding(
                    subject,
                    "weight_replaced",
                    at,
                    at + len(spell(one)),
                    inner=format_weight(one.number or 0),
                    outer=format_weight(node.number),
                )


def _before(group: Group, one: object) -> list[str]:
    found = []
    for part in group.parts:
        if part is one:
            break
        found.append(spell(part))
    return found


def _unreadable(subject: Subject, place: Place) -> Iterator[Finding]:
    node = place.node
    assert isinstance(node, Group)
    last = node.parts[-1] if node.parts else None
    match = _UNREADABLE.search(last.raw[-40:]) if isinstance(last, Text) else None
    if match is not None and node.closed:
        number = match[1].replace(",", ".")
        mended = number if re.fullmatch(r"\d*\.?\d+", number) else None
        end = place.end - 1
        start = end - len(match.group().rstrip()) + 1
        yield finding(subject, "weight_unreadable", start, end, mended, written=match[1])


def unread(subject: Subject) -> Iterator[Finding]:
    """Notation that reaches the model as characters, or does next to nothing."""
    manner = subject.manner
    if manner.dialect.style == "layout":
        return
    # Read as A1111 does: it has every sign that a person may have meant.
    for place in places(read(subject.text, Notation.A1111)):
        node, start, end = place.node, place.start, place.end
        if isinstance(node, Group) and node.closed:
            yield from _group(subject, node, start, end)
        elif isinstance(node, Switch):
            yield finding(subject, "switch_characters", start, end)
        elif isinstance(node, Keyword):
            yield finding(subject, "keyword_word", start, end, "", keyword=node.raw)
        elif isinstance(node, Extra):
            weight = 1.0 if node.weight is None else node.weight
            yield finding(
                subject, "lora_tag", start, end, "", tag=node.raw, weight=format_weight(weight)
            )
        elif isinstance(node, Choice):
            yield finding(subject, "choice_left", start, end, choice=node.raw)
    if manner.weights in ("literal", "none"):
        for place in places(read(subject.text, Notation.COMFYUI)):
            if isinstance(place.node, Embedding):
                yield finding(
                    subject,
                    "embedding_characters",
                    place.start,
                    place.end,
                    "",
                    name=place.node.name,
                )


def _group(subject: Subject, node: Group, start: int, end: int) -> Iterator[Finding]:
    manner = subject.manner
    inside = "".join(map(spell, node.parts))
    if node.opening == "[":
        words = "".join(run.text for run in runs(read(inside, Notation.A1111)))
        lowered = f"({inside}:0.9)" if manner.weighs else inside
        yield finding(subject, "square_characters", start, end, lowered, words=words)
    elif node.number is not None and manner.weights in _UNWEIGHED:
        yield finding(subject, _UNWEIGHED[manner.weights], start, end, inside)
