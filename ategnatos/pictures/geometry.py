"""How large an exported picture becomes, and which part of the box it fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.decode import MAX_PIXELS
from ategnatos.pictures.formats import PictureFormat
from ategnatos.pictures.resize import PixelGrid

SIZE_INVALID = ErrorCode("export_size_invalid", "A picture of that size cannot be written.")
FIT_UNKNOWN = ErrorCode("export_fit_unknown", "There is no such way to fit a picture in a box.")

Fit = Literal["contain", "cover", "pad"]
FITS: tuple[Fit, ...] = ("contain", "cover", "pad")


@dataclass(frozen=True, slots=True)
class Layout:
    """In pixels: ``scaled``, the size the whole picture is resized to; ``canvas``, the size of
    the file; ``offset``, where the scaled picture's top left corner lies on the canvas, negative
    where it is cropped.
    """

    scaled: tuple[int, int]
    canvas: tuple[int, int]
    offset: tuple[int, int]
    notes: tuple[str, ...] = ()


def lay_out(
    size: tuple[int, int],
    grid: PixelGrid,
    *,
    width: int | None,
    height: int | None,
    fit: Fit | None,
    whole_factors: bool,
) -> Layout:
    """Where a picture of ``size`` goes when ``width`` and ``height`` (pixels) are asked for.

    Neither: as it is. One: exactly that side, the other follows the aspect. Both: by ``fit``,
    which is ``pad`` where it is None and the aspect differs:

    * ``contain``: as large as fits in the box; at most width x height, the aspect kept.
    * ``pad``: exactly width x height, the whole picture centred, the rest is background. With
      ``whole_factors`` pixel art takes the largest whole factor of its own grid that fits.
    * ``cover``: exactly width x height, filled, the overhang cropped evenly on both sides.

    Raises StudioError (``export_size_invalid``, ``export_fit_unknown``).
    """
    if fit is not None and fit not in FITS:
        raise StudioError(
            FIT_UNKNOWN,
            f"{fit!r} is no way to fit a picture in a box; nothing was exported.",
            hint=f"Choose one of: {', '.join(FITS)}.",
            fit=fit,
        )
    for side in (width, height):
        if side is not None and side < 1:
            raise _invalid(f"a side of {side} pixels", "Ask for at least 1 pixel.")
    if fit is not None and (width is None or height is None):
        raise _invalid(
            f"--fit {fit} with one side only",
            "Give both --width and --height, or leave --fit out to keep the aspect.",
        )
    if width is None and height is None:
        return Layout(size, size, (0, 0))
    if width is None or height is None:
        box = (width or _share(height, size[0], size[1]), height or _share(width, *size[::-1]))
        return Layout(box, box, (0, 0))
    return _in_box(size, grid, (width, height), fit, whole_factors)


def check_canvas(canvas: tuple[int, int], kind: PictureFormat) -> None:
    """Refuse a canvas that ``kind`` or memory cannot hold (``export_size_invalid``)."""
    if max(canvas) > kind.max_side:
        raise _invalid(
            f"{canvas[0]}x{canvas[1]} pixels as {kind.title}",
            f"{kind.title} holds at most {kind.max_side:,} pixels a side.",
        )
    if canvas[0] * canvas[1] > MAX_PIXELS:
        raise _invalid(
            f"{canvas[0]}x{canvas[1]} pixels",
            f"The studio writes pictures up to {MAX_PIXELS:,} pixels in all.",
        )


def _in_box(
    size: tuple[int, int], grid: PixelGrid, box: tuple[int, int], fit: Fit | None, whole: bool
) -> Layout:
    notes: list[str] = []
    same_aspect = _contained(size, box) == box
    if fit is None:
        if same_aspect:
            return Layout(box, box, (0, 0))
        fit = "pad"
        notes.append("the aspect differs, so the picture was padded; --fit cover crops instead")
    if fit == "contain":
        scaled = _contained(size, box)
        return Layout(scaled, scaled, (0, 0))
    scaled = _contained(size, box) if fit == "pad" else _covering(size, box)
    if fit == "pad" and whole and grid.is_art:
        factor = min(box[0] // grid.width, box[1] // grid.height)
        if factor >= 1:
            scaled = (grid.width * factor, grid.height * factor)
    offset = ((box[0] - scaled[0]) // 2, (box[1] - scaled[1]) // 2)
    if fit == "cover" and scaled != box:
        notes.append(f"cropped from {scaled[0]}x{scaled[1]} to {box[0]}x{box[1]}, centred")
    return Layout(scaled, box, offset, tuple(notes))


def _contained(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    if size[0] * box[1] >= size[1] * box[0]:
        return box[0], min(box[1], _share(box[0], size[1], size[0]))
    return min(box[0], _share(box[1], size[0], size[1])), box[1]


def _covering(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    if size[0] * box[1] <= size[1] * box[0]:
        return box[0], max(box[1], _share(box[0], size[1], size[0]))
    return max(box[0], _share(box[1], size[0], size[1])), box[1]


def _share(side: int | None, part: int, whole: int) -> int:
    """``side`` * ``part`` / ``whole`` to the nearest pixel, at least 1, in whole numbers."""
    return max(1, ((side or 0) * part * 2 + whole) // (whole * 2))


def _invalid(what: str, hint: str) -> StudioError:
    return StudioError(
        SIZE_INVALID, f"{what[:1].upper()}{what[1:]} was refused; nothing was exported.", hint=hint
    )
