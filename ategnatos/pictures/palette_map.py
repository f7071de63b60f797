"""A picture in the colours of a palette: each visible pixel becomes the nearest of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from ategnatos.pictures.colour import parse_colour, to_srgb
from ategnatos.pictures.decode import decode_picture

# Pixels by colours at once: bounds the memory of a large picture with a large palette.
_AT_ONCE = 1 << 18


def keep_to(png: bytes, palette: Sequence[str]) -> bytes:
    """``png`` as PNG in sRGB with no colour but those of ``palette`` (``#rrggbb``).

    Nearest by distance in OKLab, the first of two that are as near; transparency stays. The same
    bytes give the same bytes. Raises StudioError as
    :func:`ategnatos.pictures.decode.decode_picture`.
    """
    import numpy as np
    from PIL import Image

    image = to_srgb(decode_picture(png)).image.convert("RGBA")
    pixels = np.asarray(image)
    colours = np.array([parse_colour(one)[:3] for one in palette], dtype=np.uint8)
    used, places = np.unique(pixels[..., :3].reshape(-1, 3), axis=0, return_inverse=True)
    wanted = _oklab(colours)
    step = max(1, _AT_ONCE // len(colours))
    nearest = np.concatenate(
        [
            _distances(_oklab(used[start : start + step]), wanted).argmin(axis=1)
            for start in range(0, len(used), step)
        ]
    )
    mapped = colours[nearest][places.reshape(-1)].reshape(pixels[..., :3].shape)
    mapped[pixels[..., 3] == 0] = 0
    written = io.BytesIO()
    whole = np.dstack([mapped, pixels[..., 3]])
    Image.fromarray(whole).save(written, "PNG")
    return written.getvalue()


def _distances(left: Any, right: Any) -> Any:
    return ((left[:, None, :] - right[None, :, :]) ** 2).sum(axis=2)


def _oklab(rgb: Any) -> Any:
    """OKLab of 8-bit sRGB, after https://bottosson.github.io/posts/oklab/ (public domain)."""
    import numpy as np

    share = rgb.astype(np.float64) / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    lms = linear @ np.array(
        [
            [0.4122214708, 0.2119034982, 0.0883024619],
            [0.5363325363, 0.6806995451, 0.2817188376],
            [0.0514459929, 0.1073969566, 0.6299787005],
        ]
    )
    return np.cbrt(lms) @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )
