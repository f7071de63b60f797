"""A PNG file as its list of chunks, checked to the last byte, and back again.

Metadata is added to and dropped from a PNG at this level, so that the compressed pixels are
carried over as they are. Layout: https://www.w3.org/TR/png-3/#5DataRep
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from ategnatos.grimoire.errors import ErrorCode, StudioError

NOT_A_PNG = ErrorCode("picture_not_png", "Only a PNG file can be worked on without re-encoding.")
PNG_DAMAGED = ErrorCode("picture_png_damaged", "The PNG file is cut short or fails its checksums.")

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXT_KINDS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
# More chunks than any encoder writes: 80 million pixels in 8 KiB IDATs stay well below.
MAX_CHUNKS = 200_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its four-letter kind and its content, without length and checksum."""

    kind: bytes
    content: bytes


def split_chunks(data: bytes, name: str = "The picture") -> list[Chunk]:
    """The chunks of a PNG file from IHDR to IEND; bytes after IEND are no part of it.

    Raises StudioError (``picture_not_png``, ``picture_png_damaged``); ``name`` is how the
    message calls the file.
    """
    return [Chunk(kind, data[start:end]) for kind, start, end in _spans(data, name)]


def without_texts(data: bytes, name: str = "The picture") -> bytes:
    """The file without its text chunks; itself where it has none. Errors as `split_chunks`.

    The chunks that stay are carried over with the checksums they were just held against.
    """
    spans = _spans(data, name)
    if not any(kind in TEXT_KINDS for kind, _, _ in spans):
        return data
    kept = [data[start - 8 : end + 4] for kind, start, end in spans if kind not in TEXT_KINDS]
    return b"".join((PNG_SIGNATURE, *kept))


def _spans(data: bytes, name: str) -> list[tuple[bytes, int, int]]:
    """Kind, and first and last place of the content, of each chunk; every checksum is right."""
    if not data.startswith(PNG_SIGNATURE):
        raise StudioError(
            NOT_A_PNG,
            f"{name} is not a PNG file; it was left as it is.",
            hint="Export it to PNG first (--format png).",
        )
    spans: list[tuple[bytes, int, int]] = []
    view = memoryview(data)
    position = len(PNG_SIGNATURE)
    while not spans or spans[-1][0] != b"IEND":
        if len(spans) >= MAX_CHUNKS:
            raise _damaged(name, f"it has more than {MAX_CHUNKS:,} chunks")
        if position + 12 > len(data):
            raise _damaged(name, "it ends before its last chunk")
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            raise _damaged(name, f"its {_printable(kind)} chunk is cut short")
        (checksum,) = struct.unpack_from(">I", data, end)
        if checksum != zlib.crc32(view[position + 4 : end]):
            raise _damaged(name, f"its {_printable(kind)} chunk fails its checksum")
        spans.append((kind, position + 8, end))
        position = end + 4
    if spans[0][0] != b"IHDR" or spans[0][2] - spans[0][1] != 13:
        raise _damaged(name, "it does not start with a header")
    if not any(kind == b"IDAT" for kind, _, _ in spans):
        raise _damaged(name, "it holds no pixels")
    return spans


def join_chunks(chunks: Iterable[Chunk]) -> bytes:
    """A PNG file made of ``chunks``, each with its length and checksum."""
    parts = [PNG_SIGNATURE]
    for chunk in chunks:
        parts.append(struct.pack(">I", len(chunk.content)) + chunk.kind)
        parts.append(chunk.content)
        parts.append(struct.pack(">I", _checksum(chunk.kind, chunk.content)))
    return b"".join(parts)


def _checksum(kind: bytes, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(kind))


def _printable(kind: bytes) -> str:
    return kind.decode("ascii") if kind.isalpha() else repr(kind)


def _damaged(name: str, reason: str) -> StudioError:
    return StudioError(
        PNG_DAMAGED,
        f"{name} is a damaged PNG: {reason}; nothing was done with it.",
        hint="Fetch or make the file again.",
    )
