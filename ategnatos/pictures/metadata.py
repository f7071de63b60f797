"""The exact settings inside the picture file: embedded, read back, and taken out again.

A PNG is changed chunk by chunk, so its compressed pixels stay the bytes they were. ``embed``
writes two texts: ``ategnatos``, the full settings as canonical JSON, and ``parameters``, which
other tools read. What goes in leaves the house with the file: credentials are masked.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.redaction import redact, redact_value
from ategnatos.pictures import a1111
from ategnatos.pictures.credentials import refuse_edit
from ategnatos.pictures.decode import (
    DECODER_FAILURES,
    PictureSource,
    decode_picture,
    name_of,
    source_bytes,
)
from ategnatos.pictures.exif_text import ORIENTATION, read_exif_texts
from ategnatos.pictures.png_chunks import (
    PNG_SIGNATURE,
    TEXT_KINDS,
    Chunk,
    join_chunks,
    split_chunks,
)
from ategnatos.pictures.png_text import chunk_keyword, read_texts, text_chunk

SETTINGS_NOT_JSON = ErrorCode("picture_settings_not_json", "The settings are not plain JSON.")
SETTINGS_TOO_LARGE = ErrorCode("picture_settings_too_large", "The settings are too large to embed.")

OUR_KEYWORD = "ategnatos"
MAX_SETTINGS_BYTES = 1024 * 1024

# Everything a decoder needs to show the same colours, and nothing that tells a story.
_PIXEL_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD pHYs sPLT hIST "
    b"acTL fcTL fdAT".split()
)


class EmbeddedMetadata(TypedDict, total=False):
    """What a picture file says of its making; only what was found is there.

    ``making``: each program's account, the most exact first, with the same names of settings
    whoever wrote it (:class:`~ategnatos.pictures.makers.Making`). ``ategnatos``: our settings.
    ``comfyui``: ``prompt`` and ``workflow`` graphs. ``a1111``: the parsed ``parameters``.
    ``texts``: every other text by keyword. ``problems``: what was there and could not be
    understood, one sentence each.
    """

    making: list[dict[str, Any]]

    ategnatos: dict[str, Any]
    comfyui: dict[str, Any]
    a1111: a1111.A1111Parameters
    texts: dict[str, str]
    problems: list[str]


def embed(png: bytes, settings: Mapping[str, Any]) -> bytes:
    """``png`` with ``settings`` (JSON values) inside, replacing what ``embed`` put there before.

    ``settings`` are an engine's own, or a record that holds them under ``settings``; from them
    comes the text for other tools. The pixels are not decoded: every other chunk is carried
    over byte for byte. Raises StudioError (``picture_not_png``, ``picture_png_damaged``,
    ``picture_settings_not_json``, ``picture_settings_too_large``, ``picture_credentials``).
    """
    refuse_edit(png)
    settings = redact_value(dict(settings))
    ours = [text_chunk(OUR_KEYWORD, canonical_json(settings))]
    engine_settings = settings.get("settings")
    made_with = engine_settings if isinstance(engine_settings, Mapping) else settings
    if parameters := a1111.write_parameters(made_with):
        ours.append(text_chunk("parameters", parameters))
    replaced = {OUR_KEYWORD, "parameters"}
    kept = [
        chunk
        for chunk in split_chunks(png)
        if not (chunk.kind in TEXT_KINDS and chunk_keyword(chunk) in replaced)
    ]
    return join_chunks(_before_pixels(kept, ours))


def embed_texts(png: bytes, texts: Mapping[str, str]) -> bytes:
    """``png`` with each of ``texts`` as one more text chunk; only secrets in them are masked.

    Raises StudioError (``picture_credentials`` and those of a damaged file).
    """
    refuse_edit(png)
    added = [text_chunk(keyword, redact(text)) for keyword, text in texts.items()]
    return join_chunks(_before_pixels(split_chunks(png), added))


def read(source: PictureSource) -> EmbeddedMetadata:
    """What a PNG, JPEG, WebP or TIFF says of its making; an empty dict where it says nothing.

    Raises StudioError for a file that is no picture, is damaged, or carries hostile text
    (``picture_*``); metadata of a stranger's making that is merely odd goes to ``problems``.
    """
    texts, problems = read_raw_texts(source)
    return understood(texts, problems)


def read_raw_texts(source: PictureSource) -> tuple[dict[str, str], list[str]]:
    """Keyword to text as stored, whatever the format, and the problems met; errors as ``read``."""
    data = source_bytes(source)
    problems: list[str] = []
    if data.startswith(PNG_SIGNATURE):
        chunks = split_chunks(data, name_of(source))
        # EXIF says what no text says: a few programs write it into PNG files too.
        blocks = [chunk.content for chunk in chunks if chunk.kind == b"eXIf"]
        return {**_exif_texts(blocks, problems), **read_texts(chunks)}, problems
    image = decode_picture(source).image
    texts: dict[str, str] = {}
    try:
        texts = read_exif_texts(image)
    except DECODER_FAILURES as error:
        problems.append(f"The EXIF block cannot be parsed: {error}.")
    for keyword, name in (("Comment", "comment"), ("XML:com.adobe.xmp", "xmp")):
        value = image.info.get(name)
        if isinstance(value, bytes) and 0 < len(value) <= MAX_SETTINGS_BYTES:
            texts.setdefault(keyword, value.decode("utf-8", "replace").strip("\0 "))
    return texts, problems


def _exif_texts(blocks: list[bytes], problems: list[str]) -> dict[str, str]:
    if not blocks:
        return {}
    from PIL import Image

    holder = Image.new("1", (1, 1))
    holder.info["exif"] = blocks[0]
    try:
        return read_exif_texts(holder)
    except DECODER_FAILURES as error:
        problems.append(f"The EXIF block cannot be parsed: {error}.")
        return {}


def strip(png: bytes) -> bytes:
    """A copy of the picture in ``png`` without text, time, EXIF, XMP or bytes after its end.

    It is a new file: content credentials, which are signed for the old one, are left out whole
    rather than broken. Pixels, palette, transparency, ICC profile, gamma and animation stay
    bit-identical. Where EXIF turned the picture, that one fact is kept in an EXIF block of its
    own, so that the picture is shown as before. Raises StudioError (``picture_not_png``,
    ``picture_png_damaged``).
    """
    chunks = split_chunks(png)
    # An unknown critical chunk (capital first letter) is needed to decode: it stays.
    kept = [chunk for chunk in chunks if chunk.kind in _PIXEL_CHUNKS or chunk.kind[:1].isupper()]
    turned = [_only_orientation(chunk) for chunk in chunks if chunk.kind == b"eXIf"]
    return join_chunks(_before_pixels(kept, [chunk for chunk in turned if chunk is not None]))


def canonical_json(settings: Mapping[str, Any]) -> str:
    """Compact JSON with sorted keys, in ASCII, so that no reader can garble it.

    Raises StudioError (``picture_settings_not_json``, ``picture_settings_too_large``).
    """
    try:
        text = json.dumps(dict(settings), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise StudioError(
            SETTINGS_NOT_JSON,
            f"The settings are not plain JSON ({error}); nothing was embedded.",
            hint="Pass only strings, numbers, true, false, null, lists and objects.",
        ) from error
    if len(text) > MAX_SETTINGS_BYTES:
        raise StudioError(
            SETTINGS_TOO_LARGE,
            f"The settings take {len(text):,} bytes; nothing was embedded.",
            hint=f"At most {MAX_SETTINGS_BYTES:,} bytes fit: refer to large parts by their hash.",
        )
    return text


def _before_pixels(chunks: Iterable[Chunk], added: Iterable[Chunk]) -> list[Chunk]:
    """``chunks`` with ``added`` before the first IDAT, where a reader finds them early."""
    result = list(chunks)
    first = next(place for place, chunk in enumerate(result) if chunk.kind == b"IDAT")
    result[first:first] = added
    return result


def _only_orientation(chunk: Chunk) -> Chunk | None:
    from PIL import Image

    exif = Image.Exif()
    try:
        exif.load(chunk.content)
        orientation = exif.get(ORIENTATION)
    except DECODER_FAILURES:
        # EXIF that nobody can parse turns no picture.
        return None
    if not isinstance(orientation, int) or not 2 <= orientation <= 8:
        return None
    # One big-endian TIFF directory with one entry: Orientation, SHORT, count 1.
    directory = io.BytesIO()
    directory.write(b"MM\0*" + struct.pack(">IH", 8, 1))
    directory.write(struct.pack(">HHIHHI", ORIENTATION, 3, 1, orientation, 0, 0))
    return Chunk(b"eXIf", directory.getvalue())


def understood(texts: Mapping[str, str], problems: list[str]) -> EmbeddedMetadata:
    """What ``texts`` (by keyword) say; ``problems`` met on the way are added to."""
    from dataclasses import asdict

    from ategnatos.pictures import makers

    found = EmbeddedMetadata()
    others: dict[str, str] = {}
    graphs: dict[str, Any] = {}
    accounts = makers.accounts(texts)
    if accounts:
        found["making"] = [asdict(one) for one in accounts]
    plain_texts = {one.keyword for one in accounts if one.tool == "Easy Diffusion"}
    for keyword, text in texts.items():
        if keyword == "parameters" and makers.json_object(text) is None:
            found["a1111"] = a1111.parse_parameters(text)
        elif keyword in (OUR_KEYWORD, "prompt", "workflow") and not plain_texts:
            value = makers.json_object(text)
            if value is None:
                problems.append(f"The text {keyword!r} is not a JSON object.")
                others[keyword] = text
            elif keyword == OUR_KEYWORD:
                found["ategnatos"] = value
            else:
                graphs[keyword] = value
        else:
            others[keyword] = text
    if graphs:
        found["comfyui"] = graphs
    if others:
        found["texts"] = others
    if problems:
        found["problems"] = problems
    return found
