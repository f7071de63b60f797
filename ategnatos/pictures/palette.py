"""Which colours a picture is made of, by name: shares of its visible area, measured in OKLCH.

Where the names end is given by the caller (``knowledge.taste.Names``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.pictures.colour import to_srgb
from ategnatos.pictures.decode import PictureSource, decode_picture

if TYPE_CHECKING:
    from ategnatos.knowledge.taste import Names

# Enough to tell a palette, and a 4096-pixel picture costs no more than a sprite.
_SIDE = 64
_VISIBLE = 128


@dataclass(frozen=True, slots=True)
class Palette:
    """``shares`` sum to 1 over the visible area; ``lightness`` (0 to 1) and ``chroma`` are means.

    ``warmth`` is the share of the coloured area that is warm, None where nothing is coloured.
    """

    shares: dict[str, float]
    lightness: float
    chroma: float
    warmth: float | None

    def traits(self, names: Names) -> tuple[str, ...]:
        """What can be said of it in words, such as ``mostly warm`` or ``much teal``."""
        found = [f"much {n}" for n, share in self.shares.items() if share >= names.dominant_share]
        if self.warmth is not None and self.warmth >= names.mostly:
            found.append("warm colours")
        if self.warmth is not None and self.warmth <= 1 - names.mostly:
            found.append("cool colours")
        if self.chroma < names.muted_below:
            found.append("muted colours")
        if self.chroma > names.vivid_above:
            found.append("vivid colours")
        if self.lightness < names.dark_below:
            found.append("dark colours")
        if self.lightness > names.light_above:
            found.append("light colours")
        return tuple(found)


def measure(source: PictureSource, names: Names) -> Palette | None:
    """The palette of a picture's first frame; None where nothing of it is visible.

    Raises StudioError as :func:`ategnatos.pictures.decode.decode_picture`.
    """
    import numpy as np
    from PIL import Image

    image = to_srgb(decode_picture(source)).image
    if max(image.size) > _SIDE:
        # Nearest keeps the colours that are there; averaging makes ones that nobody painted.
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.NEAREST)
    pixels = np.asarray(image, dtype=np.float64).reshape(-1, 4)
    pixels = pixels[pixels[:, 3] >= _VISIBLE, :3] / 255
    if not len(pixels):
        return None
    lightness, chroma, hue = _oklch(pixels)
    labels = _labels(lightness, chroma, hue, names)
    shares = {name: count / len(pixels) for name, count in _counted(labels).items()}
    coloured = sum(shares.get(name, 0.0) for name in names.warm | names.cool)
    warm = sum(shares.get(name, 0.0) for name in names.warm)
    return Palette(
        shares,
        float(lightness.mean()),
        float(chroma.mean()),
        warm / coloured if coloured > 0.05 else None,
    )


def _oklch(rgb: Any) -> tuple[Any, Any, Any]:
    """Lightness, chroma and hue in degrees of sRGB rows. Constants: Ottosson 2020."""
    import numpy as np

    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    lab = np.cbrt(linear @ to_lms.T) @ to_lab.T
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    hue = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])) % 360
    return lab[:, 0], chroma, hue


def _labels(lightness: Any, chroma: Any, hue: Any, names: Names) -> Any:
    import numpy as np

    grey = chroma < names.grey_below
    cases = [
        (lightness < names.black_below) & (chroma < 2 * names.grey_below),
        grey & (lightness > names.white_above),
        grey,
    ]
    labels = ["black", "white", "gray"]
    for name, (low, high) in names.hues.items():
        inside = (hue >= low) & (hue < high) if low < high else (hue >= low) | (hue < high)
        if name in ("orange", "yellow"):
            cases.append(inside & (lightness < names.brown_below))
            labels.append("brown")
        cases.append(inside)
        labels.append(name)
    return np.select(cases, labels, default="gray")


def _counted(labels: Any) -> dict[str, int]:
    import numpy as np

    found, counts = np.unique(labels, return_counts=True)
    return {str(name): int(count) for name, count in zip(found, counts, strict=True)}
