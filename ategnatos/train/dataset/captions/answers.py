"""The answers of a round, read strictly: each is good, or refused with what is wrong with it.

An answer is ``{"number": 1, "content": "...", "style": "...", "answers": {"angle": "front"}}``,
or ``{"number": 1, "skip": "why"}``. The whole is a list of them, or an object with such a list
under ``answers``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.dataset.captions import templates
from ategnatos.train.dataset.captions.findings import rules
from ategnatos.train.dataset.captions.protocol import PARTS, Wanted, compose, one_line, spoken
from ategnatos.train.dataset.captions.tokens import counter_for

CAPTION_ANSWERS = ErrorCode("caption_answers", "The answers of a captioning round are unusable.")
CAPTIONS_REFUSED = ErrorCode("captions_refused", "Some answers were refused; the rest is saved.")

_LONGEST = 4_000
_MOST_ANSWERS = 256
_FIELDS = frozenset({"number", "skip", "answers", *PARTS})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that may be used."""

    number: int
    parts: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    skip: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One that may not, and why; ``number`` 0 where it has none."""

    number: int
    picture: str
    why: str


@dataclass(frozen=True, slots=True)
class Read:
    """All of them."""

    good: tuple[Answer, ...]
    refused: tuple[Refusal, ...]


def read(given: Any, pictures: Sequence[tuple[str, str]], what: str, like: Wanted) -> Read:
    """Judge ``given`` for a round of ``pictures`` (name and hash). A picture that no answer is
    for is refused too. Raises StudioError (``caption_answers``) for what is no list of answers.
    """
    rows = given.get("answers") if isinstance(given, Mapping) else given
    if not isinstance(rows, list) or len(rows) > _MOST_ANSWERS:
        raise StudioError(
            CAPTION_ANSWERS,
            "The answers are not a list; nothing was saved.",
            hint='Give {"answers": [{"number": 1, "content": "...", "style": "..."}]}.',
        )
    judge = _Judge(len(pictures), what, like)
    good: dict[int, Answer] = {}
    refused: list[Refusal] = []
    for row in rows:
        found = judge.read(row)
        if isinstance(found, str):
            number = _number(row, len(pictures)) or 0
            refused.append(Refusal(number, pictures[number - 1][0] if number else "", found))
        elif found.number in good:
            name = pictures[found.number - 1][0]
            refused.append(Refusal(found.number, name, "this number was answered twice"))
        else:
            good[found.number] = found
    answered = {*good, *(one.number for one in refused)}
    for number, (name, _) in enumerate(pictures, 1):
        if number not in answered:
            refused.append(Refusal(number, name, "there is no answer for this number"))
    return Read(tuple(good.values()), tuple(refused))


class _Judge:
    """What an answer must have in this round."""

    def __init__(self, pictures: int, what: str, like: Wanted) -> None:
        self._pictures = pictures
        self._parts = tuple(templates.passes()[what]["parts"])
        self._like = like
        self._counter = counter_for(like)
        self._questions = templates.questions(like)
        budgets = rules()["budgets"]
        self._budget = budgets.get(like.family) or budgets[like.dialect]

    def read(self, row: Any) -> Answer | str:
        """The answer, or what is wrong with it."""
        if not isinstance(row, Mapping):
            return "an answer is an object with a number"
        number = _number(row, self._pictures)
        if number is None:
            return f"its number must be a whole number from 1 to {self._pictures}"
        strange = sorted(set(row) - _FIELDS)
        if strange:
            return f"it has fields that nobody asked for: {', '.join(map(str, strange))[:120]}"
        skip = row.get("skip")
        if skip is not None:
            if not isinstance(skip, str) or not skip.strip():
                return "'skip' must say why"
            return Answer(number, skip=one_line(skip)[:300])
        parts: dict[str, str] = {}
        for name in self._parts:
            text = row.get(name)
            if not isinstance(text, str) or not text.strip():
                return f"its part {name!r} is missing"
            wrong = self._wrong(name, text)
            if wrong:
                return wrong
            parts[name] = one_line(text).strip(" ,")
        extra = [name for name in PARTS if name not in self._parts and row.get(name)]
        if extra:
            return f"this pass does not ask for {extra[0]!r}"
        wrong = self._wrong_whole(parts)
        if wrong:
            return wrong
        answers = self._answers(row.get("answers", {}))
        return answers if isinstance(answers, str) else Answer(number, parts, answers)

    def _wrong(self, name: str, text: str) -> str:
        if len(text) > _LONGEST:
            return f"its part {name!r} is longer than {_LONGEST} characters"
        if any(not c.isprintable() and not c.isspace() for c in text) or "�" in text:
            return f"its part {name!r} holds characters that no text has"
        trigger = self._like.trigger
        if trigger and spoken(text, [trigger.lower()]):
            return f"its part {name!r} holds the trigger, which is put in front by itself"
        said = spoken(text, rules()["hedges"])
        if said:
            return f"its part {name!r} guesses ({said[0]!r}): say what is seen, or leave it out"
        return ""

    def _wrong_whole(self, parts: Mapping[str, str]) -> str:
        if set(self._parts) != set(PARTS):
            return ""
        tokens = self._counter.count(compose(self._like.trigger, parts))
        least, most = self._budget["reject_under"], self._budget["warn_over"]
        if tokens < least:
            return f"it is about {tokens} tokens; at least {least} are needed. Say more of it"
        if tokens > most:
            return f"it is about {tokens} tokens; at most {most} are learnt. Shorten it"
        return ""

    def _answers(self, given: Any) -> dict[str, str] | str:
        if not isinstance(given, Mapping):
            return "'answers' must be an object of questions and values"
        for question, value in given.items():
            known = self._questions.get(question)
            if known is None:
                return f"nobody asked {str(question)[:40]!r}; the questions: " + ", ".join(
                    self._questions
                )
            if value not in known:
                return f"{question!r} is one of: {', '.join(known)}"
        return {str(question): str(value) for question, value in given.items()}


def _number(row: Any, pictures: int) -> int | None:
    number = row.get("number") if isinstance(row, Mapping) else None
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= pictures:
        return None
    return number
