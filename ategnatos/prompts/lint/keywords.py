"""Keywords and tags: which words, in which order, and how they are spelled."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ategnatos.knowledge.prompt_rules import tables
from ategnatos.prompts.lint.finding import Finding, Subject, finding
from ategnatos.prompts.pieces import Piece, pieces
from ategnatos.prompts.tree import Group, Keyword, Text, places, spell

_SENTENCE = 12  # words between two commas from which on it is no keyword
_FEW = 5  # keywords from which on a text is a list
_COMMA = re.compile(r",(?=\s*,)")


def quality(subject: Subject) -> Iterator[Finding]:
    """Quality words that the family wants: there, at the start, and its own."""
    manner = subject.manner
    if subject.where == "negative" or manner.dialect.style != "tags":
        return
    found = pieces(subject.text, subject.prompt.notation)
    score = set(tables()["score_tags"])
    own = set(manner.quality)
    scored = bool(own & score)
    for piece in found:
        # Foreign in both directions: scores for a model without, or without scores for one with.
        if piece.words in score and not scored:
            advice = f"Use {', '.join(manner.quality)}." if own else "Leave it out."
            yield finding(
                subject,
                "quality_foreign",
                piece.start,
                piece.end,
                word=piece.words,
                advice=advice,
            )
    if manner.dialect.name != "booru-tags" or not own:
        return
    there = [(i, piece) for i, piece in enumerate(found) if piece.words in own]
    if not there:
        words = ", ".join(manner.quality)
        yield finding(
            subject,
            "quality_missing",
            0,
            0,
            f"{words}, ",
            words=words,
            where="at the start",
        )
        return
    group = set(tables()["tag_groups"]["quality"])
    for i, piece in there:
        if any(one.words not in group for one in found[:i]):
            yield finding(subject, "quality_late", piece.start, piece.end, word=piece.words)


def order(subject: Subject) -> Iterator[Finding]:
    """Tags of a group that stand after tags of a later group."""
    wanted = subject.manner.dialect.order
    groups = tables()["tag_groups"]
    if subject.where == "negative" or subject.manner.dialect.name != "booru-tags":
        return
    rank = {name: place for place, name in enumerate(wanted)}
    of = {
        word: name
        for name, words in groups.items()
        if name in rank and name != "quality"
        for word in words
    }
    latest: tuple[Piece, str] | None = None
    for piece in pieces(subject.text, subject.prompt.notation):
        group = of.get(piece.words)
        if group is None:
            continue
        if latest is not None and rank[group] < rank[latest[1]]:
            yield finding(
                subject,
                "tag_order",
                piece.start,
                piece.end,
                word=piece.words,
                group=group,
                earlier=latest[0].words,
                earlier_group=latest[1],
                order=", ".join(wanted),
            )
        else:
            latest = (piece, group)


def spelling(subject: Subject) -> Iterator[Finding]:
    """Tags with underscores, and tags whose own brackets are read as a stress."""
    manner = subject.manner
    if manner.dialect.name != "booru-tags":
        return
    keep = set(tables()["score_tags"])
    for match in re.finditer(r"(?<![\w:/-])[a-z]+(?:_[a-z]+)+(?![\w(])", subject.text):
        word = match.group()
        if word not in keep and not word.startswith(("score_", "source_", "rating_")):
            blanks = word.replace("_", " ")
            yield finding(
                subject,
                "tag_underscores",
                match.start(),
                match.end(),
                blanks,
                word=word,
                blanks=blanks,
            )
    if not manner.weighs:
        return
    previous: tuple[str, int] | None = None
    for place in places(subject.prompt):
        node = place.node
        if place.depth:
            continue
        if isinstance(node, Group) and node.number is None and previous is not None:
            tag = previous[0].rpartition(",")[2].strip()
            inner = "".join(map(spell, node.parts))
            if tag and previous[0].endswith((" ", "_")) and re.fullmatch(r"[\w .'-]+", inner):
                yield finding(
                    subject,
                    "tag_brackets",
                    place.start,
                    place.end,
                    f"\\({inner}\\)",
                    tag=tag,
                    inner=inner,
                )
        previous = (node.raw, place.end) if isinstance(node, Text) else None


def shape(subject: Subject) -> Iterator[Finding]:
    """A sentence where keywords are wanted, a list where a sentence is."""
    style = subject.manner.dialect.style
    found = pieces(subject.text, subject.prompt.notation)
    name = subject.manner.dialect.name
    if subject.where == "negative" or not found:
        return
    if style == "tags":
        for piece in found:
            count = len(piece.words.split())
            if count >= _SENTENCE:
                yield finding(subject, "keywords_expected", piece.start, piece.end, count=count)
    elif style == "prose" and name not in ("instruction-edit", "llm-prefix"):
        short = [piece for piece in found if len(piece.words.split()) <= 3]
        if len(found) >= _FEW and len(short) >= 0.8 * len(found):
            yield finding(subject, "sentence_expected", 0, len(subject.text), count=len(found))


def doubled(subject: Subject) -> Iterator[Finding]:
    """Words said twice, and commas with nothing between them."""
    if subject.manner.dialect.style != "tags":
        return
    for match in _COMMA.finditer(subject.text):
        yield finding(subject, "commas_doubled", match.start(), match.end(), "")
    found = pieces(subject.text, subject.prompt.notation)
    times = Counter(piece.words for piece in found)
    # The same words in another chunk are meant: BREAK separates them.
    parts = [p.start for p in places(subject.prompt) if isinstance(p.node, Keyword)]
    parted = min(parts, default=len(subject.text))
    seen: set[str] = set()
    for piece in found:
        if piece.words in seen and times[piece.words] > 1 and piece.start < parted:
            advice = f"write ({piece.words}:1.2)" if subject.manner.weighs else "say it first"
            yield finding(
                subject,
                "repeated",
                piece.start,
                piece.end,
                word=piece.words,
                times=times.pop(piece.words),
                advice=advice,
            )
        seen.add(piece.words)
