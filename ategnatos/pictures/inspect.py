"""The facts of a picture file: size, format, colour, alpha, what is embedded, its hashes."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.pictures.colour import is_opaque, to_srgb
from ategnatos.pictures.credentials import Credentials
from ategnatos.pictures.credentials import find as find_credentials
from ategnatos.pictures.decode import decode_picture, source_bytes
from ategnatos.pictures.metadata import EmbeddedMetadata, read_raw_texts, understood
from ategnatos.pictures.png_text import TEXT_DAMAGED, TEXT_TOO_LARGE
from ategnatos.pictures.resize import pixel_grid

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class PerceptualHashes:
    """Two 64-bit hashes as 16 hexadecimal digits each; pictures that look alike differ in few
    bits. ``difference`` (dHash) follows edges, ``frequency`` (pHash) broad shapes.
    """

    difference: str
    frequency: str


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What a file is. Sizes are pixels as shown, that is after the EXIF orientation.

    ``format`` is a name of ``formats.json``; ``mode`` Pillow's (RGB, RGBA, P, CMYK, ...) and
    ``bit_depth`` the bits of one channel in the file. ``colour_profile`` is the name in the ICC
    profile, ``sRGB`` for a PNG that declares it without one, else None. ``has_alpha`` says that
    the file can be transparent, ``fully_opaque`` that no pixel is. ``pixel_scale`` is how many
    pixels make one pixel of pixel art, None for anything else. ``metadata`` is what
    :func:`~ategnatos.pictures.metadata.read` finds, hostile text among its
    ``problems``. ``credentials`` is a C2PA manifest, whose validity is not judged.
    ``perceptual`` only if asked for.
    """

    width: int
    height: int
    format: str
    mode: str
    bit_depth: int
    colour_profile: str | None
    has_alpha: bool
    fully_opaque: bool
    animated: bool
    frames: int
    pixel_scale: int | None
    metadata: EmbeddedMetadata
    credentials: Credentials | None
    sha256: str
    bytes: int
    perceptual: PerceptualHashes | None


def picture_info(path: Path, *, perceptual: bool = False, data: bytes | None = None) -> PictureInfo:
    """The facts of the picture file at ``path``; it is decoded whole, so damage is found.

    ``perceptual`` adds the hashes of the picture over white, through the imagehash library.
    ``data`` are the file's bytes, where the caller has read them already.
    Raises StudioError (``picture_*``) for what is no whole picture.
    """
    data = source_bytes(path) if data is None else data
    decoded = decode_picture(data, name=path.name)
    image = decoded.image
    plain = to_srgb(decoded).image
    grid = pixel_grid(plain)
    return PictureInfo(
        width=plain.width,
        height=plain.height,
        format=decoded.format.name,
        mode=image.mode,
        bit_depth=decoded.bit_depth,
        colour_profile=_profile_name(image),
        has_alpha=image.has_transparency_data,
        fully_opaque=is_opaque(plain),
        animated=decoded.frames > 1,
        frames=decoded.frames,
        pixel_scale=grid.scale if grid.is_art else None,
        metadata=_metadata(data, image),
        credentials=find_credentials(data),
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        perceptual=_hashes(plain) if perceptual else None,
    )


def _metadata(data: bytes, image: Image.Image) -> EmbeddedMetadata:
    """What is embedded; hostile text is a fact about the file and no reason to know nothing."""
    from ategnatos.pictures.makers.novelai import hidden_texts

    try:
        texts, problems = read_raw_texts(data)
    except StudioError as error:
        if error.code not in (TEXT_DAMAGED, TEXT_TOO_LARGE):
            raise
        texts, problems = {}, [error.message]
    # A text that everybody can read counts before one that is hidden in the pixels.
    return understood({**hidden_texts(image), **texts}, problems)


def _profile_name(image: Image.Image) -> str | None:
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if not profile:
        return "sRGB" if "srgb" in image.info else None
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return (ImageCms.getProfileDescription(opened) or "").strip() or "unnamed profile"
    except (ImageCms.PyCMSError, OSError) as error:
        return f"unreadable profile ({error})"


def _hashes(image: Image.Image) -> PerceptualHashes:
    import imagehash
    from PIL import Image

    shown = Image.new("RGBA", image.size, "white")
    shown.alpha_composite(image)
    plain = shown.convert("RGB")
    return PerceptualHashes(str(imagehash.dhash(plain)), str(imagehash.phash(plain)))
