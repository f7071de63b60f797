"""What is wrong with captions taken together: shares, sameness, dialects, the trigger itself."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import ceil
from statistics import mode

from ategnatos.train.dataset.captions.each import is_first
from ategnatos.train.dataset.captions.findings import Finding, Subject, finding, rules, style_terms
from ategnatos.train.dataset.captions.protocol import body, phrases, spoken
from ategnatos.train.dataset.coverage_words import variation_terms

Check = Callable[[Subject], Iterator[Finding]]

_WORD = re.compile(r"[a-z0-9][\w'-]*")
_GLUE = frozenset(
    {"a", "an", "the", "is", "are", "was", "with", "and", "of"}
    | {"his", "her", "its", "their", "on", "in", "at", "from"}
)


def trigger(subject: Subject) -> Iterator[Finding]:
    """The trigger itself: chosen, made up, and how many tokens it takes."""
    wanted = subject.wanted
    if not wanted.trigger:
        yield finding("trigger_unset", (), dataset=wanted.dataset)
        return
    tokens = subject.counter.count(wanted.trigger)
    if tokens == 1 and subject.counter.exact and len(wanted.trigger) > 3:
        yield finding("trigger_common", (), wanted.trigger, trigger=wanted.trigger, tokens=tokens)
    elif tokens > 1:
        yield finding("trigger_tokens", (), wanted.trigger, trigger=wanted.trigger, tokens=tokens)


def shares(subject: Subject) -> Iterator[Finding]:
    """Words in nearly all captions: what the trigger should take in, and what should vary."""
    written = [told for told in subject.told if told.text.strip()]
    if len(written) < rules()["least_for_shares"]:
        return
    contents = [
        told.parts.get("content") or body(told.text, subject.wanted.trigger) for told in written
    ]
    for said, share, style in common(contents):
        if said in variation_terms():
            yield finding("constant_variation", (), said, share=_percent(share))
        elif not style and subject.wanted.training != "style":
            yield finding("absorb", (), said, share=_percent(share))
    if subject.wanted.training == "style":
        styles = [told.parts.get("style", "") for told in written]
        for said, share, term in common(styles):
            # A single word such as "shapes" is a part of several terms and no term itself.
            if not term and " " not in said:
                continue
            yield finding("style_everywhere", (), said, share=_percent(share))


def common(texts: list[str]) -> list[tuple[str, float, bool]]:
    """What stands in more than the common share of ``texts``: words, share, whether technique.

    Whole phrases and terms go before the single words inside them.
    """
    seen: Counter[str] = Counter()
    terms = [*variation_terms(), *style_terms()]
    stop = set(rules()["stopwords"])
    for text in texts:
        pieces = set(phrases(text)) | set(spoken(text, terms))
        seen.update(pieces | {word for word in _WORD.findall(text.lower()) if word not in stop})
    least = rules()["common_share"] * len(texts)
    often = [said for said, times in seen.items() if times > least]
    found: list[str] = []
    for said in sorted(often, key=lambda one: (-len(one.split()), one)):
        if not any(_inside(said, longer) for longer in found):
            found.append(said)
    return [(said, seen[said] / len(texts), said in style_terms()) for said in sorted(found)]


def _inside(said: str, longer: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(said)}(?!\w)", longer) is not None


def same(subject: Subject) -> Iterator[Finding]:
    """Captions that are equal, or nearly."""
    by_text: dict[str, list[str]] = defaultdict(list)
    for told in subject.told:
        if told.text.strip():
            by_text[" ".join(told.text.lower().split())].append(told.picture)
    for pictures in by_text.values():
        if len(pictures) > 1:
            yield finding("same_caption", pictures, other=pictures[0])
    words = [(pictures[0], frozenset(_WORD.findall(text))) for text, pictures in by_text.items()]
    for picture, other, share in alike(words, rules()["alike"]):
        yield finding("alike_caption", [picture, other], other=other, share=_percent(share))


def alike(
    sets: Sequence[tuple[str, frozenset[str]]], least: float
) -> Iterator[tuple[str, str, float]]:
    """Each name whose words are those of an earlier one to at least ``least`` (shared of all),
    with the first such and the share.

    Two such sets share one of their rarest words: of n words, the n - ceil(least * n) + 1 rarest
    are enough to look at, so nearly no pair is compared that does not match.
    """
    often = Counter(word for _, own in sets for word in own)
    holders: dict[str, list[int]] = defaultdict(list)
    for place, (name, own) in enumerate(sets):
        rare = sorted(own, key=lambda word: (often[word], word))
        prefix = rare[: len(rare) - ceil(least * len(rare)) + 1] if rare else []
        for earlier in sorted({one for word in prefix for one in holders[word]}):
            other, others = sets[earlier]
            share = len(own & others) / len(own | others)
            if share >= least:
                yield name, other, share
                break
        for word in prefix:
            holders[word].append(place)


def mixed(subject: Subject) -> Iterator[Finding]:
    """Captions that are not written as the rest are."""
    kinds = {
        told.picture: dialect_of(
            told.parts.get("content") or body(told.text, subject.wanted.trigger)
        )
        for told in subject.told
        if told.text.strip()
    }
    clear = [kind for kind in kinds.values() if kind]
    if not clear:
        return
    wanted = subject.wanted.dialect if subject.wanted.dialect in clear else mode(clear)
    for picture, kind in kinds.items():
        if kind and kind != wanted:
            yield finding(
                "mixed_dialect",
                [picture],
                found=kind,
                wanted=wanted,
                dataset=subject.wanted.dataset,
            )


def dialect_of(text: str) -> str:
    """How a text is written: ``tags``, ``prose``, ``json``, or "" where it cannot be told.

    Tags are short pieces without the small words that hold a sentence together.
    """
    if text.lstrip().startswith("{") and text.rstrip().endswith("}"):
        return "json"
    pieces = phrases(text)
    words = [word for piece in pieces for word in piece.split()]
    if not words:
        return ""
    glue = sum(word in _GLUE for word in words) / len(words)
    average = len(words) / len(pieces)
    if "_" in text or (len(pieces) >= 3 and average <= 2.6 and glue < 0.06):
        return "tags"
    if glue >= 0.12 or (average > 4 and glue > 0):
        return "prose"
    return ""


def first_share(subject: Subject) -> float:
    """The share of the written captions that begin with the trigger."""
    written = [told for told in subject.told if told.text.strip()]
    first = sum(is_first(told.text, subject.wanted.trigger) for told in written)
    return first / len(written) if written else 0.0


def _percent(share: float) -> str:
    return f"{share:.0%}"


CHECKS: tuple[Check, ...] = (trigger, shares, same, mixed)
