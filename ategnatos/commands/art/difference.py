"""What a variation changes, for a machine and for a person: words, weights, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ategnatos.art.vary import Variation
    from ategnatos.prompts.diff import Difference

# The marks of ategnatos.prompts.diff, and how a terminal shows them.
_STYLES = {
    r"\{\+.*?\+\}": "green",
    r"\[-.*?-\]": "red strike",
    r"\([-\d.]+ -> [-\d.]+\)": "yellow",
}


def facts(variation: Variation) -> dict[str, Any]:
    """The difference as JSON values; ``plain`` holds both prompts in one line."""
    return {
        "prompt": _words(variation.words),
        "negative": _words(variation.negative_words),
        "settings": [
            {"name": one.name, "before": one.before, "after": one.after}
            for one in variation.settings
        ],
        "not_understood": [
            {"said": one.said, "near": list(one.near), "words_added": one.used}
            for one in variation.unknown
        ],
    }


def draw(console: Console, difference: Mapping[str, Any]) -> None:
    """What changes, a line each; nothing for what stays. Coloured on a terminal."""
    for name in ("prompt", "negative"):
        if difference[name]["words"]:
            line = _styled(f"  {name}: {plain(difference[name]['plain'])}")
            console.print(line, soft_wrap=True)
    for one in difference["settings"]:
        before, after = (
            "none" if value is None else value for value in (one["before"], one["after"])
        )
        console.print(plain(f"  {one['name']}: {before} -> {after}"))


def coloured(lead: str, words: list[Difference]) -> Text:
    """Both prompts in one line after ``lead``, what changed in colour."""
    from ategnatos.prompts.diff import marked

    return _styled(plain(f"{lead}{marked(words)}"))


def _styled(text: str) -> Text:
    from rich.text import Text

    line = Text(text)
    for pattern, style in _STYLES.items():
        line.highlight_regex(pattern, style)
    return line


def _words(words: tuple[Difference, ...]) -> dict[str, Any]:
    from ategnatos.prompts.diff import marked

    return {
        "plain": marked(list(words)),
        "words": [
            {"change": one.kind, "word": one.text, "before": one.before, "after": one.after}
            for one in words
            if one.kind != "same"
        ],
    }
