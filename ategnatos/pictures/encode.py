"""An RGBA image as a file of one format, with or without its metadata."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.colour import is_opaque
from ategnatos.pictures.exif_text import has_exif_tag, write_exif_texts
from ategnatos.pictures.formats import PictureFormat
from ategnatos.pictures.metadata import embed_texts
from ategnatos.pictures.png_text import is_keyword

if TYPE_CHECKING:
    from PIL import Image

METADATA_DOES_NOT_FIT = ErrorCode(
    "export_metadata_does_not_fit", "The metadata is larger than the format can carry."
)

# One APP1 segment: a two-byte length that counts itself, and "Exif\0\0" before the block.
_JPEG_EXIF_BYTES = 65_533 - 6


def encode(
    image: Image.Image, kind: PictureFormat, *, quality: int | None, texts: Mapping[str, str]
) -> bytes:
    """``image`` (RGBA) as a file; an opaque one is written without alpha.

    ``quality`` 1 to 100 is for lossy formats; None asks for the best: lossless WebP, JPEG at
    100. ``texts`` go in as PNG text chunks or EXIF. Raises StudioError
    (``export_metadata_does_not_fit``).
    """
    plain = image.convert("RGB") if is_opaque(image) else image
    output = io.BytesIO()
    if kind.name == "png":
        plain.save(output, "PNG", optimize=True)
        return embed_texts(output.getvalue(), texts)
    exif = write_exif_texts(texts) if texts else b""
    if kind.name == "jpg":
        if len(exif) > _JPEG_EXIF_BYTES:
            raise StudioError(
                METADATA_DOES_NOT_FIT,
                f"The metadata takes {len(exif):,} bytes, and a JPEG carries "
                f"{_JPEG_EXIF_BYTES:,}; nothing was exported.",
                hint="Export as png or webp, or without --keep-metadata.",
                bytes=len(exif),
            )
        # Full colour resolution (4:4:4): halved colour smears the edges of drawings.
        plain.convert("RGB").save(
            output, "JPEG", quality=quality or 100, subsampling=0, optimize=True, exif=exif
        )
    elif quality is None:
        plain.save(output, "WEBP", lossless=True, quality=80, method=4, exif=exif)
    else:
        plain.save(output, "WEBP", quality=quality, method=5, exif=exif)
    return output.getvalue()


def split_texts(texts: Mapping[str, str], kind: PictureFormat) -> tuple[dict[str, str], list[str]]:
    """The texts that ``kind`` has a place for, and the keywords of those that it has not."""
    fits = is_keyword if kind.name == "png" else has_exif_tag
    carried = {name: text for name, text in texts.items() if fits(name)}
    return carried, sorted(set(texts) - set(carried))
