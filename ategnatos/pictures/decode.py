"""Opens picture files that may be anything: wrong suffix, cut short, or made to harm.

The format is decided by the content. Nothing is decoded before its size is known to be
reasonable, and a file that does not decode to its last row is an error, never a half picture.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.formats import PictureFormat, format_of_codec, known_formats
from ategnatos.pictures.png_chunks import PNG_SIGNATURE, TEXT_KINDS, join_chunks, split_chunks

if TYPE_CHECKING:
    from PIL import Image

PICTURE_MISSING = ErrorCode("picture_missing", "There is no readable file at that path.")
PICTURE_UNKNOWN = ErrorCode("picture_unknown", "The file is not a picture the studio reads.")
PICTURE_UNREADABLE = ErrorCode("picture_unreadable", "The picture file is cut short or damaged.")
PICTURE_TOO_LARGE = ErrorCode("picture_too_large", "The picture is larger than the studio opens.")

MAX_FILE_BYTES = 256 * 1024 * 1024
# Below Pillow's own warning threshold (89 million): 80 million pixels are 320 MB as RGBA.
MAX_PIXELS = 80_000_000

PictureSource: TypeAlias = bytes | Path


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture whose first frame is fully decoded. ``image`` is as stored: no rotation yet."""

    image: Image.Image
    format: PictureFormat
    frames: int


def source_bytes(source: PictureSource) -> bytes:
    """The bytes of a file or the bytes given, at most ``MAX_FILE_BYTES``.

    Raises StudioError (``picture_missing``, ``picture_too_large``).
    """
    if isinstance(source, Path):
        try:
            size = source.stat().st_size if source.is_file() else None
            data = None if size is None or size > MAX_FILE_BYTES else source.read_bytes()
        except OSError as error:
            raise _missing(source, error.strerror or str(error)) from error
        if size is None:
            raise _missing(source, "it is not a file")
    else:
        data, size = source, len(source)
    if data is None or size > MAX_FILE_BYTES:
        raise StudioError(
            PICTURE_TOO_LARGE,
            f"{name_of(source)} holds {size:,} bytes; it was not opened.",
            hint=f"The studio opens picture files up to {MAX_FILE_BYTES // 1024**2} MiB.",
            bytes=size,
        )
    return data


def name_of(source: PictureSource) -> str:
    """How an error calls the source: its file name, or "the picture" for bare bytes."""
    return source.name if isinstance(source, Path) else "The picture"


def decode_picture(source: PictureSource) -> DecodedPicture:
    """Open and fully decode a picture file; the format is that of its content.

    Text chunks of a PNG are set aside first, so that no hostile text reaches the decoder.
    Raises StudioError (``picture_missing``, ``picture_unknown``, ``picture_unreadable``,
    ``picture_too_large``).
    """
    from PIL import Image, UnidentifiedImageError

    data = source_bytes(source)
    if data.startswith(PNG_SIGNATURE):
        data = join_chunks(
            chunk for chunk in split_chunks(data, name_of(source)) if chunk.kind not in TEXT_KINDS
        )
    codecs = [known.pillow for known in known_formats().values()]
    try:
        image = Image.open(io.BytesIO(data), formats=codecs)
        if image.width * image.height > MAX_PIXELS:
            raise _too_many_pixels(source, f"{image.width}x{image.height} pixels")
        frames = 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
        codec = image.format or ""
        image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(source, "far too many pixels") from error
    except UnidentifiedImageError as error:
        raise StudioError(
            PICTURE_UNKNOWN,
            f"{name_of(source)} is not a picture that the studio reads; nothing was done with it.",
            hint=f"Give one of: {', '.join(known_formats())}. The content counts, not the suffix.",
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error) as error:
        raise StudioError(
            PICTURE_UNREADABLE,
            f"{name_of(source)} is cut short or damaged ({error}); nothing was done with it.",
            hint="Fetch or export the file again; a repaired guess would not be your picture.",
        ) from error
    return DecodedPicture(image=image, format=format_of_codec(codec), frames=frames)


def _missing(path: Path, reason: str) -> StudioError:
    return StudioError(
        PICTURE_MISSING,
        f"{path} cannot be read ({reason}); nothing was done.",
        hint="Check the path: it must be an existing picture file.",
        path=str(path),
    )


def _too_many_pixels(source: PictureSource, extent: str) -> StudioError:
    return StudioError(
        PICTURE_TOO_LARGE,
        f"{name_of(source)} holds {extent}; it was not decoded.",
        hint=f"The studio opens pictures up to {MAX_PIXELS:,} pixels; scale it down first.",
    )
