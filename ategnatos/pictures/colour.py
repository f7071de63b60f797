"""Any stored colour model, depth and profile as plain 8-bit sRGB with alpha.

Everything that resizes, shows or exports starts here, so that a CMYK scan, a 16-bit render and
a palette sprite are the same thing afterwards.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.decode import DECODER_FAILURES, DecodedPicture
from ategnatos.pictures.exif_text import orientation

if TYPE_CHECKING:
    from PIL import Image

COLOUR_MODEL_UNKNOWN = ErrorCode(
    "picture_colour_model_unknown", "The picture's colour model has no agreed way to sRGB."
)
COLOUR_UNKNOWN = ErrorCode("picture_colour_unknown", "That is not the name or value of a colour.")

Colour = tuple[int, int, int, int]

_SIXTEEN_BIT_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N", "I"})
# Screens assume a gamma of 1/2.2; files write it rounded.
_SCREEN_GAMMA = 1 / 2.2


@dataclass(frozen=True, slots=True)
class SrgbPicture:
    """``image`` is RGBA, 8 bits, upright; ``notes`` say what had to be converted."""

    image: Image.Image
    notes: tuple[str, ...]


def to_srgb(decoded: DecodedPicture) -> SrgbPicture:
    """The first frame as upright 8-bit sRGB RGBA; colour hidden under alpha 0 becomes 0.

    The embedded ICC profile is honoured (relative colorimetric, through LittleCMS). Raises
    StudioError (``picture_colour_model_unknown``) for floating point and measured data.
    """
    image = decoded.image
    notes: list[str] = []
    if decoded.bit_depth > 8:
        notes.append(f"{decoded.bit_depth} bits a channel became 8")
    if decoded.frames > 1:
        notes.append(f"animated: only the first of {decoded.frames} frames is used")
    profile = image.info.get("icc_profile")
    if "icc_profile" not in image.info and "srgb" not in image.info:
        gamma = image.info.get("gamma")
        if isinstance(gamma, float) and abs(gamma - _SCREEN_GAMMA) > 0.02:
            notes.append(f"the file's gamma of {gamma:.3f} was ignored: it carries no profile")
    plain = _eight_bits(_upright(image, notes))
    if plain.mode in ("P", "PA", "1") or "transparency" in plain.info:
        plain = plain.convert("RGBA")
    colour = _through_profile(plain, profile, notes) if profile else plain
    finished = clean_hidden_colour(_as_rgba(colour))
    # Pillow writes what it finds here, comments and profiles among it, into the next file.
    finished.info = {}
    return SrgbPicture(image=finished, notes=tuple(notes))


def clean_hidden_colour(image: Image.Image) -> Image.Image:
    """``image`` (RGBA) with black under every fully transparent pixel.

    Hidden colour turns up as red or white blocks wherever a later tool drops the alpha.
    """
    if image.getchannel("A").getextrema()[0] != 0:
        return image
    import numpy as np
    from PIL import Image

    pixels = np.array(image)
    pixels[pixels[..., 3] == 0] = 0
    return Image.fromarray(pixels)


def is_opaque(image: Image.Image) -> bool:
    """Whether every pixel of an RGBA image has alpha 255."""
    return bool(image.getchannel("A").getextrema()[0] == 255)


def parse_colour(text: str) -> Colour:
    """Red, green, blue, alpha (0 to 255) of a CSS name, ``#hex``, ``rgb(...)``, ``transparent``.

    Raises StudioError (``picture_colour_unknown``).
    """
    from PIL import ImageColor

    name = text.strip().lower()
    if name == "transparent":
        return (0, 0, 0, 0)
    try:
        red, green, blue, alpha = ImageColor.getcolor(name, "RGBA")  # type: ignore[misc]
    except ValueError as error:
        raise StudioError(
            COLOUR_UNKNOWN,
            f"{text!r} is not a colour; nothing was done.",
            hint="Use a name such as white, a value such as #1e90ff, or transparent.",
            colour=text,
        ) from error
    return (red, green, blue, alpha)


def _upright(image: Image.Image, notes: list[str]) -> Image.Image:
    from PIL import Image

    try:
        turn = orientation(image)
    except DECODER_FAILURES as error:
        notes.append(f"its EXIF block cannot be parsed and was ignored ({error})")
        return image
    if turn == 1:
        return image
    notes.append("turned upright as its EXIF says")
    # Orientation 2 to 8 in order: EXIF 2.32, section 4.6.4, tag 274.
    turns = (
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
    )
    upright = image.transpose(turns[turn - 2])
    upright.info = image.info
    return upright


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit greyscale as 8-bit; other deep modes have no agreed range and are refused."""
    if image.mode == "F":
        raise _unknown_model("floating point values")
    if image.mode not in _SIXTEEN_BIT_MODES:
        return image
    import numpy as np
    from PIL import Image

    values = np.array(image).astype(np.int64)
    if values.size and (values.min() < 0 or values.max() > 0xFFFF):
        raise _unknown_model("32-bit integers")
    # 65535 / 255 = 257 exactly, so white stays white; half of it rounds to the nearest.
    grey = Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if "transparency" in image.info and isinstance(image.info["transparency"], int):
        alpha = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
        grey = Image.merge("LA", (grey, Image.fromarray(alpha)))
    return grey


def _through_profile(image: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    from PIL import Image, ImageCms

    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    base = {"RGBA": "RGB", "LA": "L", "RGBX": "RGB"}.get(image.mode, image.mode)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        title = (ImageCms.getProfileDescription(source) or "").strip() or "unnamed"
        if "srgb" in title.lower() and base == "RGB":
            return image
        # A sprite with a palette of greys and a grey profile was made RGB on the way here.
        space = source.profile.xcolor_space.strip()
        matching = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}.get(space, base)
        plain = image.convert(matching) if matching != base else _without_alpha(image, base)
        converted = ImageCms.profileToProfile(
            plain, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        notes.append(f"its colour profile does not work and was ignored ({error})")
        return image
    notes.append(f"colours converted from the profile {title!r} to sRGB")
    assert converted is not None  # only an in-place conversion returns None
    if alpha is not None:
        return Image.merge("RGBA", (*converted.split(), alpha))
    return converted


def _without_alpha(image: Image.Image, base: str) -> Image.Image:
    from PIL import Image

    bands = image.split()[: len(base)]
    return Image.merge(base, bands) if image.mode != base else image


def _as_rgba(image: Image.Image) -> Image.Image:
    from PIL import Image

    if image.mode == "LA":
        grey, alpha = image.split()
        return Image.merge("RGBA", (grey, grey, grey, alpha))
    try:
        # Pillow has no way from some modes to RGBA but through RGB.
        return image.convert("RGBA") if image.mode in ("RGB", "RGBA") else _by_rgb(image)
    except ValueError as error:
        raise _unknown_model(f"the mode {image.mode}") from error


def _by_rgb(image: Image.Image) -> Image.Image:
    target = "RGBA" if image.mode in ("La", "RGBa", "RGBX") else "RGB"
    return image.convert(target).convert("RGBA")


def _unknown_model(what: str) -> StudioError:
    return StudioError(
        COLOUR_MODEL_UNKNOWN,
        f"The picture holds {what}, which has no agreed look on a screen; nothing was done.",
        hint="Save it as 8-bit or 16-bit PNG in the tool that made it.",
    )
