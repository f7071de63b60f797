"""The grid of pixel art, and decoding no more of a picture than is shown."""

from __future__ import annotations

from functools import reduce
from math import gcd
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ategnatos.pictures.decode import decode_picture, stated_size
from ategnatos.pictures.resize import pixel_grid
from ategnatos.pictures.sheet import SheetItem, contact_sheet


def by_definition(pixels: np.ndarray[Any, Any]) -> int:
    """The greatest common divisor of the sides and of every place where a line changes."""
    rows = [y for y in range(1, len(pixels)) if (pixels[y] != pixels[y - 1]).any()]
    columns = [x for x in range(1, pixels.shape[1]) if (pixels[:, x] != pixels[:, x - 1]).any()]
    if not (rows or columns):
        return 1
    return reduce(gcd, [*rows, *columns, *pixels.shape[:2]])


@given(
    across=st.integers(1, 9),
    down=st.integers(1, 30),
    scale=st.integers(1, 9),
    colours=st.integers(1, 3),
    seed=st.integers(0, 10_000),
    band=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_the_grid_is_the_one_of_its_definition(
    across: int, down: int, scale: int, colours: int, seed: int, band: bool
) -> None:
    random = np.random.default_rng(seed)
    art = random.integers(0, colours, (down, across, 1), np.uint8).repeat(3, 2) * 90
    if band:
        # A flat top, so that nothing shows in the first rows.
        art[: down - 1] = 0
    pixels = art.repeat(scale, 0).repeat(scale, 1)
    found = pixel_grid(Image.fromarray(pixels))
    assert found.scale == by_definition(pixels)


def test_a_jpeg_is_decoded_no_larger_than_needed(samples: Any) -> None:
    data = samples.encoded(samples.photo(800, 600), "JPEG")
    assert decode_picture(data).image.size == (800, 600)
    assert decode_picture(data, enough=150).image.size == (200, 150)
    assert decode_picture(data, enough=700).image.size == (800, 600)


def test_a_header_tells_the_size_or_nothing(samples: Any) -> None:
    assert stated_size(samples.encoded(samples.photo(30, 20))) == (30, 20)
    assert stated_size(b"no picture") == (1, 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_many_large_pictures_look_on_a_sheet_as_they_are(samples: Any, kind: str) -> None:
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (220, 220, 40)] * 4
    items = [
        SheetItem(samples.encoded(Image.new("RGB", (600, 600), colour), kind), f"#{number}")
        for number, colour in enumerate(colours, 1)
    ]
    pixels = samples.pixels(contact_sheet(items, title="t"))[..., :3].astype(int)
    for colour in set(colours):
        close = (abs(pixels - np.array(colour)).max(axis=2) <= 6).sum()
        assert close > 4 * 200 * 200
