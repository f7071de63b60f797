"""NovelAI: what stands in the text chunks, or in the lowest bits of the transparency.

Source: receyuki/stable-diffusion-prompt-reader, format/novelai.py; d3x-at/sd-parsers 0.6.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from ategnatos.pictures.makers import Making, Texts, json_object, settings_of, text_of

if TYPE_CHECKING:
    from PIL import Image

_MAGIC = {b"stealth_pngcomp": True, b"stealth_pnginfo": False}
_MAGIC_BITS = 8 * 15
_LENGTH_BITS = 32
_MOST_BYTES = 4 * 1024 * 1024
_LOWEST_BIT = bytes(ord("0") + (value & 1) for value in range(256))


def read(texts: Texts) -> Making | None:
    """The account in ``Comment`` of a file whose ``Software`` is NovelAI."""
    if texts.get("Software") != "NovelAI" and not texts.get("Source", "").startswith("NovelAI"):
        return None
    said = json_object(texts.get("Comment"))
    if said is None:
        return None
    return Making(
        "NovelAI",
        "Comment",
        text_of(texts.get("Description")) or text_of(said.get("prompt")),
        text_of(said.get("uc")),
        settings_of(
            model=texts.get("Source"),
            seed=said.get("seed"),
            steps=said.get("steps"),
            cfg=said.get("scale"),
            sampler=said.get("sampler"),
            scheduler=said.get("noise_schedule"),
            strength=said.get("strength"),
            width=said.get("width"),
            height=said.get("height"),
        ),
    )


def hidden_texts(image: Image.Image) -> dict[str, str]:
    """The texts hidden in the transparency of a decoded picture, nothing where there are none.

    Bits run down the columns, one in each pixel's alpha. The length is bounded by the picture.
    """
    if image.mode != "RGBA" or image.width * image.height < _MAGIC_BITS + _LENGTH_BITS:
        return {}
    from PIL import Image

    # Only so many columns as hold the mark, so that every other picture costs next to nothing.
    needed = -(-(_MAGIC_BITS + _LENGTH_BITS) // image.height)
    head = image.crop((0, 0, needed, image.height)).getchannel("A")
    bits = head.transpose(Image.Transpose.TRANSPOSE).tobytes().translate(_LOWEST_BIT)
    packed = _MAGIC.get(_bytes(bits[:_MAGIC_BITS]))
    if packed is None:
        return {}
    length = int(bits[_MAGIC_BITS : _MAGIC_BITS + _LENGTH_BITS], 2)
    start = _MAGIC_BITS + _LENGTH_BITS
    if length % 8 or length // 8 > _MOST_BYTES or start + length > image.width * image.height:
        return {}
    alpha = image.getchannel("A").transpose(Image.Transpose.TRANSPOSE).tobytes()
    body = _bytes(alpha[start : start + length].translate(_LOWEST_BIT))
    if packed:
        inflater = zlib.decompressobj(wbits=31)
        try:
            body = inflater.decompress(body, _MOST_BYTES)
        except zlib.error:
            return {}
    said = json_object(body.decode("utf-8", "replace")) or {}
    return {key: value for key, value in said.items() if isinstance(value, str)}


def _bytes(bits: bytes) -> bytes:
    """Eight characters ``0`` or ``1`` a byte, the highest first."""
    return int(bits, 2).to_bytes(len(bits) // 8, "big") if bits else b""
