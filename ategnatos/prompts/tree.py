"""A prompt as a tree that keeps every character: printing it gives back the text it came from.

Each node holds its own spelling (``1.20`` stays ``1.20``), so a tree has a place for every
character and a tool may change one part and leave the rest to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

# Deeper brackets are read as plain characters. 1.1 to the power of 64 is 445: no prompt means it.
DEEPEST = 64
STEP = 1.1  # what one pair of round brackets without a number does, in both notations

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"


class Notation(StrEnum):
    """Who reads the brackets.

    ``A1111``: round and square brackets, switches in square brackets, BREAK and AND.
    ``COMFYUI``: round brackets only; ``embedding:name``. ``PROSE``: nobody, all is text.
    """

    A1111 = "a1111"
    COMFYUI = "comfyui"
    PROSE = "prose"


@dataclass(frozen=True, slots=True)
class Text:
    """Characters as written, escapes included. Never empty, never beside another ``Text``."""

    raw: str


@dataclass(frozen=True, slots=True)
class Group:
    """``(parts)``, ``(parts:1.2)`` or ``[parts]``; ``opening`` is the bracket.

    ``written`` is what stands between the colon and the bracket, spaces included. ``closed`` is
    False for a bracket that nothing closes; it then reaches to the end.
    """

    opening: str
    parts: tuple[Node, ...]
    written: str | None = None
    closed: bool = True

    @property
    def number(self) -> float | None:
        """The weight as written, if one is."""
        return None if self.written is None else float(self.written)


@dataclass(frozen=True, slots=True)
class Switch:
    """``[cat:dog:0.5]`` (change while sampling) or ``[cat|dog]`` (take turns).

    ``when`` is the text after the last colon, and None for turns.
    """

    options: tuple[tuple[Node, ...], ...]
    when: str | None = None


@dataclass(frozen=True, slots=True)
class Extra:
    """``<lora:name:0.8>`` and its kin: not words, an order to the program."""

    raw: str

    @property
    def kind(self) -> str:
        """``lora``, ``lyco`` or ``hypernet``."""
        return self.raw[1:].partition(":")[0].lower()

    @property
    def name(self) -> str:
        """The file that is asked for."""
        return self.raw[1:-1].split(":")[1].strip()

    @property
    def weight(self) -> float | None:
        """The first number, or None where none is written or it is no number."""
        fields = self.raw[1:-1].split(":")
        if len(fields) < 3 or not re.fullmatch(rf"\s*{NUMBER}\s*", fields[2]):
            return None
        return float(fields[2])


@dataclass(frozen=True, slots=True)
class Embedding:
    """``embedding:name``: learned words of a file, as ComfyUI names them."""

    raw: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.raw.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Keyword:
    """``BREAK`` or ``AND``."""

    raw: str


@dataclass(frozen=True, slots=True)
class Choice:
    """``{red|blue}`` or ``__wildcard__``: kept as data, never chosen from here."""

    raw: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """``"OPEN"`` in prose: words to be drawn as letters."""

    raw: str


Node = Text | Group | Switch | Extra | Embedding | Keyword | Choice | Quoted


@dataclass(frozen=True, slots=True)
class Prompt:
    """A whole prompt in one notation."""

    parts: tuple[Node, ...]
    notation: Notation

    def __str__(self) -> str:
        return "".join(map(spell, self.parts))


@dataclass(frozen=True, slots=True)
class Place:
    """A node where it stands: ``start`` to ``end`` in the printed text, ``depth`` of brackets."""

    node: Node
    start: int
    end: int
    depth: int


def spell(node: Node) -> str:
    """The node as text."""
    if isinstance(node, Group):
        closing = {"(": ")", "[": "]"}[node.opening] if node.closed else ""
        number = "" if node.written is None else f":{node.written}"
        return f"{node.opening}{''.join(map(spell, node.parts))}{number}{closing}"
    if isinstance(node, Switch):
        sign = "|" if node.when is None else ":"
        inside = [*("".join(map(spell, option)) for option in node.options)]
        return f"[{sign.join([*inside, *([] if node.when is None else [node.when])])}]"
    return node.raw


def places(prompt: Prompt) -> Iterator[Place]:
    """Every node with its place, outer before inner, left to right."""
    yield from _places(prompt.parts, 0, 0)


def _places(parts: tuple[Node, ...], start: int, depth: int) -> Iterator[Place]:
    for node in parts:
        end = start + len(spell(node))
        yield Place(node, start, end, depth)
        if isinstance(node, Group):
            yield from _places(node.parts, start + 1, depth + 1)
        elif isinstance(node, Switch):
            inner = start + 1
            for option in node.options:
                yield from _places(option, inner, depth + 1)
                inner += sum(len(spell(one)) for one in option) + 1
        start = end


def meaning(raw: str, notation: Notation) -> str:
    """The characters that ``raw`` stands for: escapes taken off."""
    if notation is Notation.A1111:
        return re.sub(r"\\(.?)", r"\1", raw, flags=re.DOTALL)
    if notation is Notation.COMFYUI:
        return re.sub(r"\\([()])", r"\1", raw)
    return raw


def escape(text: str, notation: Notation) -> str:
    """``text`` so that every character of it is a plain one.

    A1111 has five signs to escape and ComfyUI two. ComfyUI cannot write a backslash before a
    round bracket; it has no escape for the backslash.
    """
    if notation is Notation.A1111:
        return re.sub(r"([\\()\[\]])", r"\\\1", text)
    if notation is Notation.COMFYUI:
        return re.sub(r"([()])", r"\\\1", text)
    return text
