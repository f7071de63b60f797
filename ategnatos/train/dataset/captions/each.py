"""What is wrong with one caption, whatever the others say."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator

from ategnatos.train.dataset.captions.findings import (
    Finding,
    Subject,
    finding,
    rules,
    style_terms,
)
from ategnatos.train.dataset.captions.protocol import PARTS, Told, body, spoken
from ategnatos.train.dataset.coverage_words import variation_terms

Check = Callable[[Subject, Told], Iterator[Finding]]

# What a file that was not UTF-8 leaves behind: the replacement character, or UTF-8 read as Latin-1.
_MISREAD = re.compile("�|Ã[\x80-\xbf]|â€|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNTIDY = re.compile(r"  |,\s*,|\s,|^[\s,]|[\s,]$")
_WORD = re.compile(r"[\w-]+")
_NEAR_SPELLING = 0.8


def present(subject: Subject, told: Told) -> Iterator[Finding]:
    """A caption that is not there."""
    if not told.text.strip():
        yield finding("caption_missing", [told.picture], dataset=subject.wanted.dataset)


def readable(subject: Subject, told: Told) -> Iterator[Finding]:
    """Characters that no text has, several lines, untidy commas, words that trainers replace."""
    here = [told.picture]
    if match := _MISREAD.search(told.text):
        yield finding("caption_unreadable", here, match[0], what=ascii(match[0]))
    lines = len(told.text.strip().splitlines())
    if lines > 1:
        yield finding("caption_lines", here, lines=lines)
    elif _UNTIDY.search(told.text):
        yield finding("caption_untidy", here)
    for said, trainer in rules()["reserved"].items():
        if said in told.text:
            yield finding("reserved", here, said, trainer=trainer)


def trigger(subject: Subject, told: Told) -> Iterator[Finding]:
    """The trigger: there, first, spelled the same, once."""
    wanted, here = subject.wanted.trigger, [told.picture]
    if not wanted or not told.text.strip():
        return
    times = len(re.findall(rf"(?<!\w){re.escape(wanted)}(?!\w)", told.text))
    if times == 0:
        written = _spelled(told.text, wanted)
        if written is not None:
            yield finding("trigger_spelling", here, written, written=written, trigger=wanted)
        else:
            yield finding("trigger_missing", here, wanted, trigger=wanted)
        return
    if not is_first(told.text, wanted):
        yield finding("trigger_not_first", here, wanted, trigger=wanted)
    if times > 1:
        yield finding("trigger_repeated", here, wanted, times=times)


def is_first(text: str, trigger: str) -> bool:
    """Whether ``trigger`` begins a caption, exactly as it is spelled."""
    if text.lstrip().startswith("{"):
        return f'"trigger": "{trigger}"' in text
    return text.startswith(trigger) and body(text, trigger) != text


def _spelled(text: str, trigger: str) -> str | None:
    """The word of ``text`` that is nearly ``trigger``: other case, a letter more or less."""
    names = _WORD.findall(text) if " " not in trigger else [text[: len(trigger) + 1]]
    for word in names:
        near = difflib.SequenceMatcher(None, word.lower(), trigger.lower()).ratio()
        if near >= _NEAR_SPELLING and abs(len(word) - len(trigger)) <= 2:
            return word
    return None


def length(subject: Subject, told: Told) -> Iterator[Finding]:
    """Too short, too long, cut off by the text encoder."""
    if not told.text.strip():
        return
    tokens, budget, here = subject.counter.count(told.text), subject.budget, [told.picture]
    least, most = budget["least"], budget["most"]
    if tokens < budget["reject_under"]:
        yield finding("too_short", here, tokens=tokens, least=budget["reject_under"])
    elif tokens < least:
        yield finding("short", here, tokens=tokens, least=least, most=most)
    elif tokens > budget["warn_over"]:
        yield finding("too_long", here, tokens=tokens, most=budget["warn_over"])
    elif tokens > most:
        yield finding("long", here, tokens=tokens, least=least, most=most)
    window = subject.counter.window
    if window is not None and tokens > window:
        yield finding("cut_off", here, tokens=tokens, window=window)


def wording(subject: Subject, told: Told) -> Iterator[Finding]:
    """Guesses, and words that say nothing."""
    for said in spoken(told.text, rules()["hedges"]):
        yield finding("hedging", [told.picture], said)
    for said in spoken(told.text, rules()["fillers"]):
        yield finding("filler", [told.picture], said)


def apart(subject: Subject, told: Told) -> Iterator[Finding]:
    """Technique in the content part, content in the style part, and a style part too thin."""
    if not any(told.parts.get(name) for name in PARTS):
        return
    here = [told.picture]
    content, style = (told.parts.get(name, "") for name in PARTS)
    for said in spoken(content, list(style_terms())):
        # "soft light" is the scene's as well as the painter's.
        if said in variation_terms():
            continue
        yield finding("style_in_content", here, said)
    for said in spoken(style, rules()["content_terms"]):
        # "hand" in "hand-drawn look" is no hand: only words that no term of technique holds.
        if not any(said in term and term in style.lower() for term in style_terms()):
            yield finding("content_in_style", here, said)
    if not style.strip():
        yield finding("style_missing", here, dataset=subject.wanted.dataset)
        return
    sides = style_sides(style)
    least = rules()["least_style_categories"]
    if len(sides) < least:
        named = ", ".join(rules()["style_terms"])
        yield finding("style_thin", here, found=len(sides), sides=named, least=least)


def style_sides(text: str) -> set[str]:
    """The sides of technique that a text tells of."""
    return {style_terms()[term] for term in spoken(text, list(style_terms()))}


def true(subject: Subject, told: Told) -> Iterator[Finding]:
    """Words that exclude each other, and words that the measured picture denies."""
    here = [told.picture]
    for one, other in rules()["exclusive"]:
        if len(spoken(told.text, [one, other])) == 2:
            yield finding("contradiction", here, f"{one}, {other}", one=one, other=other)
    for rule in rules()["measured"]:
        value = told.measured.get(rule["of"])
        if value is None or rule.get("at_least", 0) <= value <= rule.get("at_most", 1):
            continue
        for said in spoken(told.text, rule["say"]):
            yield finding("contradicts_picture", here, said, measured=rule["told"])


CHECKS: tuple[Check, ...] = (present, readable, trigger, length, wording, apart, true)
