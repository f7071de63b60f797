"""How the eye acts on a prompt: what is refused, ruled out, and added, and why.

NEVER is a limit: a prompt that asks for it is refused, and it goes into the negative with
emphasis where the model reads one. AVOID goes in plain, unless this prompt asks for the thing.
Preferences add a bounded number of words, the best confirmed and then the newest first, each
written as the model wants it. No clock and no chance: the same eye does the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ategnatos.eye.wording import Wording, says, singular, tokens, wording
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge.taste import ADVICE, Knowledge, knowledge
from ategnatos.prompts import pieces
from ategnatos.prompts.convert import format_weight
from ategnatos.prompts.manner import Manner

EYE_NEVER = ErrorCode("eye_never", "The prompt asks for something the person never wants.")

# Kinds of closed words of which a prompt has one, and those that name the thing itself.
_SUBJECT_SLOT = "kind"
_SINGLE_SLOTS = frozenset({"colour", "size"})
_INSTRUCTION = "instruction-edit"


@dataclass(frozen=True, slots=True)
class Lean:
    """One preference as far as it acts. ``weight`` is confirmations less contradictions."""

    id: str
    category: str
    text: str
    polarity: str
    scope: str
    words: tuple[str, ...] | None
    weight: int
    last: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What a picture is made for: the model's family (``sdxl/base``) and the project's name."""

    family: str = ""
    project: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """Words of one preference that were added, and where: prompt or negative."""

    id: str
    polarity: str
    text: str
    words: str
    written: str
    where: str
    why: str


@dataclass(slots=True)
class Acted:
    """The prompt and negative with what was added, what was not, and why."""

    prompt: str
    negative: str
    applied: list[Applied] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def facts(self) -> list[dict[str, str]]:
        """What was added, as JSON values: this is what the record keeps."""
        return [
            {
                "preference": one.id,
                "polarity": one.polarity,
                "words": one.words,
                "written": one.written,
                "where": one.where,
                "why": one.why,
            }
            for one in self.applied
        ]


def act(
    leans: Sequence[Lean], manner: Manner, prompt: str, negative: str, situation: Situation
) -> Acted:
    """``prompt`` and ``negative`` as the eye would have them.

    Raises StudioError (``eye_never``) for a prompt that asks for what must never be.
    """
    known = knowledge()
    here = [one for one in leans if applies(one, situation, prompt)]
    refuse_never(here, manner, prompt, known)
    acting = _Acting(Acted(prompt, negative), manner, known, prompt)
    against = [one for one in here if one.polarity != "prefer"]
    for polarity in ("never", "avoid"):
        for one in ranked(one for one in against if one.polarity == polarity):
            acting.rule_out(one, [other for other in here if other.polarity == "prefer"])
    for one in ranked(one for one in here if one.polarity == "prefer"):
        acting.prefer(one, against)
    return acting.acted


def ranked(leans: Iterable[Lean]) -> list[Lean]:
    """By confirmations, then the newest first, then by name."""
    by_name = sorted(leans, key=lambda one: (len(one.id), one.id))
    return sorted(by_name, key=lambda one: (one.weight, one.last), reverse=True)


def applies(lean: Lean, situation: Situation, prompt: str) -> bool:
    """Whether its scope covers this picture. A subject does where the prompt names it."""
    kind, _, name = lean.scope.partition(":")
    if kind == "project":
        return name.casefold() == situation.project.casefold()
    if kind == "family":
        family = situation.family.lower()
        return name == family or ("/" not in name and name == family.partition("/")[0])
    return kind == "all" or says(prompt, name, knowledge())


def refuse_never(
    leans: Sequence[Lean], manner: Manner, prompt: str, known: Knowledge | None = None
) -> None:
    """Refuse a prompt that asks for what must never be. Raises StudioError (``eye_never``)."""
    known = known or knowledge()
    for one in leans:
        if one.polarity != "never" or _is_advice(one, known):
            continue
        for term in wording(one.text, one.words, known).terms:
            if says(prompt, term, known, _same(manner)):
                raise StudioError(
                    EYE_NEVER,
                    f"The prompt asks for {term!r}, and {one.id} says never: {one.text}."
                    " Nothing was made.",
                    hint="Leave it out of the prompt; or this once --no-eye; or for good:"
                    f" ategnatos eye retire {one.id}",
                    preference=one.id,
                    words=term,
                )


