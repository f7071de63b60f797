"""Small pictures for strips and grids: made once of each picture's bytes, kept by their hash.

They lie in the account's cache and not in the studio: they can be made again at any time, and
two studios with the same picture share one.
"""

from __future__ import annotations

import io
import os
from contextlib import nullcontext
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import sha256_bytes, write_atomic

if TYPE_CHECKING:
    from PIL import Image

SIDE = 384
MEDIA_TYPE = "image/webp"
_QUALITY = 80
# Changed with the way they are drawn, so that an old one is not taken for a new one.
_LAYOUT = 1
# Drawing takes a core: a page that asks for fifty at once leaves half of them to whoever looks.
_DRAWING = BoundedSemaphore(max(1, min(4, (os.cpu_count() or 2) // 2)))


def place_of(sha256: str) -> Path:
    """Where the small picture of these bytes lies, once it is made."""
    from platformdirs import user_cache_dir

    folder = Path(user_cache_dir("ategnatos")) / "thumbnails"
    return folder / sha256[:2] / f"{sha256}-{SIDE}-{_LAYOUT}.webp"


def thumbnail(source: Path, sha256: str, *, ahead: bool = False) -> bytes | None:
    """The small picture of ``source``; None where its bytes are not those of ``sha256``.

    ``ahead``: nobody waits for it, so it is drawn beside those that somebody waits for.

    Raises StudioError as :func:`ategnatos.pictures.decode.decode_picture`, and OSError.
    """
    place = place_of(sha256)
    try:
        return place.read_bytes()
    except FileNotFoundError:
        pass
    data = source.read_bytes()
    if sha256_bytes(data) != sha256:
        return None
    with nullcontext() if ahead else _DRAWING:
        small = _drawn(data)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(place, small)
    return small


def _drawn(data: bytes) -> bytes:
    from ategnatos.pictures.colour import to_srgb
    from ategnatos.pictures.decode import decode_picture
    from ategnatos.pictures.resize import resize

    picture = to_srgb(decode_picture(data)).image
    largest = max(picture.size)
    if largest > SIDE:
        size = _scaled(picture, SIDE / largest)
        picture = resize(picture, size, "lanczos")
    elif largest * 2 <= SIDE:
        # A sprite: whole multiples keep its pixels square and sharp.
        picture = resize(picture, _scaled(picture, SIDE // largest), "nearest")
    out = io.BytesIO()
    exact = largest * 2 <= SIDE
    picture.save(out, "WEBP", quality=_QUALITY, method=2, lossless=exact)
    return out.getvalue()


def _scaled(picture: Image.Image, factor: float) -> tuple[int, int]:
    return (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
