"""One real way to provoke each error of ``ategnatos.pictures``."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from ategnatos.pictures import metadata
from ategnatos.pictures.colour import parse_colour, to_srgb
from ategnatos.pictures.decode import decode_picture
from ategnatos.pictures.export import export_picture
from ategnatos.pictures.png_chunks import Chunk, join_chunks, split_chunks
from ategnatos.pictures.sheet import SheetItem, contact_sheet


def _picture(mode: str = "RGBA", size: tuple[int, int] = (8, 8), kind: str = "PNG") -> bytes:
    from PIL import Image

    output = io.BytesIO()
    Image.new(mode, size).save(output, kind)
    return output.getvalue()


def _png_with(chunk: Chunk) -> bytes:
    chunks = split_chunks(_picture())
    return join_chunks([chunks[0], chunk, *chunks[1:]])


def _huge_png() -> bytes:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    return join_chunks(
        [Chunk(b"IHDR", header), Chunk(b"IDAT", zlib.compress(b"\0")), Chunk(b"IEND", b"")]
    )


def _text_bomb() -> bytes:
    return _png_with(Chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"a" * 40_000_000)))


def _much_metadata() -> bytes:
    return metadata.embed(_picture("RGB"), {"prompt": "a" * 70_000})


def _signed() -> bytes:
    return _png_with(Chunk(b"caBX", b"a manifest"))


CASES: dict[str, Callable[[Path], None]] = {
    "picture_credentials": lambda _: _discard(metadata.embed(_signed(), {"seed": 1})),
    "picture_missing": lambda folder: _discard(decode_picture(folder / "none.png")),
    "picture_unknown": lambda _: _discard(decode_picture(b"<svg/>")),
    "picture_unreadable": lambda _: _discard(
        decode_picture(_picture("RGB", (64, 64), "JPEG")[:-300])
    ),
    "picture_too_large": lambda _: _discard(decode_picture(_huge_png())),
    "picture_not_png": lambda _: _discard(metadata.strip(_picture("RGB", kind="JPEG"))),
    "picture_png_damaged": lambda _: _discard(metadata.strip(_picture()[:-5])),
    "picture_text_too_large": lambda _: _discard(metadata.read(_text_bomb())),
    "picture_text_damaged": lambda _: _discard(
        metadata.read(_png_with(Chunk(b"zTXt", b"prompt\0\0not zlib")))
    ),
    "picture_settings_not_json": lambda _: _discard(metadata.embed(_picture(), {"a": {1, 2}})),
    "picture_settings_too_large": lambda _: _discard(
        metadata.embed(_picture(), {"prompt": "a" * 2_000_000})
    ),
    "picture_colour_model_unknown": lambda _: _discard(
        to_srgb(decode_picture(_picture("F", kind="TIFF")))
    ),
    "picture_colour_unknown": lambda _: _discard(parse_colour("whiteish")),
    "picture_format_unknown": lambda _: _discard(export_picture(_picture(), format="bogus")),
    "export_size_invalid": lambda _: _discard(export_picture(_picture(), format="png", width=0)),
    "export_fit_unknown": lambda _: _discard(
        export_picture(_picture(), format="png", width=4, height=8, fit="stretch")  # type: ignore[arg-type]
    ),
    "export_background_needed": lambda _: _discard(export_picture(_picture(), format="jpg")),
    "export_quality_invalid": lambda _: _discard(
        export_picture(_picture(), format="webp", quality=101)
    ),
    "export_resample_unknown": lambda _: _discard(
        export_picture(_picture(), format="png", resample="cubic")  # type: ignore[arg-type]
    ),
    "export_metadata_does_not_fit": lambda _: _discard(
        export_picture(_much_metadata(), format="jpg", keep_metadata=True)
    ),
    "sheet_items_invalid": lambda _: _discard(contact_sheet([], title="none")),
    "sheet_option_invalid": lambda _: _discard(
        contact_sheet([SheetItem(_picture(), "#1")], title="one", theme="mauve")
    ),
}


def _discard(result: object) -> None:
    """The call is made for its error; what it would return is of no use."""
    del result
