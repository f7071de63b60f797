"""Everything that can be found: faults and failures with their fixes, words, parts of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.knowledge.pages import finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

_FAULTS_PAGE = "ategnatos knowledge show train/training/failure-modes"


def everything(place: Traversable | None = None) -> Iterator[finding.Entry]:
    """What ``knowledge search`` looks through."""
    yield from _seen()
    yield from _failed()
    yield from _words()
    yield from finding.of_pages(place)


def _seen() -> Iterator[finding.Entry]:
    """Faults that an eye sees in a picture, by the words that people have for them."""
    from ategnatos.knowledge import loader

    for name, fault in loader.read("picture_faults").content["faults"].items():
        signs = ", ".join(fault["signs"])
        yield finding.Entry(
            f"fault {name}",
            f"{fault['title']} {signs}",
            f"{fault['title']}. {fault['cause']}\n{_list(fault['fix'])}",
            _FAULTS_PAGE,
        )


def _failed() -> Iterator[finding.Entry]:
    from ategnatos.knowledge import failures

    for name, failure in failures.known().items():
        yield finding.Entry(
            f"failure {name}",
            f"{failure.title} {name.replace('_', ' ')}",
            f"{failure.title}. {failure.cause}\n{_list(failure.fix)}",
            "ategnatos knowledge diagnose LOGFILE",
        )


def _words() -> Iterator[finding.Entry]:
    """The words of the trade, one by one: a long page would hide them."""
    from ategnatos.knowledge import loader

    for term, entry in loader.read("glossary").content["terms"].items():
        yield finding.Entry(
            f"word {term}",
            term,
            f"{term}: {entry['means']}",
            f"ategnatos knowledge show {entry['see']}",
        )


def _list(steps: tuple[str, ...] | list[str]) -> str:
    return "\n".join(f"- {step}" for step in steps)
