"""Decodes a file of a dataset, whatever it is; what is wrong with it is a fact, not a crash.

JPEGs go through libjpeg-turbo with its warnings heeded (simplejpeg), because Pillow decodes a
file with a damaged middle without a word; everything else goes through Pillow.
"""

from __future__ import annotations

import io
import warnings
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import Image, UnidentifiedImageError

from ategnatos.pictures.decode import DECODER_FAILURES, MAX_FILE_BYTES, MAX_PIXELS
from ategnatos.pictures.formats import format_of_codec, known_formats

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 50_000
# Blocks of a JPEG: those that begin its pixels, and those that say how to show them (APP1 with
# EXIF, APP2 with a profile).
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xDA})
_EXTRAS = frozenset({0xE1, 0xE2})
_ORIENTATION = 0x0112
_LOOKS_LIKE = (
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file"),
    (b"%pdf", "a PDF"),
    (b"pk\x03\x04", "a zip archive"),
    (b"version https://git-lfs", "a Git LFS pointer and not the picture"),
)


class BadFileError(Exception):
    """The file is no whole picture. ``code`` is that of a finding, the text says why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(slots=True)
class Opened:
    """A decoded picture: ``image`` as stored, ``facts`` of its file (JSON values)."""

    image: Image.Image
    facts: dict[str, Any]


@cache
def _codecs() -> list[str]:
    return [known.pillow for known in known_formats().values()]


def open_picture(data: bytes, *, reduced_to: int = 0, exact: bool = True) -> Opened:
    """Decode the whole picture in ``data``.

    ``reduced_to`` lets a JPEG be decoded at an eighth, quarter or half of its size, with both
    sides at least that long: faster, and enough to compare pictures. Not ``exact`` spares the
    smoothing between a JPEG's colours, which its brightness does not feel. Raises BadFileError.
    """
    if not data:
        raise BadFileError("empty", "the file holds no byte")
    if len(data) > MAX_FILE_BYTES:
        raise BadFileError("too_large", f"the file holds {len(data):,} bytes")
    named = _named(data)
    if named:
        raise BadFileError("not_a_picture", named)
    plain = _plain_jpeg(data, reduced_to, exact)
    if plain is not None:
        return plain
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(data), formats=_codecs())
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise BadFileError("bomb", f"it says it is {width}x{height} pixels")
            facts = _facts(image, data)
            if image.format in {"JPEG", "MPO"} and image.mode in {"RGB", "L"}:
                image = _jpeg(data, image.mode, reduced_to, exact)
            else:
                if data.startswith(_PNG) and not reduced_to:
                    check_png(data)
                if image.format in {"JPEG", "MPO"}:
                    _strict(data, "CMYK", 1)
                image.load()
    except BadFileError:
        raise
    except Image.DecompressionBombError:
        raise BadFileError("bomb", "it says it has far too many pixels") from None
    except UnidentifiedImageError:
        raise BadFileError(
            "not_a_picture", "its content is no picture in a format that is read here"
        ) from None
    except MemoryError:
        raise BadFileError("bomb", "decoding it takes more memory than there is") from None
    except DECODER_FAILURES as error:
        text = str(error) or type(error).__name__
        code = "truncated" if "truncated" in text.lower() else "damaged"
        raise BadFileError(code, text) from None
    return Opened(image, facts)


def _plain_jpeg(data: bytes, reduced_to: int, exact: bool) -> Opened | None:
    """A JPEG without rotation, profile or inks, which is nearly every one: no second reading of
    its header is needed. None for anything else.
    """
    if not data.startswith(b"\xff\xd8\xff") or not _without_extras(data):
        return None
    import simplejpeg

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    mode = {"YCbCr": "RGB", "RGB": "RGB", "Gray": "L"}.get(colours)
    if mode is None or width * height > MAX_PIXELS:
        return None
    facts = {
        "format": "jpg",
        "mode": mode,
        "width": width,
        "height": height,
        "bits": 8,
        "frames": 1,
        "orientation": 1,
        "profile": "",
        "bytes": len(data),
    }
    return Opened(_jpeg(data, mode, reduced_to, exact), facts)


def _without_extras(data: bytes) -> bool:
    """Whether the blocks before a JPEG's pixels hold neither EXIF nor a profile."""
    at = 2
    while data[at : at + 1] == b"\xff" and at + 4 < len(data):
        kind = data[at + 1]
        if kind in _FRAMES:
            return True
        if kind in _EXTRAS:
            return False
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def check_png(data: bytes) -> None:
    """Walk the chunks of a PNG and hold each to its checksum. Raises BadFileError."""
    at, chunks = len(_PNG), 0
    view = memoryview(data)
    while at < len(data):
        length = int.from_bytes(view[at : at + 4], "big")
        end = at + 12 + length
        if end > len(data):
            raise BadFileError("truncated", "it ends in the middle of a chunk")
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise BadFileError("damaged", "a chunk's checksum is wrong")
        if bytes(view[at + 4 : at + 8]) == b"IEND":
            return
        at, chunks = end, chunks + 1
        if chunks > _MOST_CHUNKS:
            raise BadFileError("bomb", f"it has more than {_MOST_CHUNKS:,} chunks")
    raise BadFileError("truncated", "it ends before its last chunk")


