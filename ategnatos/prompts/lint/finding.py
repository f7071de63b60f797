"""What the linter is given and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ategnatos.knowledge.prompt_rules import rules
from ategnatos.prompts.manner import Manner
from ategnatos.prompts.tree import Prompt


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth saying.

    ``start`` and ``end`` are characters of the text that ``where`` names: prompt or negative.
    ``means`` says what it does to the picture, ``edit`` what to do. ``replacement`` is the exact
    text for that place where there is one.
    """

    code: str
    severity: str
    where: str
    start: int
    end: int
    means: str
    edit: str
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """A chosen LoRA and the words it listens to."""

    lora: str
    words: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at. ``text`` is read as ``prompt``; ``where`` is prompt or negative.

    ``count`` gives the tokens of a text, and is None where no tokenizer of the model is at hand.
    ``limit`` is the number of tokens after which the rest is cut off, where the model cuts.
    ``forbidden`` are words of the eye's hard limits.
    """

    text: str
    prompt: Prompt
    manner: Manner
    where: str = "prompt"
    negative: str = ""
    triggers: tuple[Trigger, ...] = ()
    forbidden: tuple[str, ...] = ()
    count: Callable[[str], int] | None = None
    limit: int | None = None


Check = Callable[[Subject], Iterator[Finding]]


def finding(
    subject: Subject,
    code: str,
    start: int,
    end: int,
    replacement: str | None = None,
    **values: object,
) -> Finding:
    """A finding in the words of the data file."""
    rule = rules()[code]
    filled = {"model": subject.manner.model, **values}
    return Finding(
        code,
        rule.severity,
        subject.where,
        start,
        end,
        _sentence(rule.means.format(**filled)),
        _sentence(rule.edit.format(**filled)),
        replacement,
    )


def _sentence(text: str) -> str:
    """With a capital, also where the model's own name begins it ("the starter model")."""
    return f"{text[:1].upper()}{text[1:]}" if text[:4] == "the " else text
