"""What the storm and its workers share, in one mapped file: a skewed clock, the odds of dying."""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path

_FORM = struct.Struct("ddd")


class Weather:
    """``skew`` is added to the clock; ``kill`` and ``stop`` are odds at every point."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_FORM.pack(0.0, 0.0, 0.0))
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), _FORM.size)

    def read(self) -> tuple[float, float, float]:
        """Skew, kill, stop."""
        skew, kill, stop = _FORM.unpack(self._map[:])
        return skew, kill, stop

    def write(self, skew: float, kill: float, stop: float) -> None:
        """Change it for everybody."""
        self._map[:] = _FORM.pack(skew, kill, stop)

    def clock(self) -> float:
        """The time as this weather has it."""
        return time.time() + self.read()[0]
