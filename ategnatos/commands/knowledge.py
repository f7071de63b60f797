"""``ategnatos knowledge``: what the studio knows, with sources and dates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands import knowledge_families, knowledge_pages
from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.page import Line, Row, draw
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.knowledge.loader import DataFile
    from ategnatos.knowledge.words import StarterWords

app = room("What the studio knows: words, formats, facts with their sources.")
knowledge_families.register(app)
knowledge_pages.register(app)

EXAMPLE = "ategnatos art generate 'a big shiny blue gem, outlined'"


@command(app, "list", example="ategnatos knowledge list")
def list_files(call: Call) -> Answer:
    """Every data file: what it holds, when it was checked, and where it comes from."""
    from ategnatos.knowledge import loader

    found = [loader.read(name) for name in loader.names()]
    return Answer(
        {"files": [_head(one) | {"entries": one.entries} for one in found]},
        lambda console: draw(console, [_row(one, short=True) for one in found]),
        ("ategnatos knowledge words", f"ategnatos knowledge show {found[0].name}"),
    )


@command(app, "show", example="ategnatos knowledge show formats")
def show(
    call: Call,
    name: Annotated[
        str, typer.Argument(help="A file of 'knowledge list', or a page of 'knowledge pages'.")
    ],
) -> Answer:
    """One data file or one page, whole."""
    import json

    from ategnatos.knowledge import loader
    from ategnatos.knowledge.pages.page import is_page

    if "/" in name or (name not in loader.names() and is_page(name)):
        return _page(name)

    found = loader.read(name)
    content = json.dumps(found.content, indent=2, ensure_ascii=False)

    def words(console: Console) -> None:
        draw(console, [_row(found)])
        console.print()
        console.print(plain(content), soft_wrap=True)

    return Answer(_head(found) | {"content": found.content}, words)


def _page(name: str) -> Answer:
    """One page, whole."""
    from ategnatos.knowledge.pages.page import read

    found = read(name)
    return Answer(
        {"name": found.name, "title": found.title, "path": found.path, "text": found.text},
        lambda console: console.print(plain(found.text), soft_wrap=True),
    )


@command(app, "words", example="ategnatos knowledge words")
def words(call: Call) -> Answer:
    """The words that the starter model knows. It draws one thing at a time."""
    from ategnatos.knowledge.words import starter_words

    known = starter_words()
    return Answer(
        known.model_dump(mode="json"),
        lambda console: _draw_words(console, known),
        (EXAMPLE,),
    )


def _head(found: DataFile) -> dict[str, Any]:
    return {
        "name": found.name,
        "description": found.description,
        "date": found.date.isoformat(),
        "sources": list(found.sources),
    }


def _row(found: DataFile, *, short: bool = False) -> Row:
    first = found.description.partition(". ")[0].rstrip(".") + "."
    return Row(
        ((found.name, "bold"),),
        [
            Line(first if short else found.description),
            Line(f"{found.entries} entries, checked {found.date.isoformat()}", "dim"),
            *(Line(f"source: {source}", "dim") for source in found.sources),
        ],
    )


def _draw_words(console: Console, known: StarterWords) -> None:
    colours = {name: colour.words for name, colour in known.colours.items()}
    rows = [
        Row((("Things", "bold"),), [Line(_spelled(known.kinds))]),
        Row((("Colours", "bold"),), [Line(_spelled(colours))]),
        Row((("Sizes", "bold"),), [Line(f"{_spelled(known.sizes)}, or neither")]),
        Row((("Styles", "bold"),), [Line(_spelled(known.styles))]),
        Row((("No effect", "bold"),), [Line(", ".join(known.fillers), "dim")]),
    ]
    draw(console, rows)
    if console.color_system in {"256", "truecolor"}:
        _draw_colours(console, known)
    console.print()
    console.print(
        "Name one thing, and if you like a colour, a size and styles. In brackets: other words"
        " for the same. Any other word was never learned and is best left out."
    )


def _draw_colours(console: Console, known: StarterWords) -> None:
    """The five shades of each colour, as the pictures use them."""
    from rich.columns import Columns
    from rich.text import Text

    console.print()
    swatches = []
    for name, colour in known.colours.items():
        swatch = Text()
        for shade in colour.ramp:
            swatch.append("  ", style=f"on {shade}")
        swatches.append(swatch.append(f" {name}"))
    console.print(Columns(swatches, padding=(0, 2), equal=True))


def _spelled(table: dict[str, tuple[str, ...]]) -> str:
    """``sword (blade), axe (hatchet), tree``."""
    parts = []
    for word, spellings in table.items():
        others = [one for one in spellings if one != word]
        parts.append(f"{word} ({', '.join(others)})" if others else word)
    return ", ".join(parts)
