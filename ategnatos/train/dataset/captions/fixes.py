"""Edits that the linter's findings suggest, as proposals with their reasons; nothing is written.

Only what is certain is proposed: spelling, order, tidiness, words that say nothing, technique
that stands in the wrong part, and with ``absorb`` the phrases that the trigger should take in.
A guess ("possibly a cat") is never turned into a claim: such captions are listed to look again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ategnatos.train.dataset.captions.each import is_first
from ategnatos.train.dataset.captions.findings import Finding, rules, style_terms
from ategnatos.train.dataset.captions.protocol import (
    PARTS,
    Told,
    Wanted,
    body,
    compose,
    one_line,
)
from ategnatos.train.dataset.coverage_words import variation_terms

LOOK_AGAIN = frozenset(
    {
        "caption_unreadable",
        "contradiction",
        "contradicts_picture",
        "hedging",
        "same_caption",
        "too_short",
    }
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One caption before and after. ``parts`` are the new ones; ``reasons`` are sentences."""

    picture: str
    before: str
    after: str
    parts: Mapping[str, str]
    reasons: tuple[str, ...]


def propose(
    captions: Sequence[Told], like: Wanted, findings: Sequence[Finding], *, absorb: bool = False
) -> list[Proposal]:
    """A proposal for every caption that an edit would change, in the order given."""
    always = tuple(one.said for one in findings if one.code == "absorb") if absorb else ()
    spelled = {
        picture: one.said
        for one in findings
        if one.code == "trigger_spelling"
        for picture in one.pictures
    }
    made = []
    for told in captions:
        if not told.text.strip() or told.text.lstrip().startswith("{"):
            continue
        text, parts, reasons = _edited(told, like, always, spelled.get(told.picture))
        if text != told.text:
            made.append(Proposal(told.picture, told.text, text, parts, tuple(reasons)))
    return made


def look_again(findings: Sequence[Finding]) -> dict[str, list[str]]:
    """The pictures whose captions somebody must look at, with the codes of why."""
    found: dict[str, list[str]] = {}
    for one in findings:
        if one.code in LOOK_AGAIN:
            for picture in one.pictures:
                codes = found.setdefault(picture, [])
                if one.code not in codes:
                    codes.append(one.code)
    return found


def _edited(
    told: Told, like: Wanted, absorb: Sequence[str], misspelled: str | None
) -> tuple[str, dict[str, str], list[str]]:
    reasons: list[str] = []
    parts = {name: told.parts.get(name, "") for name in PARTS}
    if any(parts.values()):
        _sort_parts(parts, reasons)
        for name in PARTS:
            parts[name] = _cleaned(parts[name], absorb if name == "content" else (), reasons)
        text = compose(like.trigger, parts)
        if not is_first(told.text, like.trigger) and like.trigger:
            reasons.append(f"the trigger {like.trigger!r} goes first")
        if one_line(told.text) != told.text and text != told.text:
            reasons.append("one line, tidy commas")
        return text, parts, reasons or ["put together again from its parts"]
    rest = one_line(told.text)
    if rest != told.text:
        reasons.append("one line, single blanks")
    if misspelled is not None:
        rest = re.sub(rf"(?<!\w){re.escape(misspelled)}(?!\w)", like.trigger, rest)
        reasons.append(f"{misspelled!r} is the trigger {like.trigger!r}")
    if like.trigger:
        first = is_first(rest, like.trigger)
        inner = re.sub(rf"(?<!\w){re.escape(like.trigger)}(?!\w)", "", body(rest, like.trigger))
        if not first:
            reasons.append(f"the trigger {like.trigger!r} goes first")
        elif inner != body(rest, like.trigger):
            reasons.append("the trigger stands once")
        cleaned = _cleaned(inner, absorb, reasons)
        return compose(like.trigger, {"content": cleaned}), {}, reasons
    return _cleaned(rest, absorb, reasons), {}, reasons


def _sort_parts(parts: dict[str, str], reasons: list[str]) -> None:
    """Move whole phrases of technique out of the content part."""
    kept: list[str] = []
    moved: list[str] = []
    for piece in _pieces(parts["content"]):
        technique = piece.lower() in style_terms() and piece.lower() not in variation_terms()
        (moved if technique else kept).append(piece)
    if moved:
        parts["content"] = ", ".join(kept)
        parts["style"] = ", ".join([*_pieces(parts["style"]), *moved])
        reasons.append(f"{', '.join(moved)!r} is technique: moved to the style part")


def _cleaned(text: str, absorb: Sequence[str], reasons: list[str]) -> str:
    """``text`` without words that say nothing and without ``absorb``, its commas tidy."""
    for said in rules()["fillers"]:
        shorter = re.sub(rf"(?<![\w-]){re.escape(said)}(?![\w-])\s*", "", text, flags=re.IGNORECASE)
        if shorter != text:
            reasons.append(f"{said!r} says nothing that is seen")
            text = shorter
    wanted = {said.lower() for said in absorb}
    kept = []
    for piece in _pieces(text):
        if piece.lower() in wanted:
            reasons.append(f"{piece!r} belongs to the trigger")
        else:
            kept.append(piece)
    tidy = ", ".join(kept)
    if tidy != text and not reasons:
        reasons.append("tidy commas and blanks")
    return tidy


def _pieces(text: str) -> list[str]:
    return [piece for raw in text.split(",") if (piece := one_line(raw))]
