"""Generation settings in EXIF, for JPEG and WebP, which have no text chunks.

Two conventions of the field, both read and written: ``UserComment`` holds the A1111 text
(web UIs), and the tags Model, Make and ImageDescription hold ``name:{json}`` (ComfyUI's
WebP nodes count down from Model, 0x0110, in this way).
Source: EXIF 2.32, section 4.6.5; Comfy-Org/ComfyUI, comfy_api/latest/_ui.py.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

EXIF_IFD = 0x8769
USER_COMMENT = 0x9286
ORIENTATION = 0x0112
_NAMED_TEXT_TAGS = (0x0110, 0x010F, 0x010E, 0x010D, 0x010C)
_WRITTEN_TAGS = _NAMED_TEXT_TAGS[:3]
_NAMED_TEXTS = ("prompt", "workflow", "ategnatos")
# A name of ComfyUI's extra data, before the colon that parts it from its JSON.
_A_NAME = re.compile(r"[A-Za-z0-9_. -]{1,60}")
_UNICODE = b"UNICODE\0"
_ASCII = b"ASCII\0\0\0"


def read_exif_texts(image: Image.Image) -> dict[str, str]:
    """The texts in the EXIF of ``image`` by the keyword a PNG would give them.

    Raises what Pillow raises for EXIF that it cannot parse: ``decode.DECODER_FAILURES``.
    """
    with warnings.catch_warnings():
        # Pillow warns of each odd tag; what matters here is whether ours are among the rest.
        warnings.simplefilter("ignore", UserWarning)
        exif = image.getexif()
        details = exif.get_ifd(EXIF_IFD)
    texts: dict[str, str] = {}
    for tag in _NAMED_TEXT_TAGS:
        value = exif.get(tag)
        if isinstance(value, str):
            name, separator, text = value.partition(":")
            text = text.strip("\0 \n")
            if separator and name.strip().lower() in _NAMED_TEXTS:
                texts.setdefault(name.strip().lower(), text)
            elif _A_NAME.fullmatch(name) and text[:1] in ("{", "["):
                texts.setdefault(name.strip(), text)
            elif value[:1] == "{":
                # Older versions of SwarmUI put their JSON here as it is.
                texts.setdefault("parameters", value.strip("\0 \n"))
    comment = _decoded_comment(details.get(USER_COMMENT))
    if comment:
        texts["parameters"] = comment
    return texts


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, where 1 is upright; raises as :func:`read_exif_texts`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        value = image.getexif().get(ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def write_exif_texts(texts: Mapping[str, str]) -> bytes:
    """An EXIF block with ``texts``; keywords other than those that have a tag are refused.

    Raises KeyError for a keyword without a tag: filter with :func:`has_exif_tag` first.
    """
    from PIL import Image

    tags = dict(zip(_NAMED_TEXTS, _WRITTEN_TAGS, strict=True))
    exif = Image.Exif()
    for name, text in texts.items():
        if name == "parameters":
            # Big-endian, as the web UIs write it; without a mark that is also the EXIF default.
            comment = _UNICODE + text.encode("utf-16-be", "replace")
            exif.get_ifd(EXIF_IFD)[USER_COMMENT] = comment
        else:
            exif[tags[name]] = f"{name}:{text}"
    return exif.tobytes()


def has_exif_tag(name: str) -> bool:
    """Whether a text of this keyword has a place in EXIF."""
    return name == "parameters" or name in _NAMED_TEXTS


def _decoded_comment(value: object) -> str:
    """The text of a UserComment: eight bytes say its encoding, then the text."""
    if isinstance(value, str):
        return value.strip("\0 ")
    if not isinstance(value, bytes):
        return ""
    charset, body = value[:8], value[8:]
    if charset == _UNICODE:
        return body.decode(_utf16_order(body), "replace").strip("\0 ")
    if charset in (_ASCII, b"\0" * 8):
        return body.decode("utf-8", "replace").strip("\0 ")
    return value.decode("utf-8", "replace").strip("\0 ")


def _utf16_order(body: bytes) -> str:
    """Big-endian unless more zero bytes stand where little-endian Latin text has them."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    return "utf-16-le" if body[1::2].count(0) > body[0::2].count(0) else "utf-16-be"
