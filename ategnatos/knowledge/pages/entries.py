"""Everything that can be found: single facts of the data files, and the parts of the pages.

A table whose rows are facts of their own is left out of the parts: it would be found for
everything, and answer nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.knowledge.pages import facts, finding
from ategnatos.knowledge.pages.reaching import contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable


def everything(place: Traversable | None = None) -> Iterator[finding.Entry]:
    """What ``knowledge search`` looks through."""
    yield from facts.entries()
    told = {kind.file for kind in facts.KINDS}
    tables = contents("tables", None)["tables"]
    without = {name for name, table in tables.items() if table["file"] in told}
    yield from finding.of_pages(place, without)
