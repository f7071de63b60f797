"""A picture as the file somebody asked for: its format, its exact size, nothing hidden in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.colour import Colour, is_opaque, parse_colour, to_srgb
from ategnatos.pictures.credentials import find as find_credentials
from ategnatos.pictures.decode import PictureSource, decode_picture, source_bytes
from ategnatos.pictures.encode import encode, split_texts
from ategnatos.pictures.formats import PictureFormat, writable_format
from ategnatos.pictures.geometry import Fit, Layout, check_canvas, lay_out
from ategnatos.pictures.metadata import read_raw_texts
from ategnatos.pictures.resize import PixelGrid, Resample, pixel_grid, resize

if TYPE_CHECKING:
    from PIL import Image

BACKGROUND_NEEDED = ErrorCode(
    "export_background_needed", "The format has no transparency and no background was chosen."
)
QUALITY_INVALID = ErrorCode("export_quality_invalid", "That quality does not fit the format.")
RESAMPLE_UNKNOWN = ErrorCode("export_resample_unknown", "There is no such way to resize.")

RESAMPLES: tuple[Resample, ...] = ("auto", "nearest", "lanczos")
_TRANSPARENT: Colour = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ExportedPicture:
    """The finished file: ``data`` is its bytes, sizes are in pixels, ``format`` its name.

    ``notes`` say in plain words what was done to the picture on the way, one thing each.
    ``enlarged_by`` names what enlarged it before, "" where nothing did.
    """

    data: bytes
    width: int
    height: int
    format: str
    notes: tuple[str, ...]
    enlarged_by: str = ""


def export_picture(
    source: PictureSource,
    *,
    format: str,
    width: int | None = None,
    height: int | None = None,
    fit: Fit | None = None,
    background: str | None = None,
    resample: Resample = "auto",
    keep_metadata: bool = False,
    quality: int | None = None,
) -> ExportedPicture:
    """``source`` as ``format`` (png, webp, jpg) at the size asked for; B-20 is its counterexample.

    ``width`` and ``height`` are pixels and mean exactly that; see
    :func:`~ategnatos.pictures.geometry.lay_out` for one side only and for ``fit``.
    ``background`` (a CSS colour) goes under every transparent pixel and into padding; without
    one they stay transparent, which JPEG refuses. ``resample`` ``auto`` repeats the pixels of
    pixel art and smooths everything else. ``quality`` is 1 to 100; by default WebP is lossless
    for pixel art and the data file decides for the rest. Text and EXIF stay out unless
    ``keep_metadata``; the result is 8-bit sRGB, upright, with no colour under alpha 0.

    Raises StudioError for bad values (``export_*``, ``picture_format_unknown``,
    ``picture_colour_unknown``) and for a source that is no whole picture (``picture_*``).
    """
    kind = writable_format(format)
    fill = parse_colour(background) if background is not None else None
    if resample not in RESAMPLES:
        raise StudioError(
            RESAMPLE_UNKNOWN,
            f"{resample!r} is no way to resize; nothing was exported.",
            hint=f"Choose one of: {', '.join(RESAMPLES)}.",
            resample=resample,
        )
    _check_quality(quality, kind)
    converted = to_srgb(decode_picture(source))
    image = converted.image
    notes = list(converted.notes)

    grid = pixel_grid(image)
    layout = lay_out(
        image.size,
        grid,
        width=width,
        height=height,
        fit=fit,
        whole_factors=resample != "lanczos",
    )
    check_canvas(layout.canvas, kind)
    check_canvas(layout.scaled, kind)
    notes += layout.notes
    scaled = resize(image, layout.scaled, resample)
    notes += _resize_notes(image.size, layout, grid, resample)
    finished = _on_canvas(scaled, layout, fill)
    finished = _without_alpha_where_none(finished, kind, notes, fill, was=image)

    texts = _kept_texts(source, kind, keep_metadata, notes)
    used_quality = quality if quality is not None else _default_quality(kind, grid)
    if kind.lossy:
        notes.append(
            f"{kind.title} quality {used_quality}" if used_quality else f"{kind.title} lossless"
        )
    data = encode(finished, kind, quality=used_quality, texts=texts)
    return ExportedPicture(data, finished.width, finished.height, kind.name, tuple(notes))


def _check_quality(quality: int | None, kind: PictureFormat) -> None:
    if quality is None:
        return
    if kind.quality is None:
        raise StudioError(
            QUALITY_INVALID,
            f"{kind.title} is lossless and has no quality; nothing was exported.",
            hint="Leave --quality out, or choose --format webp or jpg.",
        )
    if not 1 <= quality <= 100:
        raise StudioError(
            QUALITY_INVALID,
            f"A quality of {quality} does not exist; nothing was exported.",
            hint=f"Use 1 to 100; {kind.quality} is the default of {kind.title}.",
        )


def _default_quality(kind: PictureFormat, grid: PixelGrid) -> int | None:
    """None is lossless: for pixel art in WebP that is both exact and smaller."""
    return None if kind.name == "webp" and grid.is_art else kind.quality


def _on_canvas(image: Image.Image, layout: Layout, fill: Colour | None) -> Image.Image:
    from PIL import Image

    if layout.canvas == layout.scaled and fill is None:
        return image
    canvas = Image.new("RGBA", layout.canvas, fill or _TRANSPARENT)
    # alpha_composite takes no negative place: an overhang is cropped from the picture instead.
    left, top = (max(0, -place) for place in layout.offset)
    visible = image.crop((left, top, min(image.width, left + canvas.width), image.height))
    visible = visible.crop((0, 0, visible.width, min(visible.height, canvas.height)))
    canvas.alpha_composite(visible, (max(0, layout.offset[0]), max(0, layout.offset[1])))
    return canvas


def _without_alpha_where_none(
    image: Image.Image,
    kind: PictureFormat,
    notes: list[str],
    fill: Colour | None,
    *,
    was: Image.Image,
) -> Image.Image:
    if not is_opaque(image):
        if not kind.alpha:
            raise StudioError(
                BACKGROUND_NEEDED,
                f"The picture is transparent in places and {kind.title} cannot show that; "
                "nothing was exported.",
                hint="Choose what lies under it, for example --background white, or use "
                "--format png or webp.",
            )
        if is_opaque(was):
            notes.append("the padding is transparent; --background fills it")
    elif fill is not None and not is_opaque(was):
        notes.append("transparent parts lie on the background colour")
    return image


def _resize_notes(
    size: tuple[int, int], layout: Layout, grid: PixelGrid, resample: Resample
) -> list[str]:
    notes: list[str] = []
    if layout.scaled != size:
        across, down = (layout.scaled[0] / grid.width, layout.scaled[1] / grid.height)
        change = f"{size[0]}x{size[1]} to {layout.scaled[0]}x{layout.scaled[1]}"
        if resample == "lanczos" or not (grid.is_art or resample == "nearest"):
            larger = layout.scaled[0] > size[0] or layout.scaled[1] > size[1]
            notes.append(
                f"resized from {change} by Lanczos"
                + (": enlarged, which adds no detail" if larger else "")
            )
        elif across == down and across.is_integer():
            notes.append(f"{change}: {grid.width}x{grid.height} pixel art at {across:.0f}x, exact")
        elif across < 1 or down < 1:
            way = "smoothed" if resample == "auto" else "pixels dropped"
            notes.append(
                f"{change}: smaller than the art's own {grid.width}x{grid.height} pixels, so {way}"
            )
        else:
            notes.append(_uneven_note(change, layout, grid))
    if layout.canvas != layout.scaled and min(layout.offset) >= 0:
        notes.append(f"centred on {layout.canvas[0]}x{layout.canvas[1]}")
    return notes


def _uneven_note(change: str, layout: Layout, grid: PixelGrid) -> str:
    below = max(1, min(layout.scaled[0] // grid.width, layout.scaled[1] // grid.height))
    sizes = " or ".join(
        f"{grid.width * factor}x{grid.height * factor}" for factor in (below, below + 1)
    )
    return (
        f"{change} is no whole factor of the {grid.width}x{grid.height} pixel art, so its pixels "
        f"are uneven; {sizes} would be exact, and so would --fit pad"
    )


def _kept_texts(
    source: PictureSource, kind: PictureFormat, keep: bool, notes: list[str]
) -> dict[str, str]:
    if find_credentials(source_bytes(source)) is not None:
        # Signed for the bytes of the source, of which this file has none.
        notes.append("the source's content credentials (C2PA) hold for it alone: left out")
    if not keep:
        return {}
    texts, problems = read_raw_texts(source)
    carried, left_out = split_texts(texts, kind)
    notes += problems
    if not texts:
        notes.append("there was no metadata to keep")
    if left_out:
        notes.append(f"{kind.title} has no place for the texts {', '.join(left_out)}: left out")
    if carried:
        notes.append(f"metadata kept: {', '.join(sorted(carried))}")
    return carried
