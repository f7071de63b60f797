"""A keyword prompt as the pieces between its commas: find one, take it out, weigh it anew.

Commas inside brackets belong to their piece, so ``(red, blue:1.2)`` is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ategnatos.prompts.convert import format_weight
from ategnatos.prompts.reading import read
from ategnatos.prompts.tree import (
    Extra,
    Group,
    Keyword,
    Node,
    Notation,
    Prompt,
    Text,
    escape,
    spell,
)
from ategnatos.prompts.weights import runs


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two commas: ``start`` to ``end`` in the prompt, blanks left out.

    ``words`` are its words without brackets and weights, in lower case.
    """

    start: int
    end: int
    words: str
    weight: float


# Every check of a prompt asks for its pieces.
@lru_cache(maxsize=8)
def pieces(text: str, notation: Notation) -> tuple[Piece, ...]:
    """The pieces of ``text`` that hold words, in order."""
    prompt = read(text, notation)
    edges = [0]
    at = 0
    for node in _opened(prompt.parts):
        raw = spell(node)
        if isinstance(node, Text):
            for comma in re.finditer(r"[,\n]", raw):
                edges += [at + comma.start(), at + comma.end()]
        elif isinstance(node, Extra | Keyword):
            edges += [at, at + len(raw)]
        at += len(raw)
    edges.append(at)
    found = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        raw = text[start:end]
        lead = len(raw) - len(raw.lstrip())
        inner = read(raw.strip(), notation)
        words = " ".join("".join(run.text for run in runs(inner)).split()).lower()
        if words:
            weights = {run.weight for run in runs(inner) if run.text.strip()}
            weight = weights.pop() if len(weights) == 1 else 1.0
            found.append(Piece(start + lead, start + len(raw.rstrip()), words, weight))
    return tuple(found)


def _opened(parts: tuple[Node, ...]) -> Iterator[Node]:
    """The parts, with a bracket that nothing closes as the character it is."""
    for node in parts:
        if isinstance(node, Group) and not node.closed:
            yield Text(node.opening)
            yield from _opened(node.parts)
        else:
            yield node


def find(text: str, words: str, notation: Notation) -> Piece | None:
    """The piece that says ``words`` and nothing else."""
    wanted = " ".join(words.lower().split())
    return next((one for one in pieces(text, notation) if one.words == wanted), None)


def append(text: str, words: str, notation: Notation) -> str:
    """``text`` with one more piece at its end."""
    body = text.rstrip(" ,\n")
    added = escape(words, notation)
    return f"{body}, {added}" if body else added


def remove(text: str, words: str, notation: Notation) -> str:
    """``text`` without ``words``: the whole piece, or the words inside a longer one."""
    piece = find(text, words, notation)
    if piece is not None:
        before, after = text[: piece.start].rstrip(), text[piece.end :].lstrip()
        if after.startswith(","):
            after = after[1:].lstrip()
        elif before.endswith(","):
            before = before[:-1]
        joint = " " if before and after and not after.startswith(")") else ""
        return f"{before}{joint}{after}"
    pattern = re.compile(rf"(?<![\w-]){re.escape(words)}(?![\w-])[ \t]*", re.IGNORECASE)
    return pattern.sub("", text, count=1).rstrip() if pattern.search(text) else text


def reweigh(text: str, piece: Piece, weight: float, notation: Notation) -> str:
    """``text`` with ``piece`` at ``weight``; brackets that weighed all of it are replaced."""
    raw = text[piece.start : piece.end]
    prompt = read(raw, notation)
    while len(prompt.parts) == 1 and isinstance(prompt.parts[0], Group):
        prompt = Prompt(prompt.parts[0].parts, notation)
    inner = str(prompt)
    written = inner if abs(weight - 1) < 5e-4 else f"({inner}:{format_weight(weight)})"
    return f"{text[: piece.start]}{written}{text[piece.end :]}"
