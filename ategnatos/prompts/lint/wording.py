"""Words whatever the dialect: contradictions, negations, triggers, limits, quality in prose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ategnatos.knowledge.prompt_rules import tables
from ategnatos.prompts.lint.finding import Finding, Subject, finding
from ategnatos.prompts.pieces import pieces


def place_of(text: str, words: str, start: int = 0) -> tuple[int, int] | None:
    """Where ``words`` stand in ``text`` as whole words, in any case."""
    pattern = r"\s+".join(map(re.escape, words.split()))
    match = re.compile(rf"(?<![\w-]){pattern}(?![\w-])", re.IGNORECASE).search(text, start)
    return None if match is None else match.span()


def contradictions(subject: Subject) -> Iterator[Finding]:
    """Pairs of words that exclude each other, and words both wanted and not wanted."""
    if subject.where == "negative":
        return
    for one, other in tables()["contradictions"]:
        first, second = place_of(subject.text, one), place_of(subject.text, other)
        # "dark" inside "dark blue light" is no contradiction of "bright" by itself: in prose a
        # picture may hold both, so single words count only as keywords of their own.
        if first is None or second is None or not _alone(subject, one, other):
            continue
        yield finding(subject, "contradiction", *max(first, second), one=one, other=other)
    unwanted = {piece.words for piece in pieces(subject.negative, subject.prompt.notation)}
    for piece in pieces(subject.text, subject.prompt.notation):
        if piece.words in unwanted:
            yield finding(subject, "wanted_and_not", piece.start, piece.end, word=piece.words)


def _alone(subject: Subject, *both: str) -> bool:
    if subject.manner.dialect.style != "tags":
        return all(" " in words or "-" in words for words in both)
    own = [piece.words for piece in pieces(subject.text, subject.prompt.notation)]
    return all(" " in words or words in own or _adjective(words, own) for words in both)


def _adjective(word: str, own: list[str]) -> bool:
    """Whether a keyword of two words begins with ``word``: "dark castle"."""
    return any(piece.split()[0] == word and len(piece.split()) == 2 for piece in own)


def negations(subject: Subject) -> Iterator[Finding]:
    """ "no hat" in a prompt of keywords: the model draws what is named."""
    if subject.where == "negative" or subject.manner.dialect.style != "tags":
        return
    known = {word for words in tables()["tag_groups"].values() for word in words}
    words = "|".join(tables()["negations"])
    for piece in pieces(subject.text, subject.prompt.notation):
        match = re.match(rf"(?:{words})\s+(.+)", piece.words)
        if match and piece.words not in known and piece.words != "no outlines":
            advice = (
                f"Take it out and add --negative '{match[1]}'."
                if subject.manner.reads_negative
                else "Say what should be there instead."
            )
            yield finding(
                subject, "negation", piece.start, piece.end, said=piece.words, advice=advice
            )


def quality_in_prose(subject: Subject) -> Iterator[Finding]:
    """Quality keywords in front of a model that was trained on captions."""
    if subject.manner.dialect.style != "prose" or subject.where == "negative":
        return
    for word in tables()["filler_quality"]:
        found = place_of(subject.text, word)
        if found is not None:
            yield finding(subject, "filler_quality", *found, word=word)


def letters(subject: Subject) -> Iterator[Finding]:
    """Words to be drawn as letters that stand in no quotation marks."""
    if subject.manner.dialect.style != "prose" or subject.where == "negative":
        return
    for said in tables()["letters"]:
        found = place_of(subject.text, said)
        rest = subject.text[found[1] :] if found else ""
        match = re.match(r"[:,]?\s+(?![\"“'‘«])([^\s,.;]+(?: [A-Z][^\s,.;]*)*)", rest)
        if found is not None and match is not None:
            start = found[1] + match.start(1)
            yield finding(
                subject,
                "letters_unquoted",
                start,
                start + len(match[1]),
                f'"{match[1]}"',
                said=said,
                words=match[1],
            )


def triggers(subject: Subject) -> Iterator[Finding]:
    """Words that a chosen LoRA listens to and that are not there."""
    if subject.where == "negative":
        return
    for trigger in subject.triggers:
        for word in filter(None, (one.strip() for one in trigger.words.split(","))):
            if place_of(subject.text, word) is None:
                end = len(subject.text)
                glue = ", " if subject.text.strip() else ""
                yield finding(
                    subject,
                    "trigger_missing",
                    end,
                    end,
                    f"{glue}{word}",
                    lora=trigger.lora,
                    word=word,
                )


def forbidden(subject: Subject) -> Iterator[Finding]:
    """Words that the eye says never to ask for."""
    if subject.where == "negative":
        return
    for word in subject.forbidden:
        found = place_of(subject.text, word)
        if found is not None:
            yield finding(subject, "forbidden", *found, word=word)
