"""What changed between two prompts, word by word, with weights.

The words of both prompts are compared with the weight that each has. Put together again, the
pieces give every word of the one and of the other; nothing is summed up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from ategnatos.prompts.convert import format_weight
from ategnatos.prompts.reading import read
from ategnatos.prompts.tree import Notation
from ategnatos.prompts.weights import runs

_WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
# Comparing every word with every other is quadratic: above this the middle counts as replaced.
_MOST_PAIRS = 4_000_000


@dataclass(frozen=True, slots=True)
class Word:
    """A word or sign with its effective weight."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Difference:
    """``kind`` is same, added, removed or reweighted; a word has no weight where it is not."""

    kind: str
    text: str
    before: float | None
    after: float | None


def words(text: str, notation: Notation) -> list[Word]:
    """The words of a prompt in order, with their weights to three places."""
    return [
        Word(match.group(), round(run.weight, 3))
        for run in runs(read(text, notation))
        for match in _WORD.finditer(run.text)
    ]


def word_diff(before: str, after: str, notation: Notation) -> list[Difference]:
    """Every word of both prompts, in order."""
    old, new = words(before, notation), words(after, notation)
    found: list[Difference] = []
    for kind, i, j, k, m in _blocks([one.text for one in old], [one.text for one in new]):
        if kind == "equal":
            found += [
                Difference(
                    "same" if one.weight == other.weight else "reweighted",
                    one.text,
                    one.weight,
                    other.weight,
                )
                for one, other in zip(old[i:j], new[k:m], strict=True)
            ]
        else:
            found += [Difference("removed", one.text, one.weight, None) for one in old[i:j]]
            found += [Difference("added", one.text, None, one.weight) for one in new[k:m]]
    return found


def _blocks(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(left) * len(right) > _MOST_PAIRS:
        middle = [("replace", head, len(old) - tail, head, len(new) - tail)]
    else:
        matcher = SequenceMatcher(None, left, right, autojunk=False)
        middle = [
            (kind, i + head, j + head, k + head, m + head)
            for kind, i, j, k, m in matcher.get_opcodes()
        ]
    ends = ("equal", len(old) - tail, len(old), len(new) - tail, len(new))
    return [("equal", 0, head, 0, head), *middle, ends]


def marked(differences: list[Difference]) -> str:
    """Both prompts in one line: ``[-out-]``, ``{+in+}``, ``word(1 -> 1.15)``."""
    parts: list[str] = []
    for kind, group in _grouped(differences):
        text = ""
        for one in group:
            text += one.text if not text or _sign(one.text) else f" {one.text}"
        if kind == "reweighted":
            change = (
                f"{format_weight(group[0].before or 0)} -> {format_weight(group[0].after or 0)}"
            )
            text = f"{text}({change})"
        sign = _sign(text) and kind == "same"
        parts.append(("" if sign or not parts else " ") + _marked(kind, text))
    return "".join(parts)


def _grouped(differences: list[Difference]) -> list[tuple[str, list[Difference]]]:
    groups: list[tuple[str, list[Difference]]] = []
    for one in differences:
        last = groups[-1][1][-1] if groups else None
        alike = last is not None and last.kind == one.kind
        if last is not None and one.kind == "reweighted":
            alike = alike and (last.before, last.after) == (one.before, one.after)
        if alike:
            groups[-1][1].append(one)
        else:
            groups.append((one.kind, [one]))
    return groups


def _sign(text: str) -> bool:
    """Whether ``text`` begins with a sign that stands close to the word before it."""
    return text[0] in ",.;:!?)]}"


def _marked(kind: str, text: str) -> str:
    return {"added": f"{{+{text}+}}", "removed": f"[-{text}-]"}.get(kind, text)
