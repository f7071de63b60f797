"""Wishes about a prompt of keywords, of sentences or of JSON fields.

A wish is cut into clauses ("warmer, less busy" is two). A clause is one of the phrases of
``knowledge/data/feedback.json``, with or without a degree ("a bit warmer"), puts one thing in the
place of another that is in the prompt ("blue instead of red"), or says of any thing that there
should be more of it, less, or none ("more fog", "no hat"). What is neither is looked
up among the phrases for something spelled alike: then nothing is done with it but to say so;
otherwise it is taken for words of the picture and added, and that is said too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ategnatos.knowledge.feedback import Action, Meaning
from ategnatos.prompts import pieces
from ategnatos.prompts.change import EXCHANGES, JOINTS, Changed, Unknown, moved, near_phrases
from ategnatos.prompts.convert import format_weight
from ategnatos.prompts.tree import Notation

_KEPT = "_"  # between words, it keeps a joint from being one
_WORD = re.compile(r"[\w'-]+")
_AMOUNT = re.compile(r"(?P<sign>more|less|fewer|no|without|remove|add|with) (?P<thing>.+)")


@dataclass(frozen=True, slots=True)
class Ways:
    """What the model takes: ``weights`` whether brackets weigh, ``negative`` whether one is read.

    ``notation`` is how its prompt is written.
    """

    notation: Notation
    weights: bool
    negative: bool


@dataclass(slots=True)
class _Editing:
    """A change in the making."""

    changed: Changed
    meaning: Meaning
    ways: Ways

    def say(self, text: str) -> None:
        if text not in self.changed.edits:
            self.changed.edits.append(text)


def apply_wish(prompt: str, wish: str, *, negative: str, meaning: Meaning, ways: Ways) -> Changed:
    """``prompt`` and ``negative`` after ``wish``, with the settings it moves."""
    editing = _Editing(Changed(prompt, negative), meaning, ways)
    for clause in _clauses(wish, meaning):
        words = [meaning.spellings.get(word, word) for word in _WORD.findall(clause.lower())]
        if words:
            _clause(editing, " ".join(words), clause.strip())
    return editing.changed


def _clauses(wish: str, meaning: Meaning) -> list[str]:
    """The wish cut at its joints, but not inside a phrase such as "black and white"."""
    joined = [phrase for phrase in meaning.phrases if JOINTS.search(phrase)]
    for phrase in joined:
        kept = re.compile(rf"\b{re.escape(phrase)}\b", re.IGNORECASE)
        wish = kept.sub(lambda match: match.group().replace(" ", _KEPT), wish)
    return [clause.replace(_KEPT, " ") for clause in JOINTS.split(wish)]


def _clause(editing: _Editing, words: str, written: str) -> None:
    meaning = editing.meaning
    if _exchange(editing, written):
        return
    rest, degree = _degree(words, meaning)
    known = False
    rest = f" {rest} "
    for phrase in sorted(meaning.phrases, key=len, reverse=True):
        if f" {phrase} " in rest:
            rest = rest.replace(f" {phrase} ", " ", 1)
            known = True
            _act(editing, phrase, meaning.phrases[phrase], degree)
    left = " ".join(word for word in rest.split() if word not in meaning.fillers)
    if not left:
        if not known:
            editing.changed.unknown.append(Unknown(written, (), used=False))
        return
    # As the person wrote it: "with a red hat" keeps its "a".
    said = left if known else written
    near = near_phrases(left, meaning)
    amount = _AMOUNT.fullmatch(left)
    if near:
        editing.changed.unknown.append(Unknown(left, near, used=False))
    elif amount is not None and _amount(editing, amount["sign"], amount["thing"], degree):
        return
    elif meaning.style == "layout":
        editing.changed.unknown.append(Unknown(said, (), used=False))
    else:
        _add(editing, said, degree)
        editing.changed.unknown.append(Unknown(said, (), used=True))


def _exchange(editing: _Editing, written: str) -> bool:
    """One thing put in the place of another; False where the prompt does not name that one."""
    if editing.meaning.style == "layout":
        return False
    for pattern in EXCHANGES:
        said = pattern.fullmatch(written.strip())
        if said is None:
            continue
        old, new = (_bare(said[part], editing.meaning) for part in ("old", "new"))
        before = editing.changed.prompt
        if old and new:
            _replace(editing, old, new)
        if editing.changed.prompt != before:
            return True
    return False


def _bare(words: str, meaning: Meaning) -> str:
    """``words`` without what only leads up to them: "make it", "the"."""
    left = words.split()
    while left and left[0].lower() in {*meaning.fillers, "a", "an", "the"}:
        left.pop(0)
    return " ".join(left)


def _degree(words: str, meaning: Meaning) -> tuple[str, float]:
    for phrase in sorted(meaning.degrees, key=len, reverse=True):
        if f" {phrase} " in f" {words} " and words not in meaning.phrases:
            rest = f" {words} ".replace(f" {phrase} ", " ", 1)
            return rest.strip(), meaning.degrees[phrase]
    return words, 1.0


def _act(editing: _Editing, phrase: str, action: Action, degree: float) -> None:
    for old, new in action.replace.items():
        _replace(editing, old, new)
    for words in action.remove:
        _remove(editing, words)
    for words in action.add:
        _add(editing, words, degree)
    for words in action.avoid:
        _avoid(editing, words, only=not (action.add or action.remove or action.settings))
    moved(editing.changed, phrase, action, editing.meaning, degree)


def _amount(editing: _Editing, sign: str, thing: str, degree: float) -> bool:
    """More, less or none of a thing that no phrase names; False where that is not possible."""
    if editing.meaning.style == "layout":
        return False
    if sign in ("more", "add", "with"):
        _add(editing, thing, degree)
        return True
    before = editing.changed.prompt
    if sign in ("less", "fewer") and editing.ways.weights:
        piece = pieces.find(before, thing, editing.ways.notation)
        if piece is not None:
            _weigh(editing, piece, -degree)
            return True
    if editing.meaning.style == "tags" or sign not in ("less", "fewer"):
        _remove(editing, thing)
    _avoid(editing, thing, only=editing.changed.prompt == before)
    return True


def _add(editing: _Editing, words: str, degree: float) -> None:
    changed, notation = editing.changed, editing.ways.notation
    if editing.meaning.style == "prose":
        if words.lower().rstrip(".") in changed.prompt.lower():
            editing.say(f"'{words}' was there already")
            return
        body = changed.prompt.rstrip()
        sentence = words if words.endswith(".") else f"{words[:1].upper()}{words[1:]}."
        stop = "" if not body or body.endswith((".", "!", "?", '"', "”")) else "."
        changed.prompt = f"{body}{stop} {sentence}".lstrip()
        editing.say(f"added '{sentence}'")
        return
    piece = pieces.find(changed.prompt, words, notation)
    if piece is None:
        changed.prompt = pieces.append(changed.prompt, words, notation)
        editing.say(f"added {words}")
    elif editing.ways.weights:
        _weigh(editing, piece, degree)
    else:
        editing.say(f"{words} was there already")


def _weigh(editing: _Editing, piece: pieces.Piece, degree: float) -> None:
    limit = editing.meaning.limits["weight"]
    wanted = round(piece.weight + limit.step * degree, 3)
    weight = min(max(wanted, limit.least), limit.most)
    if weight == piece.weight:
        editing.say(f"{piece.words} stays at {format_weight(weight)}: further distorts the picture")
        return
    editing.changed.prompt = pieces.reweigh(
        editing.changed.prompt, piece, weight, editing.ways.notation
    )
    editing.say(f"{piece.words}: {format_weight(piece.weight)} -> {format_weight(weight)}")


def _remove(editing: _Editing, words: str) -> None:
    changed = editing.changed
    after = pieces.remove(changed.prompt, words, editing.ways.notation)
    if after != changed.prompt:
        changed.prompt = after
        editing.say(f"removed {words}")


def _replace(editing: _Editing, old: str, new: str) -> None:
    pattern = re.compile(rf"(?<![\w-]){re.escape(old)}(?![\w-])", re.IGNORECASE)
    changed = editing.changed
    if pattern.search(changed.prompt):
        # As it is written: a backslash of a person is no reference to a group.
        changed.prompt = pattern.sub(lambda _: new, changed.prompt)
        editing.say(f"{old} -> {new}")


def _avoid(editing: _Editing, words: str, *, only: bool) -> None:
    """Put ``words`` into the negative; ``only`` says that nothing else carries the wish."""
    changed = editing.changed
    if not editing.ways.negative:
        if only:
            editing.say(
                f"'{words}' could not be ruled out: this model reads no negative prompt; say what "
                "should be there instead"
            )
        return
    if pieces.find(changed.negative, words, editing.ways.notation) is None:
        changed.negative = pieces.append(changed.negative, words, editing.ways.notation)
        editing.say(f"added to the negative: {words}")
