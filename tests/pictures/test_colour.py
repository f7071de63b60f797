"""Every stored colour model, depth, profile and rotation comes out as upright sRGB."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from ategnatos.pictures.export import export_picture


def test_the_orientation_of_a_phone_is_applied(samples: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    source = samples.photo(60, 40)
    exported = export_picture(samples.encoded(source, exif=exif), format="png")
    upright = np.array(source.transpose(Image.Transpose.ROTATE_270).convert("RGBA"))
    assert (samples.pixels(exported.data) == upright).all()
    assert "turned upright as its EXIF says" in exported.notes


def test_every_orientation_agrees_with_pillow(samples: Any) -> None:
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


def _linear_grey_profile() -> bytes:
    """A minimal ICC 2.1 monochrome display profile whose curve is the identity."""

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
