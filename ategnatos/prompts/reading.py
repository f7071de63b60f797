"""Read a prompt into its tree. Every text has one: what is no notation is text.

One pass of a tokenizer without backtracking, then one pass with a stack: time grows with the
length of the text and not with how hostile it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ategnatos.prompts.tree import (
    DEEPEST,
    NUMBER,
    Choice,
    Embedding,
    Extra,
    Group,
    Keyword,
    Node,
    Notation,
    Prompt,
    Quoted,
    Switch,
    Text,
)

_EXTRA = r"(?P<extra><(?:lora|lyco|hypernet):[^<>\n]*>)"
_WILDCARD = r"(?P<choice>__[A-Za-z0-9*/-]+(?:_[A-Za-z0-9*/-]+)*__)"
_REST = r"(?P<brace>[{}])|(?P<word>\w+)|(?P<text>\s+|.)"
_WEIGHT = rf"(?P<weight>:\s*{NUMBER}\s*\))"
_TOKENS = {
    Notation.A1111: re.compile(
        rf"(?P<escape>\\.)|{_EXTRA}|{_WILDCARD}|{_WEIGHT}|(?P<open>[(\[])|(?P<close>[)\]])"
        rf"|(?P<sign>[:|])|{_REST}",
        re.DOTALL,
    ),
    Notation.COMFYUI: re.compile(
        rf"(?P<escape>\\[()])|{_EXTRA}|{_WILDCARD}|{_WEIGHT}|(?P<open>\()|(?P<close>\))"
        rf"|(?P<embedding>\bembedding:(?:[^\s,():\\]|\\(?![()]))+)|{_REST}",
        re.DOTALL,
    ),
    Notation.PROSE: re.compile(
        rf"(?P<quoted>\"[^\"\n]*\"|“[^“”\n]*”)|{_WILDCARD}|{_REST}", re.DOTALL
    ),
}
_KEYWORDS = frozenset({"BREAK", "AND"})
_WHEN = re.compile(r"\s*(?:\d+\.?\d*|\.\d+)\s*")
_MATCHING = {")": "(", "]": "["}
_LEAVES: dict[str, type[Extra] | type[Embedding] | type[Choice] | type[Quoted]] = {
    "extra": Extra,
    "embedding": Embedding,
    "choice": Choice,
    "quoted": Quoted,
}


@dataclass(frozen=True, slots=True)
class _Sign:
    """A colon or bar in square brackets: perhaps a switch, known at the closing bracket."""

    raw: str


@dataclass(slots=True)
class _Frame:
    """An open bracket and what was read since."""

    opening: str
    parts: list[Node | _Sign] = field(default_factory=list)

    def add(self, part: Node | _Sign) -> None:
        last = self.parts[-1] if self.parts else None
        if isinstance(part, Text) and isinstance(last, Text):
            self.parts[-1] = Text(last.raw + part.raw)
        else:
            self.parts.append(part)


def read(text: str, notation: Notation) -> Prompt:
    """The tree of ``text``; never fails, and ``str`` of it is ``text`` again."""
    tokens = [(str(match.lastgroup), match.group()) for match in _TOKENS[notation].finditer(text)]
    frames = [_Frame("")]
    too_deep = 0
    written: list[str] = []

    def flush() -> None:
        if written:
            frames[-1].add(Text("".join(written)))
            written.clear()

    for kind, raw in _with_choices(tokens):
        if kind == "open" and len(frames) <= DEEPEST:
            flush()
            frames.append(_Frame(raw))
        elif kind == "open":
            too_deep += 1
            written.append(raw)
        elif kind in ("close", "weight") and too_deep:
            too_deep -= 1
            written.append(raw)
        elif kind in ("close", "weight") and frames[-1].opening == _MATCHING[raw[-1]]:
            flush()
            frame = frames.pop()
            frames[-1].add(_closed(frame, raw[1:-1] if kind == "weight" else None))
        elif kind == "sign" and frames[-1].opening == "[":
            flush()
            frames[-1].add(_Sign(raw))
        elif kind == "word" and raw in _KEYWORDS and notation is not Notation.PROSE:
            flush()
            frames[-1].add(Keyword(raw))
        elif kind in _LEAVES:
            flush()
            frames[-1].add(_LEAVES[kind](raw))
        else:
            written.append(raw)
    flush()
    while len(frames) > 1:
        frame = frames.pop()
        frames[-1].add(Group(frame.opening, _plain(frame.parts), closed=False))
    return Prompt(_plain(frames[0].parts), notation)


def _with_choices(tokens: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The tokens, ``{...}`` made one; a brace without its partner is text.

    Whether a brace has a partner is settled for all in one pass; only outermost pairs count.
    """
    partner: dict[int, int] = {}
    waiting: list[int] = []
    for place, (kind, raw) in enumerate(tokens):
        if kind == "brace" and raw == "{":
            waiting.append(place)
        elif kind == "brace" and waiting:
            partner[waiting.pop()] = place
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(tokens):
        kind, raw = tokens[place]
        end = partner.get(place)
        if end is not None:
            found.append(("choice", "".join(raw for _, raw in tokens[place : end + 1])))
            place = end
        else:
            found.append(("text" if kind == "brace" else kind, raw))
        place += 1
    return found


def _closed(frame: _Frame, written: str | None) -> Node:
    if frame.opening == "[":
        switch = _switch(frame.parts)
        if switch is not None:
            return switch
    return Group(frame.opening, _plain(frame.parts), written)


def _switch(parts: list[Node | _Sign]) -> Switch | None:
    """The switch that square brackets hold, or None where they only lower the weight."""
    signs = [part.raw for part in parts if isinstance(part, _Sign)]
    if "|" in signs:
        return Switch(_options(parts, "|"))
    if len(signs) not in (1, 2):
        return None
    *options, last = _options(parts, ":")
    if len(last) != 1 or not isinstance(last[0], Text) or not _WHEN.fullmatch(last[0].raw):
        return None
    return Switch(tuple(options), last[0].raw)


def _options(parts: list[Node | _Sign], sign: str) -> tuple[tuple[Node, ...], ...]:
    options: list[list[Node | _Sign]] = [[]]
    for part in parts:
        if isinstance(part, _Sign) and part.raw == sign:
            options.append([])
        else:
            options[-1].append(part)
    return tuple(_plain(option) for option in options)


def _plain(parts: list[Node | _Sign]) -> tuple[Node, ...]:
    """The parts with every sign as the character it is, neighbouring texts joined."""
    found: list[Node] = []
    texts: list[str] = []
    for part in parts:
        if isinstance(part, Text | _Sign):
            texts.append(part.raw)
            continue
        if texts:
            found.append(Text("".join(texts)))
            texts = []
        found.append(part)
    if texts:
        found.append(Text("".join(texts)))
    return tuple(found)
