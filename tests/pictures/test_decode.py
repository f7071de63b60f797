"""Files that lie, break off or explode are clear errors; whole ones open by their content."""

from __future__ import annotations

import contextlib
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ategnatos.grimoire.errors import StudioError
from ategnatos.pictures import decode
from ategnatos.pictures.colour import to_srgb
from ategnatos.pictures.decode import decode_picture
from ategnatos.pictures.formats import known_formats, writable_format
from ategnatos.pictures.png_chunks import Chunk, join_chunks

LISTED = list(known_formats().values())


@pytest.mark.parametrize("known", LISTED, ids=lambda known: known.name)
def test_every_listed_format_really_encodes_and_decodes(samples: Any, known: Any) -> None:
    data = samples.encoded(samples.photo(), known.pillow)
    decoded = decode_picture(data)
    assert decoded.format is known
    assert decoded.image.size == (96, 64)
    assert Image.registered_extensions()[known.suffixes[0]] == known.pillow
    assert Image.MIME[known.pillow] == known.media_type


@pytest.mark.parametrize("known", LISTED, ids=lambda known: known.name)
def test_the_facts_about_alpha_hold(samples: Any, known: Any) -> None:
    half = samples.sprite()
    if known.alpha:
        decoded = decode_picture(samples.encoded(half, known.pillow))
        assert to_srgb(decoded).image.getchannel("A").getextrema()[0] == 0
    elif known.name != "bmp":  # Pillow writes alpha to BMP; readers ignore it
        with pytest.raises(OSError, match="RGBA"):
            samples.encoded(half, known.pillow)


@pytest.mark.parametrize("known", [one for one in LISTED if one.writes], ids=lambda one: one.name)
def test_lossless_formats_keep_pixels_and_defaults_are_in_range(samples: Any, known: Any) -> None:
    assert known.lossy == (known.quality is not None)
    assert known.quality is None or 1 <= known.quality <= 100
    assert writable_format(known.suffixes[-1].upper()) is known
    if not known.lossy:
        data = samples.encoded(samples.sprite(), known.pillow)
        assert (samples.pixels(data) == samples.pixels(samples.encoded(samples.sprite()))).all()


def test_the_largest_webp_side_is_the_listed_one(samples: Any) -> None:
    side = known_formats()["webp"].max_side
    assert decode_picture(samples.encoded(Image.new("L", (side, 1)), "WEBP")).image.width == side
    with pytest.raises(ValueError, match="encoding error"):
        samples.encoded(Image.new("L", (side + 1, 1)), "WEBP")


def test_the_content_decides_and_not_the_suffix(samples: Any, tmp_path: Any) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(samples.encoded(samples.photo(), "JPEG"))
    assert decode_picture(path).format.name == "jpg"


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_truncated_file_is_an_error_and_no_half_picture(
    samples: Any, kind: str, share: float
) -> None:
    data = samples.encoded(samples.photo(), kind)
    with pytest.raises(StudioError) as caught:
        decode_picture(data[: int(len(data) * share)])
    assert caught.value.code.code in {"picture_unreadable", "picture_png_damaged"}


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"GIF89a", b"<svg/>", b"%PDF-1.7", b"\xff\xd8"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(StudioError) as caught:
        decode_picture(data)
    assert caught.value.code.code in {"picture_unknown", "picture_unreadable"}


@pytest.mark.parametrize("side", [9_500, 60_000])
def test_a_decompression_bomb_is_not_decoded(side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    bomb = join_chunks([Chunk(b"IHDR", header), Chunk(b"IDAT", rows), Chunk(b"IEND", b"")])
    with pytest.raises(StudioError) as caught:
        decode_picture(bomb)
    assert caught.value.code.code == "picture_too_large"


def test_a_huge_file_is_not_read(tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(decode, "MAX_FILE_BYTES", 10)
    (tmp_path / "large.png").write_bytes(b"a" * 11)
    for source in (tmp_path / "large.png", b"a" * 11):
        with pytest.raises(StudioError) as caught:
            decode_picture(source)
        assert caught.value.code.code == "picture_too_large"


def test_a_folder_and_a_missing_file_are_named(tmp_path: Any) -> None:
    for path in (tmp_path, tmp_path / "missing [1] 100%.png"):
        with pytest.raises(StudioError) as caught:
            decode_picture(path)
        assert caught.value.code.code == "picture_missing"
        assert str(path) in caught.value.message


@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP"]),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_changed_bytes_are_never_more_than_a_studio_error(
    samples: Any, kind: str, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(samples.encoded(samples.photo(20, 20), kind))
    for place, value in changes:
        data[int(place * len(data))] = value
    with contextlib.suppress(StudioError):
        to_srgb(decode_picture(bytes(data)))
