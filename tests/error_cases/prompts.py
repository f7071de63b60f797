"""Cases of the codes about prompts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.knowledge import dialects


def dialect_unknown(_: Path) -> None:
    dialects.find("booru")


_ALL: tuple[Callable[[Path], None], ...] = (dialect_unknown,)
CASES = {case.__name__: case for case in _ALL}
