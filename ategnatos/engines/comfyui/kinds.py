"""Whether the bytes of a file are what its name says: looked at, never believed.

Pictures are decoded to their last row by Pillow; videos, sounds and models are walked box by
box as far as their container says how long they are. A kind that nobody here knows is told
apart as unverified, never passed off as checked.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

# What a ComfyUI on this earth writes at most: a 16k square.
MAX_PIXELS = 300_000_000
_PICTURES = {
    "PNG": ("image/png", (".png", ".apng")),
    "JPEG": ("image/jpeg", (".jpg", ".jpeg")),
    "MPO": ("image/jpeg", (".jpg", ".jpeg")),
    "WEBP": ("image/webp", (".webp",)),
    "GIF": ("image/gif", (".gif",)),
    "AVIF": ("image/avif", (".avif",)),
    "TIFF": ("image/tiff", (".tif", ".tiff")),
    "BMP": ("image/bmp", (".bmp",)),
}
# MPO is what Pillow calls a JPEG with a second picture; it is opened as JPEG.
_CODECS = [codec for codec in _PICTURES if codec != "MPO"]
_PICTURE_SUFFIXES = {suffix for _, suffixes in _PICTURES.values() for suffix in suffixes}


class NotWhatItSays(Exception):  # noqa: N818 - a finding about a file
    """The file is empty, cut short, damaged, or of another kind; the text says which."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is. Sides in pixels, 0 where it has none."""

    mime: str
    width: int = 0
    height: int = 0
    frames: int = 1
    verified: bool = True


def check(file: BinaryIO, size: int, name: str) -> Kind:
    """The kind of the ``size`` bytes in ``file``, called ``name``. Raises NotWhatItSays."""
    if size == 0:
        raise NotWhatItSays("it is empty")
    suffix = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    file.seek(0)
    if suffix in _PICTURE_SUFFIXES:
        return _picture(file, suffix)
    checker = _CONTAINERS.get(suffix)
    if checker is None:
        return Kind("application/octet-stream", verified=False)
    mime, look = checker
    try:
        look(file, size)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise NotWhatItSays(str(error)) from error
    return Kind(mime)


def _picture(file: BinaryIO, suffix: str) -> Kind:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=_CODECS)
            if image.width * image.height > MAX_PIXELS:
                raise NotWhatItSays(f"it holds {image.width}x{image.height} pixels")
            codec = image.format or ""
            frames = 1 if codec == "MPO" else int(getattr(image, "n_frames", 1))
            image.load()
            if frames > 1:
                # The last frame proves that nothing in between is cut off.
                image.seek(frames - 1)
                image.load()
    except (Image.DecompressionBombError, UnidentifiedImageError) as error:
        raise NotWhatItSays("it is no picture") from error
    except (
        OSError, ValueError, TypeError, LookupError, SyntaxError, OverflowError, struct.error,
        zlib.error,
    ) as error:  # fmt: skip
        raise NotWhatItSays(f"it is cut short or damaged ({error})") from error
    mime, suffixes = _PICTURES[codec]
    if suffix not in suffixes:
        raise NotWhatItSays(f"it is called {suffix} and holds {mime}")
    return Kind(mime, image.width, image.height, frames)


def _boxes(file: BinaryIO, size: int) -> None:
    """ISO base media (MP4, MOV): boxes one after the other to the last byte."""
    at, seen = 0, set()
    while at < size:
        file.seek(at)
        head = file.read(16)
        length, kind = struct.unpack(">I4s", head[:8])
        if length == 1:
            (length,) = struct.unpack(">Q", head[8:16])
        elif length == 0:
            length = size - at
        if length < 8 or at + length > size:
            raise ValueError("it is cut short: a part of it is longer than the file")
        seen.add(kind)
        at += length
    if b"ftyp" not in seen or b"moov" not in seen:
        raise ValueError("it is no video: the parts that every MP4 has are missing")


def _matroska(file: BinaryIO, size: int) -> None:
    if file.read(4) != b"\x1aE\xdf\xa3" or size < 64:
        raise ValueError("it is no Matroska or WebM file")


def _riff(file: BinaryIO, size: int) -> None:
    head = file.read(12)
    magic, length, kind = struct.unpack("<4sI4s", head)
    if magic != b"RIFF" or kind != b"WAVE":
        raise ValueError("it is no WAV file")
    if length not in (0xFFFFFFFF,) and length + 8 > size:
        raise ValueError("it is cut short")


def _starts(*magics: bytes) -> Callable[[BinaryIO, int], None]:
    def look(file: BinaryIO, size: int) -> None:
        head = file.read(16)
        if not head.startswith(magics):
            raise ValueError("its first bytes are those of another kind of file")

    return look


def _gltf(file: BinaryIO, size: int) -> None:
    magic, _, length = struct.unpack("<4sII", file.read(12))
    if magic != b"glTF" or length != size:
        raise ValueError("it is no GLB file, or cut short")


def _safetensors(file: BinaryIO, size: int) -> None:
    import json

    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(size - 8, 100_000_000):
        raise ValueError("it is cut short, or no safetensors file")
    header = json.loads(file.read(length))
    ends = [part["data_offsets"][1] for key, part in header.items() if key != "__metadata__"]
    if 8 + length + max(ends, default=0) != size:
        raise ValueError("it is cut short")


def _json(file: BinaryIO, size: int) -> None:
    import json

    json.loads(file.read())


def _utf8(file: BinaryIO, size: int) -> None:
    file.read().decode("utf-8")


def _svg(file: BinaryIO, size: int) -> None:
    if b"<svg" not in file.read(65536):
        raise ValueError("it is no SVG picture")


_CONTAINERS: dict[str, tuple[str, Callable[[BinaryIO, int], None]]] = {
    ".mp4": ("video/mp4", _boxes),
    ".m4v": ("video/mp4", _boxes),
    ".mov": ("video/quicktime", _boxes),
    ".m4a": ("audio/mp4", _boxes),
    ".webm": ("video/webm", _matroska),
    ".mkv": ("video/x-matroska", _matroska),
    ".wav": ("audio/wav", _riff),
    ".flac": ("audio/flac", _starts(b"fLaC")),
    ".mp3": ("audio/mpeg", _starts(b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xfa")),
    ".ogg": ("audio/ogg", _starts(b"OggS")),
    ".opus": ("audio/ogg", _starts(b"OggS")),
    ".glb": ("model/gltf-binary", _gltf),
    ".exr": ("image/x-exr", _starts(b"\x76\x2f\x31\x01")),
    ".safetensors": ("application/x-safetensors", _safetensors),
    ".latent": ("application/x-safetensors", _safetensors),
    ".json": ("application/json", _json),
    ".txt": ("text/plain", _utf8),
    ".svg": ("image/svg+xml", _svg),
}
