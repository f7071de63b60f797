"""Enlarge an approved picture for its export: through a model where one is at hand, else by rule.

The front door hands in the ``Enlarger`` (a ComfyUI server with an upscale model); this room
decides whether it is right for the picture, and says which way was taken. A model paints anew
what it enlarges: that is wanted for everything but pixel art, whose pixels are the drawing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from PIL.Image import Image

    from ategnatos.pictures.resize import Resample

UPSCALE_INVALID = ErrorCode("upscale_invalid", "A picture cannot be enlarged like that.")

FACTORS = {"2x": 2, "4x": 4}
AUTO, COMFYUI, LANCZOS, PIXELS = "auto", "comfyui", "lanczos", "pixels"
WAYS = (AUTO, COMFYUI, LANCZOS, PIXELS)


class Made(Protocol):
    """What an enlarger returns: PNG bytes, its size in pixels, and the name of what made it."""

    @property
    def data(self) -> bytes: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def by(self) -> str: ...


# PNG bytes and the factor that is wanted; raises StudioError where it cannot.
Enlarger = Callable[[bytes, int], Made]


@dataclass(frozen=True, slots=True)
class Upscale:
    """What was asked for: the factor, and the way (one of :data:`WAYS`)."""

    factor: int
    way: str = AUTO


@dataclass(frozen=True, slots=True)
class Enlarged:
    """What the exporter is to do: ``source`` to ``width`` x ``height`` by ``resample``.

    ``by`` names what did or will do the enlarging: a model, ``lanczos`` or ``pixels``.
    """

    source: bytes
    width: int
    height: int
    resample: Resample
    by: str
    notes: tuple[str, ...]


def parse(factor: str | None, way: str, *, sized: bool) -> Upscale | None:
    """The options of the command line. ``sized``: an exact size was asked for as well.

    Raises StudioError (``upscale_invalid``).
    """
    if factor is None and way == AUTO:
        return None
    why = ""
    if factor is None:
        why = "--upscale-by says how to enlarge, and --upscale how much is missing"
    elif factor not in FACTORS:
        why = f"{factor!r} is no factor"
    elif way not in WAYS:
        why = f"{way!r} is no way to enlarge"
    elif sized:
        why = "--upscale and --size both say how large it is to be"
    if why or factor is None:
        raise StudioError(
            UPSCALE_INVALID,
            f"Nothing was exported: {why}.",
            hint=f"Use --upscale {' or '.join(FACTORS)}, with --upscale-by {', '.join(WAYS)}.",
        )
    return Upscale(FACTORS[factor], way)


def enlarge(picture: bytes, asked: Upscale, enlarger: Enlarger | None) -> Enlarged:
    """Decide how, and enlarge through the model where that is the way.

    With ``auto``: pixel art by whole pixels, since a model redraws it; else the model; else
    Lanczos, and the notes say why. A model sees colours only: transparency is enlarged by Lanczos
    and put back. Raises what the enlarger raises where ``comfyui`` was asked
    for, and StudioError (``picture_*``) for a source that is no whole picture.
    """
    from ategnatos.pictures.colour import is_opaque, to_srgb
    from ategnatos.pictures.cutout import apart, together
    from ategnatos.pictures.decode import decode_picture
    from ategnatos.pictures.resize import pixel_grid

    image = to_srgb(decode_picture(picture)).image
    width, height = image.width * asked.factor, image.height * asked.factor
    if asked.way == PIXELS or (asked.way == AUTO and pixel_grid(image).is_art):
        note = "" if asked.way == PIXELS else "pixel art: --upscale-by comfyui would redraw it"
        return _by_rule(picture, width, height, "nearest", PIXELS, note)
    if asked.way == LANCZOS:
        return _by_rule(picture, width, height, "lanczos", LANCZOS)
    if enlarger is None:
        return _by_rule(picture, width, height, "lanczos", LANCZOS, "no ComfyUI was asked")
    colours, alpha = (None, None) if is_opaque(image) else apart(image)
    try:
        made = enlarger(picture if colours is None else _png(colours), asked.factor)
    except StudioError as error:
        if asked.way == COMFYUI:
            raise
        why = error.message.splitlines()[0]
        return _by_rule(picture, width, height, "lanczos", LANCZOS, f"ComfyUI was not used: {why}")
    notes = [f"enlarged by {made.by}"]
    if (made.width, made.height) != (width, height):
        notes.append(f"the model made {made.width}x{made.height}; the rest by Lanczos")
    data = made.data
    if alpha is not None:
        data = _png(together(decode_picture(data).image, alpha))
        notes.append("its transparency by Lanczos")
    source = _with_texts_of(picture, data)
    return Enlarged(source, width, height, "lanczos", made.by, tuple(notes))


def _by_rule(
    picture: bytes, width: int, height: int, resample: Resample, by: str, note: str = ""
) -> Enlarged:
    own = {LANCZOS: "enlarged by Lanczos", PIXELS: "enlarged by whole pixels"}[by]
    return Enlarged(picture, width, height, resample, by, (own, note) if note else (own,))


def _png(image: Image) -> bytes:
    import io

    output = io.BytesIO()
    image.save(output, "PNG")
    return output.getvalue()


def _with_texts_of(picture: bytes, made: bytes) -> bytes:
    """The model's pixels with the candidate's own texts: the server's say only how it enlarged."""
    from ategnatos.pictures.metadata import embed_texts, read_raw_texts, strip

    texts, _problems = read_raw_texts(picture)
    return embed_texts(strip(made), texts)