class _Acting:
    """One prompt in the making."""

    def __init__(self, acted: Acted, manner: Manner, known: Knowledge, asked: str) -> None:
        self.acted, self.manner, self.known, self.asked = acted, manner, known, asked
        self.style = manner.dialect.style
        self.budget = known.budget.get(self.style, 0)
        self.negative_budget = known.negative_budget

    def rule_out(self, one: Lean, wanted: Sequence[Lean]) -> None:
        never = one.polarity == "never"
        for term in self._terms(one):
            rival = None if never else self._rival(term, wanted)
            if rival is not None:
                self._leave(one, term, f"{rival.id} prefers it: the two cancel each other")
            elif not never and says(self.asked, term, self.known, _same(self.manner)):
                self._leave(one, term, "this prompt asks for it, and that counts")
            elif not self.manner.reads_negative:
                also = "; a prompt that asks for it is refused all the same" if never else ""
                self._leave(one, term, f"{self.manner.model} reads no negative prompt{also}")
            elif says(self.acted.negative, term, self.known):
                self._leave(one, term, "the negative says it already")
            elif self._unknown(term):
                self._leave(one, term, self._unknown(term))
            elif not never and len(tokens(term)) > self.negative_budget:
                self._leave(one, term, "no room: better confirmed ones came first")
            else:
                self._add_negative(one, term, never=never)

    def prefer(self, one: Lean, against: Sequence[Lean]) -> None:
        for term in self._terms(one):
            rival = self._rival(term, against)
            if rival is not None:
                self._leave(one, term, f"{rival.id} says {rival.polarity}")
                continue
            why_not = self._why_not(term)
            if why_not:
                self._leave(one, term, why_not)
                continue
            self.budget -= len(tokens(term))
            written = self._write(term)
            self.acted.applied.append(
                Applied(one.id, one.polarity, one.text, term, written, "prompt", _why(one))
            )

    def _why_not(self, term: str) -> str:
        if not self.asked.strip():
            return "there is no prompt to add to"
        if self.style == "layout" or self.manner.dialect.name == _INSTRUCTION:
            return f"{self.manner.dialect.title} has no place for words of taste"
        if says(self.acted.prompt, term, self.known, _same(self.manner)):
            return "the prompt says it already"
        if self._unknown(term):
            return self._unknown(term)
        for slot in _slots(term, self.manner):
            if slot == _SUBJECT_SLOT:
                return "it names a thing to draw, and the prompt says what to draw"
            if slot in _SINGLE_SLOTS and slot in _slots(self.acted.prompt, self.manner):
                return f"the prompt names a {slot} already"
        if len(tokens(term)) > self.budget:
            return "no room: better confirmed ones came first"
        return ""

    def _terms(self, one: Lean) -> tuple[str, ...]:
        if _is_advice(one, self.known):
            self.acted.advice.append(f"{one.id}: {one.text}")
            return ()
        found: Wording = wording(one.text, one.words, self.known)
        for part in found.left:
            self._leave(one, part, "too long or no plain words: give it some with --words")
        if one.weight <= 0 and one.polarity != "never":
            for term in found.terms:
                self._leave(one, term, "it was contradicted as often as it was confirmed")
            return ()
        return tuple(self._in_its_words(term) for term in found.terms)

    def _in_its_words(self, term: str) -> str:
        """``term`` in the singular where a model of a closed vocabulary knows only that."""
        if self.manner.vocabulary is None:
            return term
        same = _same(self.manner)
        plural = [w for w in tokens(term) if w not in same and singular(w) in same]
        return " ".join(map(singular, tokens(term))) if plural else term

    def _rival(self, term: str, others: Sequence[Lean]) -> Lean | None:
        for other in others:
            for word in wording(other.text, other.words, self.known).terms:
                if " ".join(tokens(word)) == " ".join(tokens(term)):
                    return other
                if other.polarity == "never" and says(term, word, self.known, _same(self.manner)):
                    return other
        return None

    def _unknown(self, term: str) -> str:
        """Why a model of a closed vocabulary cannot be asked for ``term``; "" where it can."""
        if self.manner.vocabulary is None:
            return ""
        same = _same(self.manner)
        strange = [w for w in tokens(term) if w not in same and w not in self.manner.fillers]
        if strange or not any(word in same for word in tokens(term)):
            return f"{self.manner.model} does not know {', '.join(strange) or term!r}"
        return ""

    def _write(self, term: str) -> str:
        acted, notation = self.acted, self.manner.notation
        if self.style == "prose":
            body = acted.prompt.rstrip()
            stop = "" if body.endswith((".", "!", "?", '"', "”")) else "."
            first = term[:1].upper()
            # A few letters have no single capital: theirs would be another word.
            written = f"{first if len(first) == 1 else term[:1]}{term[1:]}."
            acted.prompt = f"{body}{stop} {written}"
            return written
        acted.prompt = pieces.append(acted.prompt, term, notation)
        return term

    def _add_negative(self, one: Lean, term: str, *, never: bool) -> None:
        acted, notation = self.acted, self.manner.notation
        self.negative_budget -= 0 if never else len(tokens(term))
        acted.negative = pieces.append(acted.negative, term, notation)
        written = term
        if never and self.manner.weighs:
            piece = pieces.pieces(acted.negative, notation)[-1]
            weight = self.known.never_weight
            acted.negative = pieces.reweigh(acted.negative, piece, weight, notation)
            written = f"({term}:{format_weight(weight)})"
        acted.applied.append(
            Applied(one.id, one.polarity, one.text, term, written, "negative", _why(one))
        )

    def _leave(self, one: Lean, term: str, why: str) -> None:
        self.acted.left_out.append({"preference": one.id, "words": term, "why": why})


def _is_advice(one: Lean, known: Knowledge) -> bool:
    category = known.categories.get(one.category)
    return category is not None and category.acts == ADVICE


def _why(one: Lean) -> str:
    plural = "" if one.weight == 1 else "s"
    said = "" if one.polarity == "prefer" else f"{one.polarity.upper()}: "
    return f"{one.id} ({one.weight} session{plural}): {said}{one.text}"


def _same(manner: Manner) -> dict[str, str]:
    """Every spelling of a closed vocabulary with its canonical word."""
    return {
        spelling: canonical
        for words in (manner.vocabulary or {}).values()
        for canonical, spellings in words.items()
        for spelling in spellings
    }


def _slots(text: str, manner: Manner) -> set[str]:
    there = set(tokens(text))
    return {
        slot
        for slot, words in (manner.vocabulary or {}).items()
        if any(there & set(spellings) for spellings in words.values())
    }


def as_facts(acted: Acted) -> dict[str, Any]:
    """All of it for a machine."""
    return {
        "prompt": acted.prompt,
        "negative": acted.negative,
        "added": acted.facts(),
        "left_out": acted.left_out,
        "advice": acted.advice,
    }
