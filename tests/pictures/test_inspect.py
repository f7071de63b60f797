"""The facts of a picture file are those of the file."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from ategnatos.grimoire.errors import StudioError
from ategnatos.pictures import metadata
from ategnatos.pictures.inspect import picture_info
from ategnatos.pictures.png_chunks import Chunk, join_chunks, split_chunks


@pytest.fixture
def info(tmp_path: Any) -> Any:
    def of(data: bytes, **options: Any) -> Any:
        path = tmp_path / "picture"
        path.write_bytes(data)
        return picture_info(path, **options)

    return of


def test_depth_and_profile_are_not_mixed_up(samples: Any, info: Any) -> None:
    """B-21: the colour space was "DirectClass" and the bit depth "sRGB"."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = info(samples.encoded(samples.photo(), icc_profile=profile))
    assert (found.mode, found.bit_depth) == ("RGB", 8)
    assert "sRGB" in found.colour_profile
    assert info(samples.encoded(samples.photo())).colour_profile is None
    assert "unreadable" in info(samples.encoded(samples.photo(), icc_profile=b"x")).colour_profile


def test_an_embedded_comfyui_prompt_is_shown(samples: Any, info: Any) -> None:
    """B-21: it was null."""
    data = metadata.embed(samples.comfyui_png(), {"seed": 9})
    found = info(data)
    assert found.metadata["comfyui"]["prompt"]["3"]["class_type"] == "KSampler"
    assert found.metadata["ategnatos"] == {"seed": 9}
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.bytes == len(data)


@pytest.mark.parametrize(
    ("mode", "depth"), [("1", 1), ("L", 8), ("I;16", 16), ("P", 8), ("RGBA", 8)]
)
def test_bit_depths(samples: Any, info: Any, mode: str, depth: int) -> None:
    image = Image.new("I;16", (4, 4)) if mode == "I;16" else samples.photo().convert(mode)
    assert info(samples.encoded(image)).bit_depth == depth


def test_alpha_there_and_used_are_two_facts(samples: Any, info: Any) -> None:
    opaque = info(samples.encoded(samples.photo().convert("RGBA")))
    assert (opaque.has_alpha, opaque.fully_opaque) == (True, True)
    sprite = info(samples.encoded(samples.sprite()))
    assert (sprite.has_alpha, sprite.fully_opaque) == (True, False)
    photo = info(samples.encoded(samples.photo()))
    assert (photo.has_alpha, photo.fully_opaque) == (False, True)


def test_the_grid_of_pixel_art_is_found(samples: Any, info: Any) -> None:
    assert info(samples.encoded(samples.sprite(32, 16))).pixel_scale == 16
    assert info(samples.encoded(samples.sprite(32, 1))).pixel_scale == 1
    assert info(samples.encoded(samples.photo(300, 200))).pixel_scale is None
    assert info(samples.encoded(Image.new("RGB", (300, 200), "red"))).pixel_scale is None


def test_size_is_as_shown_and_animation_is_said(samples: Any, info: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    turned = info(samples.encoded(samples.photo(60, 40), "JPEG", exif=exif))
    assert (turned.width, turned.height, turned.format) == (40, 60, "jpg")
    frames = [samples.photo(seed=seed).convert("P") for seed in (1, 2, 3)]
    moving = info(samples.encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert (moving.animated, moving.frames) == (True, 3)


def test_perceptual_hashes_find_the_same_picture_in_another_file(samples: Any, info: Any) -> None:
    def bits(one: str, two: str) -> int:
        return (int(one, 16) ^ int(two, 16)).bit_count()

    picture = samples.photo(200, 160)
    first = info(samples.encoded(picture), perceptual=True).perceptual
    smaller = samples.encoded(picture.resize((100, 80)), "JPEG")
    same = info(smaller, perceptual=True).perceptual
    other = info(samples.encoded(samples.photo(200, 160, seed=5)), perceptual=True).perceptual
    for kind in ("difference", "frequency"):
        assert len(getattr(first, kind)) == 16
        assert bits(getattr(first, kind), getattr(same, kind)) <= 4
        assert bits(getattr(first, kind), getattr(other, kind)) >= 12
    assert info(smaller).perceptual is None


def test_hidden_colour_does_not_count_in_a_hash(samples: Any, info: Any) -> None:
    pixels = np.array(samples.sprite())
    hidden = pixels.copy()
    hidden[hidden[..., 3] == 0] = (255, 0, 0, 0)
    one, two = (
        info(samples.encoded(Image.fromarray(each)), perceptual=True).perceptual
        for each in (pixels, hidden)
    )
    assert one == two


def test_hostile_text_is_a_fact_and_damage_an_error(samples: Any, info: Any) -> None:
    chunks = split_chunks(samples.encoded(samples.photo()))
    bomb = Chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"a" * 20_000_000))
    found = info(join_chunks([chunks[0], bomb, *chunks[1:]]))
    assert "16 MiB" in found.metadata["problems"][0]
    jpeg = samples.encoded(samples.photo(), "JPEG")
    with pytest.raises(StudioError) as caught:
        info(jpeg[: len(jpeg) // 2])
    assert "picture is cut short" in caught.value.message  # by the name of the file


def test_entering_the_folder_costs_nothing() -> None:
    modules = ["decode", "metadata", "export", "sheet", "inspect", "formats"]
    code = "import sys, ategnatos.pictures; "
    code += "".join(f"import ategnatos.pictures.{module}; " for module in modules)
    code += "print(sorted({'PIL', 'numpy', 'imagehash', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
