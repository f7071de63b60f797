"""Opens picture files that may be anything: wrong suffix, cut short, or made to harm.

The format is decided by the content. Nothing is decoded before its size is known to be
reasonable, and a file that does not decode to its last row is an error, never a half picture.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.formats import PictureFormat, format_of_codec, known_formats
from ategnatos.pictures.png_chunks import PNG_SIGNATURE, without_texts

if TYPE_CHECKING:
    from PIL import Image

PICTURE_MISSING = ErrorCode("picture_missing", "There is no readable file at that path.")
PICTURE_UNKNOWN = ErrorCode("picture_unknown", "The file is not a picture the studio reads.")
PICTURE_UNREADABLE = ErrorCode("picture_unreadable", "The picture file is cut short or damaged.")
PICTURE_TOO_LARGE = ErrorCode("picture_too_large", "The picture is larger than the studio opens.")

MAX_FILE_BYTES = 256 * 1024 * 1024
# Below Pillow's own warning threshold (89 million): 80 million pixels are 320 MB as RGBA.
MAX_PIXELS = 80_000_000

# Where the header chunk of a PNG keeps the bits of one sample: after the signature, the
# chunk's length and kind, and the two sides. https://www.w3.org/TR/png-3/#11IHDR
_PNG_BIT_DEPTH_AT = 24
_TIFF_BITS_PER_SAMPLE = 258
_BITS_OF_MODES = {"1": 1, "I": 32, "F": 32, "I;16": 16, "I;16L": 16, "I;16B": 16, "I;16N": 16}

# What Pillow's decoders raise for files that somebody broke, found by changing bytes at random.
DECODER_FAILURES = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    SyntaxError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)

PictureSource: TypeAlias = bytes | Path


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture whose first frame is fully decoded. ``image`` is as stored: no rotation yet.

    ``bit_depth`` is the bits of one channel in the file, which Pillow may have reduced to 8.
    """

    image: Image.Image
    format: PictureFormat
    frames: int
    bit_depth: int


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


def decode_picture(
    source: PictureSource, *, name: str | None = None, enough: int | None = None
) -> DecodedPicture:
    """Open and fully decode a picture file; the format is that of its content.

    ``name`` is how errors call it, by default :func:`name_of`. ``enough`` is a side in pixels
    that the caller needs at least: a JPEG may then come smaller than it is, which is quicker.
    Text chunks of a PNG are set aside first, so that no hostile text reaches the decoder.
    Raises StudioError (``picture_missing``, ``picture_unknown``, ``picture_unreadable``,
    ``picture_too_large``).
    """
    from PIL import Image, UnidentifiedImageError

    called = name or name_of(source)
    data = source_bytes(source)
    if data.startswith(PNG_SIGNATURE):
        data = without_texts(data, called)
    codecs = [known.pillow for known in known_formats().values()]
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd tags and of sizes that are refused below; damage raises.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=codecs)
            if image.width * image.height > MAX_PIXELS:
                raise _too_many_pixels(called, f"{image.width}x{image.height} pixels")
            frames = 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))
            codec = image.format or ""
            if enough is not None and codec == "JPEG":
                # Halves, quarters or eighths, never below what is enough. Without a mode it stays
                # the one of the file.
                image.draft(None, (enough, enough))
            image.load()
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(called, "far too many pixels") from error
    except UnidentifiedImageError as error:
        raise StudioError(
            PICTURE_UNKNOWN,
            f"{called} holds no picture in a format that the studio reads; it was left alone.",
            hint=f"Give one of: {', '.join(known_formats())}. The content counts, not the suffix.",
        ) from error
    except DECODER_FAILURES as error:
        raise StudioError(
            PICTURE_UNREADABLE,
            f"{called} is cut short or damaged ({error}); nothing was done with it.",
            hint="Fetch or export the file again; a repaired guess would not be your picture.",
        ) from error
    return DecodedPicture(image, format_of_codec(codec), frames, _bit_depth(data, image))


def stated_size(source: PictureSource) -> tuple[int, int]:
    """Width and height as the header states them, before any turning; (1, 1) where it does not.

    Nothing is decoded: what is wrong with the file is for :func:`decode_picture` to say.
    """
    from PIL import Image

    codecs = [known.pillow for known in known_formats().values()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = io.BytesIO(source) if isinstance(source, bytes) else source
            with Image.open(file, formats=codecs) as image:
                return image.size
    except (*DECODER_FAILURES, Image.DecompressionBombError):
        return (1, 1)


def _bit_depth(data: bytes, image: Image.Image) -> int:
    if data.startswith(PNG_SIGNATURE):
        return data[_PNG_BIT_DEPTH_AT]
    tags = getattr(image, "tag_v2", None)
    if tags is not None and tags.get(_TIFF_BITS_PER_SAMPLE):
        return int(max(tags[_TIFF_BITS_PER_SAMPLE]))
    return _BITS_OF_MODES.get(image.mode, 8)


def _missing(path: Path, reason: str) -> StudioError:
    return StudioError(
        PICTURE_MISSING,
        f"{path} cannot be read ({reason}); nothing was done.",
        hint="Check the path: it must be an existing picture file.",
        path=str(path),
    )


def _too_many_pixels(called: str, extent: str) -> StudioError:
    return StudioError(
        PICTURE_TOO_LARGE,
        f"{called} holds {extent}; it was not decoded.",
        hint=f"The studio opens pictures up to {MAX_PIXELS:,} pixels; scale it down first.",
    )
