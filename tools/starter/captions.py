"""Captions: what a sprite is, said in many ways, and which combinations are never trained on."""

from __future__ import annotations

import hashlib
import string
from dataclasses import dataclass

from .sprites.chance import Chance
from .sprites.sprite import Look
from .words import Words

STYLES = ("outlined", "shiny", "flat")
HELD_OUT_SHARE = 0.10


@dataclass(frozen=True)
class Fact:
    """What one caption says; None where it keeps silent."""

    kind: str | None
    colour: str | None
    size: str | None
    styles: tuple[str, ...]


def styles_of(look: Look) -> tuple[str, ...]:
    """Return the style words that `look` shows."""
    return tuple(style for style in STYLES if getattr(look, style))


def held_out(kind: str, colour: str, styles: tuple[str, ...]) -> bool:
    """Tell whether a combination is kept from training; depends on its names alone."""
    digest = hashlib.sha256("|".join((kind, colour, *styles)).encode()).digest()
    return digest[0] < 256 * HELD_OUT_SHARE


class Captioner:
    """Writes captions with synonyms, changing word order, fillers and nonsense words.

    Size and style are always said when they are there, so that a prompt without them means the
    plain look; kind or colour may be left out, so that either word works alone.
    """

    def __init__(self, words: Words) -> None:
        self.words = words

    def write(self, look: Look, colour: str, chance: Chance) -> tuple[str, Fact]:
        """Return a caption of `look` in `colour` and what it says."""
        silent = chance.pick(["kind"] * 4 + ["colour"] * 6 + ["nothing"] * 90)
        fact = Fact(
            kind=None if silent == "kind" else look.kind,
            colour=None if silent == "colour" else colour,
            size=look.size,
            styles=styles_of(look),
        )
        return self.say(fact, chance), fact

    def say(self, fact: Fact, chance: Chance) -> str:
        """Put `fact` into words."""
        words = self.words
        noun = [chance.pick(words.kinds[fact.kind])] if fact.kind else []
        colour = [self.common(words.colours[fact.colour], chance)] if fact.colour else []
        size = [self.common(words.sizes[fact.size], chance)] if fact.size else []
        styles = [self.common(words.styles[style], chance) for style in fact.styles]
        if len(styles) > 1 and chance.flip():
            styles.reverse()
        article = chance.pick([["a"], ["a"], ["the"], ["one"], [], [], []])
        form = chance.pick(["plain"] * 4 + ["tail"] * 3 + ["tags"] * 2 + ["in", "shuffled"])
        if form == "plain":
            front = [*size, *styles] if chance.flip() else [*styles, *size]
            phrases = [[*article, *front, *colour, *noun]]
        elif form == "tail":
            phrases = [
                [*article, *colour, *noun],
                *([word] for word in self.mix([*styles, *size], chance)),
            ]
        elif form == "tags":
            phrases = [[word] for word in self.mix([*noun, *colour, *size, *styles], chance)]
        elif form == "in":
            phrases = [[*article, *size, *styles, *noun, *(["in", *colour] if colour else [])]]
        else:
            phrases = [self.mix([*noun, *colour, *size, *styles], chance)]
        return self.dress([phrase for phrase in phrases if phrase], chance)

    def dress(self, phrases: list[list[str]], chance: Chance) -> str:
        """Add fillers and nonsense words, and join."""
        if chance.flip(0.35):
            filler = chance.pick(
                [
                    ["pixel", "art"],
                    ["pixel", "art", "sprite"],
                    ["sprite"],
                    ["game", "icon"],
                    ["masterpiece"],
                    ["best", "quality"],
                    ["transparent", "background"],
                    [chance.pick(self.words.fillers)],
                ]
            )
            phrases.insert(chance.pick([0, len(phrases), len(phrases)]), filler)
        if phrases and chance.flip(0.12):
            phrase = chance.pick(phrases)
            phrase.insert(chance.pick(range(len(phrase) + 1)), chance.pick(self.words.fillers))
        if chance.flip(0.08):
            letters = chance.pick(range(2, 8))
            nonsense = "".join(chance.pick(string.ascii_lowercase) for _ in range(letters))
            phrases.insert(chance.pick(range(len(phrases) + 1)), [nonsense])
        mark = chance.pick([", ", ", ", " "])
        return mark.join(" ".join(phrase) for phrase in phrases)

    @staticmethod
    def common(options: list[str], chance: Chance) -> str:
        """Return the first of `options` in half of the cases, else any of them."""
        return options[0] if chance.flip() else chance.pick(options)

    @staticmethod
    def mix(items: list[str], chance: Chance) -> list[str]:
        """Return `items` in random order."""
        return [items[place] for place in chance.generator.permutation(len(items))]
