"""A contact sheet shows every candidate, large, numbered and inside the size asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ategnatos.grimoire.errors import StudioError
from ategnatos.pictures.lettering import Lettering
from ategnatos.pictures.sheet import LARGEST_SIDE, SheetItem, contact_sheet
from ategnatos.pictures.sheet_plan import plan_sheet
from ategnatos.pictures.sheet_theme import THEMES


def items(pictures: list[bytes], **badges: Any) -> list[SheetItem]:
    return [
        SheetItem(picture, f"#{number}", f"seed {1000 + number}", badges.get(f"n{number}"))
        for number, picture in enumerate(pictures, start=1)
    ]


@pytest.mark.parametrize("count", [1, 2, 5, 16, 64])
def test_any_count_fits_the_size_asked_for(samples: Any, count: int) -> None:
    picture = samples.encoded(samples.sprite(32, 2))
    sheet = samples.opened(
        contact_sheet(
            items([picture] * count, n1="approved"),
            title="Potions",
            subtitle="a red potion, " * 40,
            footer="starter engine",
        )
    )
    assert sheet.width <= LARGEST_SIDE
    assert sheet.height <= LARGEST_SIDE
    assert sheet.mode == "RGB"


@given(
    count=st.integers(1, 64),
    aspect=st.floats(0.5, 2),
    lines=st.integers(0, 2),
    badges=st.booleans(),
    columns=st.none() | st.integers(1, 64),
)
@settings(max_examples=40, deadline=None)
def test_cards_never_overlap_nor_leave_the_sheet(
    count: int, aspect: float, lines: int, badges: bool, columns: int | None
) -> None:
    plan = plan_sheet(
        count,
        aspect=aspect,
        grid_side=32,
        caption_lines=lines,
        badges=badges,
        columns=columns,
        width=1512,
        height=1400,
    )
    places = [plan.card_place(index, 100) for index in range(count)]
    assert len(set(places)) == count
    assert min(left for left, _ in places) >= 28
    assert max(left for left, _ in places) + plan.card.size[0] <= plan.width - 28
    assert plan.rows == -(-count // plan.columns)
    assert columns is None or plan.columns == min(columns, count)


def test_pixel_art_is_shown_in_exact_pixels(samples: Any) -> None:
    opaque = np.array(samples.sprite(32, 16))
    opaque[..., 3] = 255
    one = items([samples.encoded(Image.fromarray(opaque))])
    sheet = samples.pixels(contact_sheet(one, title=""))
    large = opaque[::16, ::16].repeat(28, axis=0).repeat(28, axis=1)  # 896 pixels, the largest box
    corner = 28 + 16  # the sheet's margin and the card's padding
    assert (sheet[corner : corner + 896, corner : corner + 896] == large).all()


def test_a_picture_larger_than_the_sheet_is_reduced(samples: Any) -> None:
    photo = samples.encoded(samples.photo(2600, 1300), "JPEG")
    sheet = samples.opened(contact_sheet(items([photo]), title="large"))
    assert max(sheet.size) <= LARGEST_SIDE


def test_verdicts_show_in_their_colours(samples: Any) -> None:
    picture = samples.encoded(samples.photo(64, 64).convert("L"))

    def colours(**badges: Any) -> set[str]:
        pixels = samples.opened(contact_sheet(items([picture] * 2, **badges), title="x"))
        found = {f"#{r:02x}{g:02x}{b:02x}" for _, (r, g, b) in pixels.getcolors(1 << 24)}
        return found & set(THEMES["dark"].verdicts.values())

    assert colours() == set()
    assert colours(n1="approved") == {THEMES["dark"].verdicts["approved"]}
    both = set(THEMES["dark"].verdicts.values())
    assert colours(n1="approved", n2="rejected") == both


@given(st.text(st.characters(), max_size=200))
@settings(max_examples=10, deadline=None)
def test_any_text_is_drawn_without_a_crash(samples: Any, text: str) -> None:
    picture = samples.encoded(samples.sprite(8, 1))
    contact_sheet([SheetItem(picture, text, text)], title=text, subtitle=text, footer=text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("café naïve", "cafe naive"),
        ("fire \U0001f525!", "fire :fire:!"),
        ("a\nb\tc\0d", "a b cd"),
        ("“quoted” – 2 × 3 m²", "“quoted” - 2 x 3 m2"),
        ("e\u0301 \u200d \ud800 \u202e end", "e end"),
    ],
)
def test_signs_that_the_font_lacks_become_words(text: str, shown: str) -> None:
    assert Lettering(text, 20).text == shown


@given(st.text(max_size=300), st.integers(20, 600), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_wrapped_lines_fit_and_lose_nothing_but_the_end(text: str, width: int, most: int) -> None:
    lettering = Lettering(text, 20)
    lines = lettering.lines(width, most)
    assert len(lines) <= most
    if width > 60:
        assert all(lettering.width(line) <= width for line in lines)
    if not lines or not lines[-1].endswith("…"):
        assert "".join(lines).replace(" ", "") == lettering.text.replace(" ", "")


def contrast(one: str, two: str) -> float:
    """The contrast ratio of WCAG 2.2."""

    def light(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((light(one), light(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", sorted(THEMES))
def test_every_text_is_legible(name: str) -> None:
    theme = THEMES[name]
    for ground in (theme.sheet, theme.card):
        assert contrast(theme.text, ground) >= 7
        assert contrast(theme.quiet_text, ground) >= 4.5
    for ground in theme.verdicts.values():
        assert contrast(theme.badge_text, ground) >= 4.5


@pytest.mark.parametrize(
    "options", [{"columns": 0}, {"columns": 65}, {"max_width": 10}, {"theme": "mauve"}]
)
def test_odd_options_are_refused(samples: Any, options: Any) -> None:
    with pytest.raises(StudioError) as caught:
        contact_sheet(items([samples.encoded(samples.sprite())]), title="x", **options)
    assert caught.value.code.code == "sheet_option_invalid"


def test_an_unknown_verdict_is_refused(samples: Any) -> None:
    with pytest.raises(StudioError, match="badge"):
        contact_sheet(items([samples.encoded(samples.sprite(8, 1))], n1="maybe"), title="x")


@pytest.mark.parametrize("count", [0, 65])
def test_no_pictures_and_too_many_are_refused(samples: Any, count: int) -> None:
    with pytest.raises(StudioError) as caught:
        contact_sheet(items([samples.encoded(samples.sprite(8, 1))] * count), title="x")
    assert caught.value.code.code == "sheet_items_invalid"


def test_a_broken_candidate_is_named(samples: Any, tmp_path: Any) -> None:
    path = tmp_path / "003.png"
    path.write_bytes(samples.encoded(samples.sprite())[:-20])
    with pytest.raises(StudioError, match=r"003\.png"):
        contact_sheet([SheetItem(path, "#3")], title="x")


def test_the_same_candidates_give_the_same_bytes(samples: Any) -> None:
    candidates = items([samples.encoded(samples.sprite(seed=seed)) for seed in range(4)])
    assert contact_sheet(candidates, title="x") == contact_sheet(candidates, title="x")


def test_a_word_that_has_room_on_a_line_is_not_broken() -> None:
    from ategnatos.pictures.lettering import Lettering

    assert Lettering("a blue ategnatos owl", 13).lines(96, 3) == ["a blue", "ategnatos owl"]
    longest = Lettering("a " + "m" * 40, 13).lines(96, 9)
    assert "".join(longest).replace(" ", "") == "a" + "m" * 40
