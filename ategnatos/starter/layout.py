"""Where the model's square lies on a canvas, by whole pixels. No numpy: planning needs this."""

from __future__ import annotations

from dataclasses import dataclass

OPAQUE_FROM = 128  # alpha of 0..255 at which a pixel is there; below it is not


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the model's square lies on a canvas of ``width`` x ``height`` pixels.

    Each pixel of the model is ``factor`` pixels wide; ``left`` and ``top`` are the margins.
    """

    width: int
    height: int
    side: int
    factor: int
    left: int
    top: int

    @property
    def fills(self) -> bool:
        """Whether the square is the whole canvas."""
        return self.factor * self.side == self.width == self.height

    def square(self) -> tuple[slice, slice]:
        """Rows and columns of the canvas that the model draws on."""
        extent = self.factor * self.side
        return slice(self.top, self.top + extent), slice(self.left, self.left + extent)


def layout(width: int, height: int, side: int) -> Layout:
    """The largest whole factor that fits, centred. ``width`` and ``height`` are >= ``side``."""
    factor = min(width, height) // side
    extent = factor * side
    return Layout(width, height, side, factor, (width - extent) // 2, (height - extent) // 2)
