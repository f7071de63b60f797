"""Between 32x32 and the size that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.starter.canvas import (
    ByteArray,
    enlarge,
    mask_to_model,
    on_backdrop,
    to_model,
    to_sprite,
)
from ategnatos.starter.layout import layout

SIDES = st.integers(32, 200)


def random_sprite(seed: int) -> ByteArray:
    sprite = np.random.default_rng(seed).integers(0, 256, (32, 32, 4)).astype(np.uint8)
    sprite[..., 3] = np.where(sprite[..., 3] > 127, 255, 0)
    sprite[sprite[..., 3] == 0] = 0
    return sprite


@given(SIDES, SIDES)
def test_the_square_is_the_largest_whole_multiple_and_lies_in_the_middle(
    width: int, height: int
) -> None:
    where = layout(width, height, 32)
    extent = where.factor * 32
    assert extent <= min(width, height) < extent + 32
    assert 0 <= (width - extent) - 2 * where.left <= 1
    assert 0 <= (height - extent) - 2 * where.top <= 1
    assert where.fills == (extent == width == height)


@given(st.integers(0, 1000), SIDES, SIDES)
def test_an_enlarged_sprite_comes_back_exactly(seed: int, width: int, height: int) -> None:
    sprite, where = random_sprite(seed), layout(width, height, 32)
    canvas = enlarge(sprite, where)
    assert canvas.shape == (height, width, 4)
    assert (to_sprite(to_model(canvas, where)) == sprite).all()


def test_empty_pixels_enter_the_model_as_it_was_trained() -> None:
    pixels = to_model(np.zeros((32, 32, 4), np.uint8), layout(32, 32, 32))
    assert (pixels == np.array([0, 0, 0, -1])).all()


def test_a_model_pixel_may_change_as_soon_as_one_pixel_of_its_block_may() -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[5, 8] = 128
    mask[40, 40] = 127
    marked = mask_to_model(mask, layout(64, 64, 32))
    assert marked.shape == (32, 32, 1)
    assert marked.sum() == marked[2, 4, 0] == 1


@pytest.mark.parametrize(("alpha", "there"), [(127, False), (128, True), (255, True)])
def test_alpha_is_cut_at_128(alpha: int, there: bool) -> None:
    pixels = np.full((1, 1, 4), 0.5, np.float32)
    pixels[..., 3] = alpha / 127.5 - 1
    assert to_sprite(pixels)[0, 0].tolist() == ([191, 191, 191, 255] if there else [0, 0, 0, 0])


def test_a_backdrop_shows_where_the_picture_is_empty() -> None:
    picture = np.array([[[10, 20, 30, 255], [0, 0, 0, 0], [0, 0, 0, 128]]], np.uint8)
    laid = on_backdrop(picture, (200, 100, 50))
    assert laid[0].tolist() == [[10, 20, 30, 255], [200, 100, 50, 255], [100, 50, 25, 255]]
