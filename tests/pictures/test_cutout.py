"""Colours and transparency apart, and together again: no rim of what nobody saw."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from ategnatos.pictures.cutout import apart, together


def disc(hidden: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """A red disc with a soft rim; what is transparent is ``hidden``."""
    alpha = Image.new("L", (200, 200), 0)
    ImageDraw.Draw(alpha).ellipse((50, 50, 150, 150), fill=255)
    alpha = alpha.resize((100, 100), Image.Resampling.BOX)
    image = Image.new("RGB", (100, 100), (200, 30, 20))
    image.paste(hidden, (0, 0), alpha.point(lambda value: 0 if value else 255))
    image.putalpha(alpha)
    return image


def test_the_colour_of_an_edge_goes_on_beyond_it() -> None:
    colours, alpha = apart(disc())
    assert (colours.mode, alpha.mode) == ("RGB", "L")
    for place in ((50, 50), (50, 23), (50, 20), (5, 5)):
        red, green, blue = colours.getpixel(place)
        assert abs(red - 200) <= 6, place
        assert abs(green - 30) <= 6, place
        assert abs(blue - 20) <= 6, place


def test_a_picture_put_together_is_what_was_taken_apart() -> None:
    image = disc()
    again = together(*apart(image))
    assert again.getchannel("A").tobytes() == image.getchannel("A").tobytes()
    shown = [
        Image.alpha_composite(Image.new("RGBA", (100, 100), "white"), i) for i in (image, again)
    ]
    assert shown[0].tobytes() == shown[1].tobytes()


def test_enlarged_it_has_no_rim_of_the_hidden_colour() -> None:
    colours, alpha = apart(disc(hidden=(0, 255, 0)))
    large = together(colours.resize((400, 400), Image.Resampling.LANCZOS), alpha)
    shown = Image.alpha_composite(Image.new("RGBA", large.size, "black"), large)
    assert shown.getchannel("G").getextrema()[1] < 60


def test_nothing_to_see_is_no_fault() -> None:
    empty = Image.new("RGBA", (20, 30), (9, 8, 7, 0))
    assert together(*apart(empty)).getchannel("A").getextrema() == (0, 0)


@given(
    width=st.integers(1, 40), height=st.integers(1, 40), factor=st.integers(1, 4),
    data=st.randoms(use_true_random=False),
)  # fmt: skip
def test_any_picture_keeps_its_opacity(width: int, height: int, factor: int, data: object) -> None:
    raw = data.randbytes(width * height * 4)  # type: ignore[attr-defined]
    image = Image.frombytes("RGBA", (width, height), raw)
    colours, alpha = apart(image)
    large = together(colours.resize((width * factor, height * factor)), alpha)
    assert large.size == (width * factor, height * factor)
    if factor == 1:
        assert large.getchannel("A").tobytes() == image.getchannel("A").tobytes()
