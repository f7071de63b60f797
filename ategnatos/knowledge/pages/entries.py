"""Everything that can be found: the failures with their fixes, then the parts of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.knowledge.pages import finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable


def everything(place: Traversable | None = None) -> Iterator[finding.Entry]:
    """What ``knowledge search`` looks through."""
    from ategnatos.knowledge import failures

    for name, failure in failures.known().items():
        steps = "\n".join(f"- {step}" for step in failure.fix)
        yield finding.Entry(
            f"failure {name}",
            f"{failure.title} {name.replace('_', ' ')}",
            f"{failure.title}. {failure.cause}\n{steps}",
            "ategnatos knowledge diagnose LOGFILE",
        )
    yield from finding.of_pages(place)
