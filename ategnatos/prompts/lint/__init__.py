"""Check a prompt before it is sent: what will not work as written, and the edit that mends it.

A check is a function over a :class:`Subject` in one of the modules here, named in ``CHECKS``.
What it says and which words it looks for are data (``knowledge/data/prompt_rules.json``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ategnatos.knowledge.prompt_rules import SEVERITIES
from ategnatos.prompts.lint import brackets, forms, keywords, lengths, wording
from ategnatos.prompts.lint.finding import Check, Finding, Subject, Trigger, finding
from ategnatos.prompts.manner import Manner
from ategnatos.prompts.reading import read

__all__ = ["CHECKS", "Finding", "Trigger", "lint", "mended"]

CHECKS: tuple[Check, ...] = (
    brackets.unbalanced,
    brackets.numbers,
    brackets.unread,
    lengths.chunks,
    keywords.quality,
    keywords.order,
    keywords.spelling,
    keywords.shape,
    keywords.doubled,
    wording.contradictions,
    wording.negations,
    wording.quality_in_prose,
    wording.letters,
    wording.triggers,
    wording.forbidden,
    forms.layout,
    forms.instruction,
    forms.motion,
    forms.prefix,
    forms.closed_words,
)


def lint(
    text: str,
    manner: Manner,
    *,
    negative: str = "",
    triggers: tuple[Trigger, ...] = (),
    forbidden: tuple[str, ...] = (),
    count: Callable[[str], int] | None = None,
    limit: int | None = None,
) -> list[Finding]:
    """Everything worth saying about a prompt and its negative, in the order of their text.

    ``triggers`` are those of the chosen LoRAs, ``forbidden`` the eye's hard limits. ``count``
    gives the tokens of a text as the model counts them; without it no length is judged.
    ``limit`` is where the model cuts a text off. Nothing here changes a text.
    """
    subject = Subject(
        text,
        read(text, manner.notation),
        manner,
        negative=negative,
        triggers=triggers,
        forbidden=forbidden,
        count=count,
        limit=limit,
    )
    if not text.strip():
        return [finding(subject, "empty", 0, len(text))]
    found = [one for check in CHECKS for one in check(subject)]
    other = Subject(
        negative, read(negative, manner.notation), manner, "negative", count=count, limit=limit
    )
    found += _negative(subject, other)
    return sorted(
        dict.fromkeys(found),
        key=lambda one: (one.where == "negative", one.start, SEVERITIES.index(one.severity)),
    )


def _negative(subject: Subject, other: Subject) -> Iterator[Finding]:
    manner, text = subject.manner, other.text
    if text.strip():
        if manner.negative == "inert":
            yield finding(other, "negative_inert", 0, len(text), "")
        elif manner.negative == "none":
            yield finding(other, "negative_nowhere", 0, len(text), "")
        else:
            for check in CHECKS:
                yield from check(other)
    elif manner.reads_negative and manner.quality_negative:
        words = ", ".join(manner.quality_negative)
        yield finding(other, "negative_missing", 0, 0, words, words=words)


def mended(text: str, findings: list[Finding], where: str = "prompt") -> str:
    """``text`` with every exact replacement made; of two that overlap, the first."""
    edits = sorted(
        (one for one in findings if one.where == where and one.replacement is not None),
        key=lambda one: (one.start, one.end),
    )
    parts: list[str] = []
    at = 0
    for edit in edits:
        if edit.start >= at:
            parts += [text[at : edit.start], edit.replacement or ""]
            at = edit.end
    return "".join([*parts, text[at:]])
