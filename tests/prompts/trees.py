"""Prompts as hypothesis makes them: trees of every notation in their normal form."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from ategnatos.prompts.reading import read
from ategnatos.prompts.tree import (
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
    escape,
)

# No braces and no quotation marks: they pair across the texts of a tree.
LETTERS = "ab cé,.-:|()[]\\'<>0123456789\n猫"
SOUP = st.lists(
    st.sampled_from([*"()[]{}:|\\<>,.\"' 019ab_“”", "BREAK", "AND", "<lora:", "embedding:", "__"]),
    max_size=40,
).map("".join)


def _texts(notation: Notation) -> st.SearchStrategy[Text]:
    """Texts that read back as one text: the signs of larger notation are escaped or left out."""

    def plain(words: str) -> bool:
        written = escape(words, notation)
        parts = read(written, notation).parts
        # One that ends in a backslash would escape whatever closes the group around it.
        return len(parts) == 1 and isinstance(parts[0], Text) and not written.endswith("\\")

    words = st.text(st.sampled_from(LETTERS), min_size=1, max_size=12)
    return words.filter(plain).map(lambda text: Text(escape(text, notation)))


WEIGHTS = st.sampled_from(["1.2", " 0.8 ", "1.10", "-1", ".5", "2.", "+1.05"])


def _leaves(notation: Notation) -> st.SearchStrategy[Node]:
    choices: list[st.SearchStrategy[Node]] = [
        _texts(notation),
        st.sampled_from(["{red|blue}", "{a {b|c}|(d:1.2)}", "__animal/cat__"]).map(Choice),
    ]
    if notation is Notation.PROSE:
        choices.append(st.sampled_from(['"OPEN"', "“Bar: 1”"]).map(Quoted))
    else:
        choices.append(st.sampled_from(["<lora:owl:0.8>", "<lyco:a b:1:0.5>"]).map(Extra))
        choices.append(st.sampled_from(["BREAK", "AND"]).map(Keyword))
    if notation is Notation.COMFYUI:
        choices.append(st.sampled_from(["embedding:bad/hands"]).map(Embedding))
    return st.one_of(choices)


def _normal(parts: list[Node]) -> tuple[Node, ...]:
    """Neighbouring texts joined, and a blank between what would run together."""
    found: list[Node] = []
    for part in parts:
        if found and not isinstance(part, Text) and not isinstance(found[-1], Text):
            found.append(Text(" "))
        if found and isinstance(part, Text) and isinstance(found[-1], Text):
            found[-1] = Text(f"{found[-1].raw} {part.raw}")
        elif found and isinstance(part, Text):
            found.append(Text(f" {part.raw}"))
        elif found and isinstance(found[-1], Text):
            found[-1] = Text(f"{found[-1].raw} ")
            found.append(part)
        else:
            found.append(part)
    return tuple(found)


def _bare(option: tuple[Node, ...]) -> bool:
    """Whether an option of a switch holds no sign of a switch outside inner brackets."""
    return not any(isinstance(one, Text) and re.search(r"[:|]", one.raw) for one in option)


def _groups(notation: Notation, inner: Any) -> st.SearchStrategy[Node]:
    parts = st.lists(inner, min_size=1, max_size=3).map(_normal)

    def weighs_nothing(group: Group) -> bool:
        last = group.parts[-1] if group.parts else None
        return not (isinstance(last, Text) and re.search(rf":\s*{NUMBER}\s*$", last.raw))

    found = [
        st.builds(lambda p: Group("(", p), parts).filter(weighs_nothing),
        st.builds(lambda p, w: Group("(", p, w), parts, WEIGHTS),
    ]
    if notation is Notation.A1111:
        lowered = st.builds(lambda p: Group("[", p), parts)
        found.append(lowered.filter(lambda group: _bare(group.parts)))
        option = parts.filter(_bare)
        found.append(st.builds(lambda a, b: Switch((a, b)), option, option))
        found.append(st.builds(lambda a, b: Switch((a, b), "0.5"), option, option))
    return st.one_of(found)


def _prompts(notation: Notation) -> st.SearchStrategy[Prompt]:
    nodes: Any = _leaves(notation)
    if notation is not Notation.PROSE:
        nodes = st.recursive(nodes, lambda inner: _groups(notation, inner), max_leaves=8)
    return st.lists(nodes, max_size=5).map(lambda parts: Prompt(_normal(parts), notation))


PROMPTS = st.sampled_from(list(Notation)).flatmap(_prompts)
