"""A prompt of one notation in another, with what was lost said.

The words and their effective weights stay. What a number does differs, and no formula mends
that: A1111 scales each word's vectors and then brings the mean of the whole prompt back to what
it was; ComfyUI moves each word's vectors along the line from the empty prompt and rescales
nothing. So the same number is not the same strength, and a note says so wherever a weight is
left. Sources: A1111 ``modules/sd_hijack_clip.py`` ("original_mean"), ComfyUI
``comfy/sd1_clip.py``; both described side by side in BlenderNeko/ComfyUI_ADV_CLIP_emb.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from ategnatos.prompts.tree import (
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
    escape,
)
from ategnatos.prompts.weights import Run, runs

NORMALISATION = (
    "The numbers are kept, their strength is not: A1111 brings the mean of the whole prompt back "
    "after weighing, ComfyUI does not. Expect weights above 1 to act more strongly in ComfyUI, "
    "and look at the result."
)
_NEAR = 5e-4


@dataclass(frozen=True, slots=True)
class Converted:
    """The text in the other notation, and what a person should know about it."""

    text: str
    notes: tuple[str, ...]


def convert(prompt: Prompt, target: Notation, *, embeddings: Collection[str] = ()) -> Converted:
    """``prompt`` in ``target``.

    ``embeddings`` are names that A1111 reads as files though they look like words. A text of one
    leaf after another is written, brackets of equal weight joined, numbers to three places.
    """
    notes: list[str] = []
    flat = _without_switches(prompt, notes)
    pieces: list[tuple[str, float]] = []
    left_out = False
    for run in runs(flat):
        written = _written(run, prompt.notation, target, embeddings, notes)
        weight = 1.0 if target is Notation.PROSE else run.weight
        if isinstance(run.node, Extra | Embedding | Keyword) and written in ("", ","):
            left_out = True
        if written and pieces and abs(pieces[-1][1] - weight) < _NEAR:
            pieces[-1] = (pieces[-1][0] + written, pieces[-1][1])
        elif written:
            pieces.append((written, weight))
    weighted = any(abs(run.weight - 1) >= _NEAR for run in runs(flat))
    if weighted and target is Notation.PROSE:
        notes.append(
            "Weights were left out: this notation has none. Say the important thing first."
        )
    elif weighted and prompt.notation is not target:
        notes.append(NORMALISATION)
    text = "".join(_weighed(text, weight) for text, weight in pieces)
    if left_out:
        # What was left out leaves its commas and blanks behind.
        text = ", ".join(filter(None, (piece.strip() for piece in text.split(","))))
    return Converted(text, tuple(dict.fromkeys(notes)))


def _weighed(text: str, weight: float) -> str:
    if abs(weight - 1) < _NEAR or not text.strip():
        return text
    core = text.strip()
    lead = text[: len(text) - len(text.lstrip())]
    tail = text[len(text.rstrip()) :]
    return f"{lead}({core}:{format_weight(weight)}){tail}"


def format_weight(weight: float) -> str:
    """A weight as people write it: at most three decimals, none where it is whole."""
    return f"{round(weight, 3):g}" if abs(weight) < 1e5 else f"{weight:.0f}"


def _without_switches(prompt: Prompt, notes: list[str]) -> Prompt:
    """The prompt with each switch as its last (change) or first (turns) option.

    Both notations could only keep a switch as itself, and only A1111 acts on one.
    """
    return Prompt(_chosen(prompt.parts, notes), prompt.notation)


def _chosen(parts: tuple[Node, ...], notes: list[str]) -> tuple[Node, ...]:
    found: list[Node] = []
    for node in parts:
        if isinstance(node, Switch):
            options = node.options[:1] if node.when is None else node.options[-1:]
            kind = "takes turns" if node.when is None else "changes while sampling"
            notes.append(f"A switch that {kind} works in A1111 alone; one of its options was kept.")
            for option in options:
                found += _chosen(option, notes)
        elif isinstance(node, Group):
            inner = _chosen(node.parts, notes)
            found.append(Group(node.opening, inner, node.written, node.closed))
        else:
            found.append(node)
    return tuple(found)


def _written(
    run: Run,
    source: Notation,
    target: Notation,
    embeddings: Collection[str],
    notes: list[str],
) -> str:
    """One leaf as ``target`` writes it; empty where it is left out."""
    node = run.node
    if isinstance(node, Extra):
        if target is Notation.A1111:
            return node.raw
        notes.append(f"{node.raw} was left out: here a LoRA is a part of the request (--lora).")
        return ""
    if isinstance(node, Embedding):
        if target is Notation.PROSE:
            notes.append(f"The embedding {node.name!r} was left out: this notation has none.")
            return ""
        return node.raw if target is Notation.COMFYUI else node.name
    if isinstance(node, Keyword) and target is not Notation.A1111:
        notes.append(
            f"{node.raw} was left out: outside A1111 it is a word like any other. In ComfyUI two "
            "text nodes and a node that joins them do the same."
        )
        return ","
    if isinstance(node, Choice | Keyword):
        return node.raw
    if isinstance(node, Quoted):
        return escape(node.raw, target)
    written = escape(run.text, target)
    if source is Notation.A1111 and target is Notation.COMFYUI:
        for name in embeddings:
            written = re.sub(
                rf"(?<!\w){re.escape(name)}(?!\w)", lambda m: f"embedding:{m[0]}", written
            )
    return written
