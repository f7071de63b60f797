"""An export is exactly what was asked for, and says what was done."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from ategnatos.grimoire.errors import StudioError
from ategnatos.pictures import metadata
from ategnatos.pictures.export import RESAMPLES, export_picture
from ategnatos.pictures.formats import known_formats

SIDES = st.integers(1, 90)
WRITABLE = [known.name for known in known_formats().values() if known.writes]


def test_1200_by_630_is_1200_by_630(samples: Any) -> None:
    """B-20: the earlier implementation gave 630x630 and said exported."""
    square = samples.encoded(samples.sprite())
    for fit in (None, "pad", "cover"):
        exported = export_picture(square, format="png", width=1200, height=630, fit=fit)
        assert (exported.width, exported.height) == (1200, 630)
        assert samples.opened(exported.data).size == (1200, 630)


@given(
    width=SIDES | st.none(),
    height=SIDES | st.none(),
    fit=st.sampled_from([None, "contain", "cover", "pad"]),
    kind=st.sampled_from(WRITABLE),
    resample=st.sampled_from(RESAMPLES),
    art=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_every_size_and_fit_is_exact(
    samples: Any, width: Any, height: Any, fit: Any, kind: str, resample: Any, art: bool
) -> None:
    source = samples.sprite(16, 3) if art else samples.photo(50, 31)
    if width is None or height is None:
        fit = None
    exported = export_picture(
        samples.encoded(source),
        format=kind,
        width=width,
        height=height,
        fit=fit,
        background="white",
        resample=resample,
    )
    size = samples.opened(exported.data).size
    assert size == (exported.width, exported.height)
    if width is None and height is None:
        assert size == source.size
    elif width is None or height is None:
        assert size[0] == width or size[1] == height
        assert abs(size[0] * source.height - size[1] * source.width) <= max(source.size)
    elif fit == "contain":
        assert size[0] <= width
        assert size[1] <= height
        assert size[0] == width or size[1] == height
    else:
        assert size == (width, height)


@pytest.mark.parametrize("kind", WRITABLE)
def test_the_file_is_of_the_format_asked_for(samples: Any, kind: str) -> None:
    exported = export_picture(samples.encoded(samples.photo()), format=kind)
    assert samples.opened(exported.data).format == known_formats()[kind].pillow
    assert exported.format == kind


def test_jpeg_is_also_called_jpeg(samples: Any) -> None:
    assert export_picture(samples.encoded(samples.photo()), format=".JPEG").format == "jpg"


def test_a_transparent_picture_becomes_a_jpeg_only_on_a_chosen_background(samples: Any) -> None:
    """B-20: a fully transparent PNG became a solid red JPEG."""
    hidden_red = samples.encoded(Image.new("RGBA", (16, 16), (255, 0, 0, 0)))
    with pytest.raises(StudioError, match="--background white"):
        export_picture(hidden_red, format="jpg")
    with pytest.raises(StudioError, match="--background white"):
        export_picture(hidden_red, format="jpg", background="transparent")
    white = samples.pixels(export_picture(hidden_red, format="jpg", background="white").data)
    assert white.min() == 255


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_hidden_colour_does_not_leave_the_house(samples: Any, kind: str) -> None:
    data = export_picture(
        samples.encoded(Image.new("RGBA", (80, 80), (255, 0, 0, 0))), format=kind
    ).data
    assert samples.pixels(data).max() == 0


def test_an_opaque_picture_with_alpha_needs_no_background(samples: Any) -> None:
    opaque = samples.encoded(samples.photo().convert("RGBA"))
    assert export_picture(opaque, format="jpg").width == 96


def test_smoothing_lets_no_hidden_colour_bleed_in(samples: Any) -> None:
    pixels = np.zeros((100, 100, 4), np.uint8)
    pixels[:, :50] = (0, 0, 255, 255)
    pixels[:, 50:] = (255, 0, 0, 0)
    data = samples.encoded(Image.fromarray(pixels))
    small = samples.pixels(export_picture(data, format="png", width=33, resample="lanczos").data)
    assert small[..., 0].max() == 0
    assert 0 < small[16, 16, 3] < 255


def test_pixel_art_is_padded_at_a_whole_factor(samples: Any) -> None:
    art = samples.sprite()
    exported = export_picture(samples.encoded(art), format="png", width=1200, height=630, fit="pad")
    native = art.resize((32, 32), Image.Resampling.NEAREST)
    expected = Image.new("RGBA", (1200, 630))
    expected.paste(native.resize((608, 608), Image.Resampling.NEAREST), (296, 11))
    assert (samples.pixels(exported.data) == np.array(expected)).all()
    assert any("19x, exact" in note for note in exported.notes)


def test_pixel_art_goes_back_to_its_own_size_without_loss(samples: Any) -> None:
    art = samples.sprite()
    small = export_picture(samples.encoded(art), format="png", width=32)
    large = export_picture(small.data, format="webp", width=512)
    assert (samples.pixels(large.data) == np.array(art)).all()
    assert "WebP lossless" in large.notes


def test_uneven_pixels_and_enlargement_are_said(samples: Any) -> None:
    art = export_picture(samples.encoded(samples.sprite()), format="png", width=100)
    assert any("96x96 or 128x128 would be exact" in note for note in art.notes)
    photo = export_picture(samples.encoded(samples.photo()), format="png", width=200)
    assert any("adds no detail" in note for note in photo.notes)


def test_cover_crops_the_middle(samples: Any) -> None:
    stripes = Image.new("RGB", (300, 100), "red")
    stripes.paste("lime", (100, 0, 200, 100))
    data = export_picture(
        samples.encoded(stripes), format="png", width=100, height=100, fit="cover"
    ).data
    assert (samples.pixels(data) == (0, 255, 0, 255)).all()


def test_padding_takes_the_background(samples: Any) -> None:
    data = export_picture(
        samples.encoded(samples.photo(100, 50)),
        format="png",
        width=100,
        height=100,
        background="#102030",
    ).data
    pixels = samples.pixels(data)
    assert tuple(pixels[0, 0]) == tuple(pixels[-1, -1]) == (0x10, 0x20, 0x30, 255)


def test_prompts_stay_in_the_house_unless_asked_for(samples: Any) -> None:
    """B-20: prompts were kept in exported metadata."""
    source = metadata.embed(samples.comfyui_png(), {"prompt": "secret words", "seed": 1})
    for kind in WRITABLE:
        data = export_picture(source, format=kind).data
        assert b"secret" not in data
        assert metadata.read(data) == {}


@pytest.mark.parametrize("kind", WRITABLE)
def test_kept_metadata_is_whole_in_every_format(samples: Any, kind: str) -> None:
    source = metadata.embed(samples.comfyui_png(), {"prompt": "кот 🔥", "seed": 1})
    exported = export_picture(source, format=kind, width=50, keep_metadata=True)
    assert metadata.read(exported.data) == metadata.read(source)


def test_what_cannot_be_kept_is_said(samples: Any) -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("Author", "somebody")
    source = samples.encoded(samples.photo(), pnginfo=texts)
    lost = export_picture(source, format="jpg", keep_metadata=True)
    assert any("Author" in note and "left out" in note for note in lost.notes)
    kept = export_picture(source, format="png", keep_metadata=True)
    assert metadata.read(kept.data) == {"texts": {"Author": "somebody"}}
    none = export_picture(samples.encoded(samples.photo()), format="png", keep_metadata=True)
    assert "there was no metadata to keep" in none.notes


def test_comments_and_exif_of_other_formats_do_not_pass_through(samples: Any) -> None:
    gif = samples.encoded(samples.photo().convert("P"), "GIF", comment=b"secret comment")
    exif = Image.Exif()
    exif[0x010F] = "secret camera"
    jpeg = samples.encoded(samples.photo(), "JPEG", exif=exif, comment=b"secret comment")
    for source in (gif, jpeg):
        for kind in WRITABLE:
            assert b"secret" not in export_picture(source, format=kind).data


def test_the_orientation_of_a_phone_is_applied(samples: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = samples.photo(60, 40)
    exported = export_picture(samples.encoded(source, exif=exif), format="png")
    upright = np.array(source.transpose(Image.Transpose.ROTATE_270).convert("RGBA"))
    assert (samples.pixels(exported.data) == upright).all()
    assert "turned upright as its EXIF says" in exported.notes


def test_every_orientation_agrees_with_pillow(samples: Any) -> None:
    from PIL import ImageOps

    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        data = samples.encoded(samples.photo(60, 40), exif=exif)
        expected = np.array(ImageOps.exif_transpose(samples.opened(data)).convert("RGBA"))
        assert (samples.pixels(export_picture(data, format="png").data) == expected).all()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("P", "GIF"),
        ("RGB", "BMP"),
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("LAB", "TIFF"),
        ("RGBA", "TIFF"),
        ("YCbCr", "JPEG"),
    ],
)
def test_every_colour_model_comes_out_as_srgb(samples: Any, mode: str, kind: str) -> None:
    grey = Image.new("RGB", (20, 20), (128, 128, 128))
    if mode == "LAB":
        transform = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        source = ImageCms.applyTransform(grey, transform)
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        data = samples.encoded(source, kind, icc_profile=profile)
    else:
        data = samples.encoded(grey.convert(mode, palette=Image.Palette.ADAPTIVE), kind)
    pixels = samples.pixels(export_picture(data, format="png").data).astype(int)
    if mode == "1":
        assert set(np.unique(pixels[..., :3])) <= {0, 255}
    else:
        assert abs(pixels[..., :3] - 128).max() <= 3


def test_sixteen_bits_become_eight_without_clipping(samples: Any) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    exported = export_picture(samples.encoded(Image.fromarray(ramp)), format="png")
    values = samples.pixels(exported.data)[..., 0].ravel()
    assert (values == np.arange(256)).all()
    assert "16 bits a channel became 8" in exported.notes


def test_an_embedded_profile_is_honoured(samples: Any) -> None:
    """Greys in linear light: half of full light is 188 in sRGB."""
    linear = _linear_grey_profile()
    data = samples.encoded(Image.new("L", (8, 8), 128), icc_profile=linear)
    exported = export_picture(data, format="png")
    assert abs(int(samples.pixels(exported.data)[0, 0, 0]) - 188) <= 1
    assert any("profile" in note for note in exported.notes)


def test_a_broken_profile_is_said_and_ignored(samples: Any) -> None:
    data = samples.encoded(samples.photo(), icc_profile=b"no profile")
    assert any("ignored" in note for note in export_picture(data, format="png").notes)


def test_of_an_animation_the_first_frame_is_taken_and_said(samples: Any) -> None:
    frames = [samples.photo(seed=1), samples.photo(seed=2)]
    output = io.BytesIO()
    frames[0].save(output, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    exported = export_picture(output.getvalue(), format="png")
    assert (samples.pixels(exported.data) == np.array(frames[0].convert("RGBA"))).all()
    assert any("first of 2 frames" in note for note in exported.notes)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"format": "bogus"}, "picture_format_unknown"),  # B-20: "exported"
        ({"format": "gif"}, "picture_format_unknown"),
        ({"format": "png", "width": -5}, "export_size_invalid"),
        ({"format": "webp", "width": 16384, "height": 4, "fit": "pad"}, "export_size_invalid"),
        ({"format": "png", "width": 20_000}, "export_size_invalid"),
        ({"format": "png", "width": 9, "height": 10**12}, "export_size_invalid"),
        ({"format": "png", "width": 10, "fit": "cover"}, "export_size_invalid"),
        ({"format": "png", "quality": 80}, "export_quality_invalid"),
        ({"format": "jpg", "quality": 0}, "export_quality_invalid"),
        ({"format": "png", "background": "$(x)"}, "picture_colour_unknown"),
    ],
)
def test_what_cannot_be_honoured_is_refused(samples: Any, options: Any, code: str) -> None:
    with pytest.raises(StudioError) as caught:
        export_picture(samples.encoded(samples.photo(64, 64)), **options)
    assert caught.value.code.code == code


def test_the_same_request_gives_the_same_bytes(samples: Any) -> None:
    source = samples.encoded(samples.sprite())
    for kind in WRITABLE:
        first, second = (
            export_picture(source, format=kind, width=300, background="white").data
            for _ in range(2)
        )
        assert first == second


def _linear_grey_profile() -> bytes:
    """A minimal ICC 2.1 monochrome display profile whose curve is the identity."""
    import struct

    def tag(kind: bytes, body: bytes) -> bytes:
        data = kind + b"\0\0\0\0" + body
        return data + b"\0" * (-len(data) % 4)

    white = tag(b"XYZ ", struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D))
    curve = tag(b"curv", struct.pack(">I", 0))
    title = tag(b"desc", struct.pack(">I", 7) + b"Linear\0" + b"\0" * 78)
    entries, bodies, offset = [], b"", 128 + 4 + 3 * 12
    for name, body in ((b"wtpt", white), (b"kTRC", curve), (b"desc", title)):
        entries.append(name + struct.pack(">II", offset, len(body)))
        bodies += body
        offset += len(body)
    header = struct.pack(
        ">I4sI4s4s4s12s4s4sI4s4sQI12s4s44s",
        offset, b"\0\0\0\0", 0x02100000, b"mntr", b"GRAY", b"XYZ ", b"\0" * 12, b"acsp", b"\0" * 4,
        0, b"\0" * 4, b"\0" * 4, 0, 0, struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D), b"\0" * 4,
        b"\0" * 44,
    )  # fmt: skip
    return header + struct.pack(">I", 3) + b"".join(entries) + bodies
