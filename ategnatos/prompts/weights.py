"""How much each word counts, as the program that reads the notation reckons it.

A1111 multiplies numbers that lie in one another; in ComfyUI an inner number replaces the outer
one, and only brackets without a number multiply. Sources: A1111's ``modules/prompt_parser.py``
(the examples in its docstring are in our tests) and ComfyUI's ``comfy/sd1_clip.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ategnatos.prompts.tree import STEP, Group, Node, Notation, Prompt, Switch, meaning, spell


@dataclass(frozen=True, slots=True)
class Run:
    """A leaf with its effective weight; ``text`` is what it means, place in the printed text."""

    node: Node
    text: str
    weight: float
    start: int
    end: int


def runs(prompt: Prompt) -> Iterator[Run]:
    """Every leaf in order. Each option of a switch is given, one after the other."""
    yield from _runs(prompt.parts, prompt.notation, 1.0, 0)


def _runs(parts: tuple[Node, ...], notation: Notation, weight: float, start: int) -> Iterator[Run]:
    for node in parts:
        length = len(spell(node))
        if isinstance(node, Group):
            yield from _runs(node.parts, notation, _within(node, notation, weight), start + 1)
        elif isinstance(node, Switch):
            inner = start + 1
            for option in node.options:
                yield from _runs(option, notation, weight, inner)
                inner += sum(len(spell(one)) for one in option) + 1
        else:
            yield Run(node, meaning(node.raw, notation), weight, start, start + length)
        start += length


def _within(group: Group, notation: Notation, outer: float) -> float:
    number = group.number
    if notation is Notation.A1111:
        if group.opening == "[":
            return outer / STEP
        return outer * (STEP if number is None else number)
    if not group.closed:
        return outer  # ComfyUI reads a bracket that nothing closes as a character
    return outer * STEP if number is None else number
