"""Files as they should not be, each with the finding that it must give."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.train.dataset import generated


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as bytes of that kind."""
    held = io.BytesIO()
    image.save(held, kind, **options)
    return held.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with a right checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header says it is that large, in few bytes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    packed = chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
    return b"\x89PNG\r\n\x1a\n" + header + packed + chunk(b"IEND", b"")


def many_chunks() -> bytes:
    """A PNG of nothing but empty chunks."""
    plain = encoded(Image.new("RGB", (8, 8), "red"), "PNG")
    return plain[:33] + chunk(b"teSt", b"") * 60_000 + plain[33:]


def broken(seed: int) -> dict[str, tuple[bytes, set[str]]]:
    """Name to (bytes, codes of which one must be found): none is a whole picture."""
    rng = np.random.default_rng([seed, 30])
    image = generated.painted(rng, 640, 480)
    jpg, png = encoded(image, "JPEG", quality=90), encoded(image, "PNG")
    webp, gif = encoded(image, "WEBP"), encoded(image.quantize(64), "GIF")
    progressive = encoded(image, "JPEG", quality=85, progressive=True)
    cut = {"truncated", "damaged"}
    found = {
        "zero.jpg": (b"", {"empty"}),
        "zeros.png": (bytes(5000), {"not_a_picture", "damaged"}),
        "page.png": (b"<!DOCTYPE html><html><body>404</body></html>", {"not_a_picture"}),
        "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {"not_a_picture"}),
        "text.jpg": (b"no picture at all", {"not_a_picture"}),
        "pointer.png": (b"version https://git-lfs.github.com/spec/v1\n", {"not_a_picture"}),
        "bomb.png": (bomb(30_000, 30_000), {"bomb"}),
        "bomb-wide.png": (bomb(2_000_000, 200), {"bomb"}),
        "chunks.png": (many_chunks(), {"bomb", "damaged"}),
        "header-only.jpg": (jpg[:400], cut | {"not_a_picture"}),
        "checksum.png": (_flip(png, len(png) // 2), {"damaged"}),
        "middle.jpg": (_overwrite(jpg, len(jpg) // 2, 1024, rng), cut),
    }
    for name, whole in (("a.jpg", jpg), ("p.jpg", progressive), ("b.png", png), ("d.gif", gif)):
        for share in (0.2, 0.5, 0.9, 0.99):
            found[f"cut-{share}-{name}"] = (whole[: int(len(whole) * share)], cut)
    found["cut-0.5-c.webp"] = (webp[: len(webp) // 2], cut | {"not_a_picture"})
    return found


def whole(seed: int) -> dict[str, bytes]:
    """Pictures in odd but right forms: none is broken."""
    rng = np.random.default_rng([seed, 31])
    image = generated.painted(rng, 400, 300)
    sixteen = Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)
    return {
        "plain.jpg": encoded(image, "JPEG"),
        "progressive.jpg": encoded(image, "JPEG", progressive=True),
        "optimised.jpg": encoded(image, "JPEG", optimize=True, quality=30),
        "sampled.jpg": encoded(image, "JPEG", subsampling=0, quality=100),
        "grey.jpg": encoded(image.convert("L"), "JPEG"),
        "tail.jpg": encoded(image, "JPEG") + b"some camera's own bytes",
        "cmyk.jpg": encoded(image.convert("CMYK"), "JPEG"),
        "sixteen.png": encoded(sixteen, "PNG"),
        "palette.png": encoded(image.quantize(32), "PNG"),
        "one-bit.png": encoded(image.convert("1"), "PNG"),
        "alpha.png": encoded(image.convert("RGBA"), "PNG"),
        "lossless.webp": encoded(image, "WEBP", lossless=True),
        "still.gif": encoded(image.quantize(32), "GIF"),
        "plain.bmp": encoded(image, "BMP"),
        "plain.tiff": encoded(image, "TIFF"),
        "tiny.png": encoded(image.resize((1, 1)), "PNG"),
        "thin.png": encoded(image.resize((2000, 2)), "PNG"),
    }


NAMES = ("a\nb.png", 'it\'s "so".png', "ann [1].png", "50%.png", "st*r?.png", "é" * 125 + ".png")


def fill(folder: Path, files: dict[str, bytes]) -> None:
    """Write them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def with_hostile_names(folder: Path) -> list[bytes]:
    """Pictures under names that break scripts; the names as bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [os.fsencode(name) for name in NAMES] + [b"not-\xff-text.png", b"x" * 251 + b".png"]
    for n, name in enumerate(names):
        image = generated.figure(np.random.default_rng([7, n]), 200, 200)
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(encoded(image, "PNG"))
    return names


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]


def _overwrite(data: bytes, at: int, count: int, rng: np.random.Generator) -> bytes:
    return data[:at] + rng.bytes(count) + data[at + count :]