def _jpeg(data: bytes, mode: str, reduced_to: int, exact: bool) -> Image.Image:
    """In mode L, or RGBX for RGB. Raises BadFileError."""
    import simplejpeg

    size = {"min_width": reduced_to, "min_height": reduced_to} if reduced_to else {}
    # With a fourth, unused byte a pixel Pillow takes the array as it is, without a copy.
    colours, shown = ("RGBX", "RGBX") if mode == "RGB" else ("GRAY", "L")
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, colorspace=colours, min_factor=1, fastupsample=not exact, **size
        )
    except ValueError as error:
        raise _bad_jpeg(error) from None
    height, width = pixels.shape[:2]
    return Image.frombuffer(shown, (width, height), pixels, "raw", shown, 0, 1)


def _strict(data: bytes, colours: str, factor: float) -> None:
    import simplejpeg

    try:
        simplejpeg.decode_jpeg(data, colorspace=colours, min_factor=factor)
    except ValueError as error:
        raise _bad_jpeg(error) from None


def _bad_jpeg(error: ValueError) -> BadFileError:
    text = str(error)
    code = "truncated" if "remature end" in text else "damaged"
    return BadFileError(code, text)


def _facts(image: Image.Image, data: bytes) -> dict[str, Any]:
    exif = 1
    try:
        # The rotation alone; the rest of the block is nobody's concern here.
        exif = (
            int(image.getexif().get(_ORIENTATION, 1))
            if "exif" in image.info or (image.format in {"TIFF", "MPO"})
            else 1
        )
    except DECODER_FAILURES:
        exif = 1
    profile = image.info.get("icc_profile")
    frames = 1 if image.format in {"MPO", "JPEG"} else int(getattr(image, "n_frames", 1))
    bits = 8
    if data.startswith(_PNG):
        bits = data[24]
    elif image.format == "TIFF":
        given = getattr(image, "tag_v2", {}).get(258) or (8,)
        bits = int(max(given)) if isinstance(given, tuple) else int(given)
    return {
        "format": format_of_codec(image.format or "").name,
        "mode": image.mode,
        "width": image.width,
        "height": image.height,
        "bits": bits,
        "frames": frames,
        "orientation": exif if exif in range(1, 9) else 1,
        "profile": _profile(profile) if profile else "",
        "bytes": len(data),
    }


def _profile(profile: bytes) -> str:
    from PIL import ImageCms

    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return (ImageCms.getProfileDescription(opened) or "").strip()[:80] or "unnamed"
    except (ImageCms.PyCMSError, *DECODER_FAILURES):
        return "unreadable"


def _named(data: bytes) -> str:
    """What a file is that is certainly no picture; "" where nothing is known of it."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, name in _LOOKS_LIKE:
        if head.startswith(start) or (start == b"<svg" and start in head):
            return f"it is {name}"
    if not any(data[:4096]):
        return "it holds nothing but zeros"
    return ""
