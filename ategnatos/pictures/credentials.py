"""Content credentials (C2PA): found in a file, and never broken by an edit in place.

A manifest is signed over every byte of the file but its own. So adding or taking out any chunk
makes it invalid, which reads as "somebody tampered with this": what carries one is left as it is.
Where it lies: a ``caBX`` chunk of a PNG, APP11 segments of JUMBF in a JPEG, a ``C2PA`` chunk of
a WebP. Source: C2PA technical specification 2.2, appendix A.3. Whether it is valid is not
judged here: that needs its certificates.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.pictures.png_chunks import PNG_SIGNATURE

CREDENTIALS_HELD = ErrorCode(
    "picture_credentials", "The file carries content credentials that the edit would break."
)

_JUMBF_OF_C2PA = b"c2pa"
_APP11 = 0xEB
_START_OF_SCAN = 0xDA
_MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """A manifest as it lies in the file: ``place`` names the chunk, ``size`` is in bytes."""

    place: str
    size: int
    sha256: str


def find(data: bytes) -> Credentials | None:
    """The content credentials in a PNG, JPEG or WebP file; None where there are none.

    Damaged files are read as far as they go: this is a look, no check.
    """
    if data.startswith(PNG_SIGNATURE):
        return _told("caBX chunk", _in_png(data))
    if data.startswith(b"\xff\xd8"):
        return _told("APP11 segments", _in_jpeg(data))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _told("C2PA chunk", _in_riff(data))
    return None


def refuse_edit(data: bytes, name: str = "The picture") -> None:
    """Raise StudioError (``picture_credentials``) where an edit in place would break a manifest."""
    found = find(data)
    if found is not None:
        raise StudioError(
            CREDENTIALS_HELD,
            f"{name} carries content credentials (C2PA, {found.size:,} bytes in its {found.place})"
            " that are signed over the whole file; adding or removing anything would make them"
            " read as forged. It was left as it is.",
            hint="Keep the file untouched, or export a copy of its pixels: ategnatos art export.",
            place=found.place,
        )


def _told(place: str, manifest: bytes) -> Credentials | None:
    return Credentials(place, len(manifest), sha256_bytes(manifest)) if manifest else None


def _in_png(data: bytes) -> bytes:
    position = len(PNG_SIGNATURE)
    for _ in range(_MOST_PARTS):
        if position + 8 > len(data):
            break
        (length,) = struct.unpack_from(">I", data, position)
        if data[position + 4 : position + 8] == b"caBX":
            return data[position + 8 : position + 8 + length]
        position += length + 12
    return b""


def _in_jpeg(data: bytes) -> bytes:
    parts: list[bytes] = []
    position = 2
    for _ in range(_MOST_PARTS):
        if position + 4 > len(data) or data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1  # a filling byte
            continue
        if marker == _START_OF_SCAN:
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        content = data[position + 4 : position + 2 + length]
        # JUMBF in parts: "JP", the box's number, the part's number, then the box.
        if marker == _APP11 and content[:2] == b"JP":
            parts.append(content)
        position += 2 + length
    joined = b"".join(parts)
    return joined if _JUMBF_OF_C2PA in joined[:128] else b""


def _in_riff(data: bytes) -> bytes:
    position = 12
    for _ in range(_MOST_PARTS):
        if position + 8 > len(data):
            break
        (length,) = struct.unpack_from("<I", data, position + 4)
        if data[position : position + 4] == b"C2PA":
            return data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
    return b""
