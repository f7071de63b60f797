"""A picture with transparency taken apart for what knows colours only, and put together again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

# Pixels beyond an edge that a filter or model looks at, and that must not be black.
_REACH = 8


def apart(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Colours (RGB) and opacity (L) of an RGBA image.

    Where nothing shows, the colours of the nearest edge go on, and the mean beyond them: a filter
    that mixes neighbours would otherwise draw a rim of whatever colour is hidden there.
    """
    from PIL import Image, ImageFilter

    alpha = image.getchannel("A")
    # Blurred as premultiplied colour, only what shows spreads.
    spread = image.convert("RGBa").filter(ImageFilter.BoxBlur(_REACH)).convert("RGBA")
    mean = image.convert("RGBa").resize((1, 1), Image.Resampling.BOX).convert("RGBA")
    colours = Image.new("RGB", image.size, mean.convert("RGB").getpixel((0, 0)))
    for layer in (spread, image):
        shows = layer.getchannel("A").point(lambda value: 255 if value else 0)
        colours.paste(layer.convert("RGB"), (0, 0), shows)
    return colours, alpha


def together(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    """``colours`` (RGB, any size) with ``alpha`` brought to its size by Lanczos, as RGBA."""
    from PIL import Image

    made = colours.convert("RGB")
    if alpha.size != made.size:
        alpha = alpha.resize(made.size, Image.Resampling.LANCZOS)
    made.putalpha(alpha)
    return made
