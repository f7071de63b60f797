"""What is embedded comes back, whoever wrote it, and the pixels are never touched."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from ategnatos.grimoire.errors import StudioError
from ategnatos.pictures import a1111, metadata
from ategnatos.pictures.png_chunks import Chunk, join_chunks, split_chunks
from ategnatos.pictures.png_text import MAX_TEXT_BYTES, MAX_TEXTS

ANY_TEXT = st.text(st.characters(), max_size=60)  # lone surrogates and NUL included
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def with_chunks(png: bytes, *added: Chunk) -> bytes:
    chunks = split_chunks(png)
    return join_chunks([chunks[0], *added, *chunks[1:]])


def image_data(png: bytes) -> list[Chunk]:
    return [chunk for chunk in split_chunks(png) if chunk.kind == b"IDAT"]


@given(st.dictionaries(ANY_TEXT, JSON_VALUES, max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_json_settings_come_back_exactly(samples: Any, given_settings: dict[str, Any]) -> None:
    png = samples.encoded(Image.new("RGB", (2, 2)))
    embedded = metadata.embed(png, given_settings)
    assert metadata.read(embedded)["ategnatos"] == given_settings
    assert image_data(embedded) == image_data(png)


@given(prompt=ANY_TEXT, negative=ANY_TEXT)
@settings(max_examples=60, deadline=None)
def test_pillow_reads_what_we_embed(samples: Any, prompt: str, negative: str) -> None:
    embedded = metadata.embed(
        samples.encoded(Image.new("RGB", (2, 2))), {"prompt": prompt, "negative": negative}
    )
    texts = samples.opened(embedded).text
    assert json.loads(texts["ategnatos"]) == {"prompt": prompt, "negative": negative}
    assert ("parameters" in texts) == bool(prompt or negative)


def test_a_record_around_the_settings_is_kept_and_the_settings_found_in_it(samples: Any) -> None:
    record = {"candidate": "j1#1", "settings": {"prompt": "a cat", "seed": 5, "steps": 12}}
    found = metadata.read(metadata.embed(samples.encoded(samples.photo()), record))
    assert found["ategnatos"] == record
    assert found["a1111"]["prompt"] == "a cat"
    assert found["a1111"]["settings"]["Seed"] == "5"


def test_settings_that_no_other_tool_knows_make_no_text_for_them(samples: Any) -> None:
    found = metadata.read(metadata.embed(samples.encoded(samples.photo()), {"note": "mine"}))
    assert found == {"ategnatos": {"note": "mine"}}


def test_embedding_again_replaces_ours_and_keeps_the_work_of_others(samples: Any) -> None:
    twice = metadata.embed(metadata.embed(samples.comfyui_png(), {"seed": 1}), {"seed": 2})
    found = metadata.read(twice)
    assert found["ategnatos"] == {"seed": 2}
    assert found["comfyui"]["workflow"] == {"nodes": [], "version": 0.4}
    assert sum(chunk.content.startswith(b"ategnatos\0") for chunk in split_chunks(twice)) == 1


def test_a_comfyui_prompt_is_found_and_its_nan_becomes_null(samples: Any) -> None:
    """B-21: the earlier implementation showed the embedded prompt as null."""
    graph = metadata.read(samples.comfyui_png())["comfyui"]["prompt"]
    assert graph["3"]["inputs"]["seed"] == 7
    assert graph["3"]["is_changed"] == [None]
    json.dumps(graph, allow_nan=False)


def test_the_a1111_text_says_what_made_the_picture() -> None:
    text = a1111.write_parameters(
        {
            "prompt": "a knight,\nNew York: 1999",
            "negative": "blurry",
            "steps": 20,
            "sampler": "euler",
            "cfg": 4.5,
            "seed": 42,
            "width": 512,
            "height": 768,
            "model": 'the "best", v1: final',
            "model_sha256": "0123456789abcdef",
        }
    )
    parsed = a1111.parse_parameters(text)
    assert parsed["prompt"] == "a knight,\nNew York: 1999"
    assert parsed["negative"] == "blurry"
    assert parsed["settings"] == {
        "Steps": "20",
        "Sampler": "euler",
        "CFG scale": "4.5",
        "Seed": "42",
        "Size": "512x768",
        "Model hash": "0123456789",
        "Model": 'the "best", v1: final',
        "Version": "ategnatos",
    }


def test_a_text_of_the_web_ui_itself_is_understood() -> None:
    parsed = a1111.parse_parameters(
        "cat, (masterpiece:1.2)\nsecond line\nNegative prompt: dog,\nbird\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, "
        'Size: 512x512, Lora hashes: "a: 12ab, b: 34cd", Version: v1.10.1'
    )
    assert parsed["prompt"] == "cat, (masterpiece:1.2)\nsecond line"
    assert parsed["negative"] == "dog,\nbird"
    assert parsed["settings"]["Lora hashes"] == "a: 12ab, b: 34cd"
    assert a1111.parse_parameters("only a prompt")["prompt"] == "only a prompt"


@pytest.mark.parametrize("text", ["a" * 300_000, "a " * 150_000, 'a:"\\' * 60_000, ":" * 300_000])
def test_a_hostile_parameters_text_is_read_in_one_pass(text: str) -> None:
    # A quadratic search would take minutes here.
    assert a1111.parse_parameters(text)["negative"] == ""


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_jpeg_and_webp_of_the_web_ui_are_read(samples: Any, kind: str) -> None:
    exif = Image.Exif()
    comment = "猫\nSteps: 20, Sampler: Euler, Seed: 5"
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + comment.encode("utf-16-be")
    data = samples.encoded(samples.photo(), kind, exif=exif)
    found = metadata.read(data)["a1111"]
    assert (found["prompt"], found["settings"]["Seed"]) == ("猫", "5")


def test_unparsable_metadata_is_reported_and_not_lost(samples: Any) -> None:
    texts = PngInfo()
    texts.add_text("prompt", "a cat, no JSON")
    texts.add_text("workflow", "[" * 100_000)
    texts.add_itxt("Author", "Jürgen")
    texts.add_text("Title", "packed", zip=True)
    found = metadata.read(samples.encoded(samples.photo(), pnginfo=texts))
    assert len(found["problems"]) == 2
    assert found["texts"]["prompt"] == "a cat, no JSON"
    assert found["texts"]["Author"] == "Jürgen"
    assert found["texts"]["Title"] == "packed"


def test_a_picture_without_metadata_says_nothing(samples: Any) -> None:
    assert metadata.read(samples.encoded(samples.photo())) == {}


def grey_palette(samples: Any) -> Image.Image:
    return samples.photo().convert("P")


@pytest.mark.parametrize(
    "make",
    [
        lambda samples: samples.photo(),
        lambda samples: samples.sprite(),
        grey_palette,
        lambda samples: samples.photo().convert("L").convert("I").convert("I;16"),
    ],
)
def test_strip_keeps_pixels_profile_and_gamma_bit_for_bit(samples: Any, make: Any) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    texts = PngInfo()
    texts.add_text("Author", "somebody")
    texts.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta/>", zip=True)
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    png = samples.encoded(
        make(samples), pnginfo=texts, icc_profile=profile, exif=exif, transparency=None
    )
    png = with_chunks(png, Chunk(b"gAMA", struct.pack(">I", 45455)), Chunk(b"tIME", b"\7" * 7))
    stripped = metadata.strip(png + b"hidden after the end")
    kinds = {chunk.kind for chunk in split_chunks(stripped)}
    assert not kinds & {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}
    gone = {b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME"}
    assert split_chunks(stripped) == [c for c in split_chunks(png) if c.kind not in gone]
    assert stripped.endswith(join_chunks([Chunk(b"IEND", b"")])[8:])
    assert samples.opened(stripped).info["icc_profile"] == profile


def test_strip_keeps_the_picture_turned_as_it_was_shown(samples: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    kept = samples.opened(metadata.strip(samples.encoded(samples.photo(), exif=exif))).getexif()
    assert dict(kept) == {0x0112: 6}


@pytest.mark.parametrize(
    "cut", [0, 4, 8, 20, 33, 40, -1, -5, -12, -13], ids=lambda cut: f"cut at {cut}"
)
def test_a_png_cut_anywhere_is_a_clear_error(samples: Any, cut: int) -> None:
    png = samples.encoded(samples.sprite(8, 1))
    for act in (metadata.read, metadata.strip, lambda data: metadata.embed(data, {})):
        with pytest.raises(StudioError) as caught:
            act(png[:cut])
        assert caught.value.code.code in {
            "picture_png_damaged",
            "picture_not_png",
            "picture_unknown",
        }


def test_a_flipped_bit_is_found(samples: Any) -> None:
    png = bytearray(metadata.embed(samples.encoded(samples.photo()), {"prompt": "a cat"}))
    png[png.index(b"a cat")] ^= 1
    with pytest.raises(StudioError, match="checksum"):
        metadata.read(bytes(png))


@pytest.mark.parametrize(
    "chunks",
    [
        [Chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"a" * (MAX_TEXT_BYTES + 1)))],
        [Chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(b"a" * (MAX_TEXT_BYTES + 1)))],
        [Chunk(b"tEXt", b"prompt\0" + b"a" * (MAX_TEXT_BYTES + 1))],
        [Chunk(b"tEXt", b"k%d\0v" % number) for number in range(MAX_TEXTS + 1)],
    ],
    ids=["zTXt bomb", "iTXt bomb", "huge tEXt", "many texts"],
)
def test_hostile_text_is_refused_and_still_stripped(samples: Any, chunks: list[Chunk]) -> None:
    plain = samples.encoded(samples.sprite(8, 1))
    hostile = with_chunks(plain, *chunks)
    with pytest.raises(StudioError) as caught:
        metadata.read(hostile)
    assert caught.value.code.code == "picture_text_too_large"
    assert metadata.strip(hostile) == plain


@pytest.mark.parametrize(
    "chunk",
    [
        Chunk(b"zTXt", b"k\0\1xx"),
        Chunk(b"zTXt", b"k\0\0" + zlib.compress(b"some text")[:-5]),
        Chunk(b"iTXt", b"k\0\0\0"),
        Chunk(b"iTXt", b"k\0\1\7\0\0xx"),
        Chunk(b"iTXt", b""),
    ],
)
def test_damaged_text_is_named(samples: Any, chunk: Chunk) -> None:
    with pytest.raises(StudioError) as caught:
        metadata.read(with_chunks(samples.encoded(samples.sprite(8, 1)), chunk))
    assert caught.value.code.code == "picture_text_damaged"


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_never_more_than_a_studio_error(samples: Any, noise: bytes) -> None:
    png = samples.encoded(Image.new("L", (3, 3)))
    for data in (noise, png[:8] + noise, png[:33] + noise, with_chunks(png, Chunk(b"iTXt", noise))):
        for act in (metadata.read, metadata.strip):
            with contextlib.suppress(StudioError):
                act(data)


def test_a_path_is_read_like_bytes(samples: Any, tmp_path: Any) -> None:
    path = tmp_path / "odd [1] 100%.jpg"  # the name lies: it is a PNG
    path.write_bytes(metadata.embed(samples.encoded(samples.photo()), {"seed": 3}))
    assert metadata.read(path)["ategnatos"] == {"seed": 3}
    assert io.BytesIO(path.read_bytes()).read(4) == b"\x89PNG"
