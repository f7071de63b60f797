"""Everything that can be found: the failures with their fixes, then the parts of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.knowledge.pages import finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable


def everything(place: Traversable | None = None) -> Iterator[finding.Entry]:
    """What ``knowledge search`` looks through."""
    yield from finding.of_pages(place)
