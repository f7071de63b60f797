"""Colours by name: what a person would call them, measured."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from ategnatos.knowledge.taste import knowledge
from ategnatos.pictures.palette import Palette, measure

NAMES = knowledge().palette


def palette(*colours: str, size: int = 60) -> Palette | None:
    image = Image.new("RGBA", (size * len(colours), size))
    for place, colour in enumerate(colours):
        image.paste(Image.new("RGBA", (size, size), colour), (place * size, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    return measure(out.getvalue(), NAMES)


@pytest.mark.parametrize(
    ("css", "name"),
    [
        ("red", "red"),
        ("crimson", "red"),
        ("orange", "orange"),
        ("gold", "yellow"),
        ("yellow", "yellow"),
        ("green", "green"),
        ("limegreen", "green"),
        ("teal", "teal"),
        ("turquoise", "teal"),
        ("blue", "blue"),
        ("navy", "blue"),
        ("purple", "purple"),
        ("orchid", "purple"),
        ("hotpink", "pink"),
        ("saddlebrown", "brown"),
        ("sienna", "brown"),
        ("white", "white"),
        ("gray", "gray"),
        ("black", "black"),
    ],
)
def test_a_colour_has_the_name_that_css_gives_it(css: str, name: str) -> None:
    found = palette(css)
    assert found is not None
    assert found.shares == {name: 1.0}


def test_shares_are_those_of_the_visible_area() -> None:
    found = palette("red", "blue", "blue", "#00000000")
    assert found is not None
    assert found.shares["blue"] == pytest.approx(2 / 3, abs=0.02)
    assert found.warmth == pytest.approx(1 / 3, abs=0.02)
    assert palette("#00000000") is None


def test_what_is_said_of_a_palette() -> None:
    for colours, said in {
        ("orange", "red", "black"): {"warm colours", "much orange", "much red", "much black"},
        ("navy", "teal"): {"cool colours", "much blue", "much teal"},
        ("white", "lightgray"): {"light colours", "muted colours"},
        ("#101018",): {"dark colours", "muted colours", "much black"},
    }.items():
        found = palette(*colours)
        assert found is not None
        assert said <= set(found.traits(NAMES)), colours


def test_a_large_picture_keeps_the_colours_that_are_there() -> None:
    found = palette("red", "lime", size=900)
    assert found is not None
    assert set(found.shares) == {"red", "green"}
