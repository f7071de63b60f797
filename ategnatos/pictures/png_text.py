"""The text chunks of a PNG: read within bounds, and made.

Layout of tEXt, zTXt and iTXt: https://www.w3.org/TR/png-3/#11textinfo
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.png_chunks import TEXT_KINDS, Chunk

TEXT_TOO_LARGE = ErrorCode(
    "picture_text_too_large", "The text inside the picture file is larger than the studio reads."
)
TEXT_DAMAGED = ErrorCode("picture_text_damaged", "A text inside the picture file is damaged.")

# A ComfyUI workflow of a thousand nodes is about 2 MiB.
MAX_TEXT_BYTES = 16 * 1024 * 1024
MAX_TEXTS = 1000
# ComfyUI's animated PNG files carry their texts in a chunk of its own, laid out like tEXt.
# Source: Comfy-Org/ComfyUI, comfy_api/latest/_ui.py.
COMFYUI_ANIMATED = b"comf"


def text_chunk(keyword: str, text: str) -> Chunk:
    """A text chunk: tEXt where the text is ASCII, which the oldest readers know, else iTXt.

    ``keyword`` satisfies :func:`is_keyword`. NUL characters, which would end the text for
    some readers, become U+FFFD.
    """
    clean = text.replace("\0", "\ufffd")
    key = keyword.encode("latin-1")
    if clean.isascii():
        return Chunk(b"tEXt", key + b"\0" + clean.encode("ascii"))
    # Not compressed (0, 0), no language tag, no translated keyword.
    encoded = clean.encode("utf-8", "replace")
    return Chunk(b"iTXt", key + b"\0\0\0\0\0" + encoded)


def is_keyword(name: str) -> bool:
    """Whether a text chunk can be called ``name``: 1 to 79 printable Latin-1 characters."""
    return 1 <= len(name) <= 79 and name.isprintable() and max(name) <= "\xff"


def chunk_keyword(chunk: Chunk) -> str:
    """The keyword of a text chunk: what comes before its first NUL, as Latin-1."""
    return chunk.content.partition(b"\0")[0].decode("latin-1")


def read_texts(chunks: Iterable[Chunk]) -> dict[str, str]:
    """Keyword to text over all text chunks; of equal keywords the first counts.

    Raises StudioError: ``picture_text_too_large`` above ``MAX_TEXT_BYTES`` in all, packed or
    unpacked, or above ``MAX_TEXTS`` texts; ``picture_text_damaged`` for one that does not
    unpack.
    """
    texts: dict[str, str] = {}
    room = MAX_TEXT_BYTES
    count = 0
    for chunk in chunks:
        if chunk.kind not in TEXT_KINDS and chunk.kind != COMFYUI_ANIMATED:
            continue
        count += 1
        if count > MAX_TEXTS:
            raise _too_large(f"more than {MAX_TEXTS} texts")
        raw, encoding = _unpack(chunk, room)
        room -= len(raw)
        if room < 0:
            raise _too_large(f"more than {MAX_TEXT_BYTES // 1024**2} MiB of text")
        texts.setdefault(chunk_keyword(chunk), raw.decode(encoding, "replace"))
    return texts


def _unpack(chunk: Chunk, room: int) -> tuple[bytes, str]:
    """The text of ``chunk`` as bytes, at most ``room`` + 1 of them, and their encoding."""
    keyword, _, rest = chunk.content.partition(b"\0")
    if chunk.kind in (b"tEXt", COMFYUI_ANIMATED):
        # Latin-1 by the standard; in the field many writers put UTF-8 there.
        return rest, "utf-8" if _is_utf8(rest) else "latin-1"
    if chunk.kind == b"zTXt":
        if rest[:1] != b"\0":
            raise _damaged(keyword, "unknown compression")
        return _inflate(keyword, rest[1:], room), "latin-1"
    flag, method, body = rest[:1], rest[1:2], rest[2:]
    _language, first, body = body.partition(b"\0")
    _translated, second, body = body.partition(b"\0")
    if not (first and second) or flag not in (b"\0", b"\1"):
        raise _damaged(keyword, "its header is cut short")
    if flag == b"\0":
        return body, "utf-8"
    if method != b"\0":
        raise _damaged(keyword, "unknown compression")
    return _inflate(keyword, body, room), "utf-8"


def _inflate(keyword: bytes, packed: bytes, room: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(packed, max(room, 0) + 1)
    except zlib.error as error:
        raise _damaged(keyword, str(error)) from error
    if not inflater.eof and len(text) <= room:
        raise _damaged(keyword, "it is cut short")
    return text


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _too_large(extent: str) -> StudioError:
    return StudioError(
        TEXT_TOO_LARGE,
        f"The picture file carries {extent}; its metadata was not read.",
        hint="The pixels are fine: export without --keep-metadata to leave the text behind.",
    )


def _damaged(keyword: bytes, reason: str) -> StudioError:
    return StudioError(
        TEXT_DAMAGED,
        f"The text {keyword[:79].decode('latin-1')!r} inside the picture file is damaged "
        f"({reason}); its metadata was not read.",
        hint="The pixels are fine: export without --keep-metadata to leave the text behind.",
    )
