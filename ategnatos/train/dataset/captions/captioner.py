"""Whoever captions pictures: one Protocol, found through the entry points ``ategnatos.captioners``.

An agent captions through ``captions next`` and ``captions set`` and needs none of this. A program
that looks at pictures (a local vision model, a service) is one class with ``name`` and ``look``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from ategnatos.grimoire.errors import ErrorCode, StudioError

CAPTIONER_UNKNOWN = ErrorCode("captioner_unknown", "There is no captioner of that name.")
CAPTIONER_FAILED = ErrorCode("captioner_failed", "A captioner did not do what it should.")

GROUP = "ategnatos.captioners"


@dataclass(frozen=True, slots=True)
class Look:
    """One picture to caption: its number in the batch, its name, and where its file lies."""

    number: int
    picture: str
    path: Path


class Captioner(Protocol):
    """Looks at pictures and tells of them.

    ``name`` goes into the record as the caption's author. ``look`` gets the pictures of a batch
    and the template (``ask``, ``rules``, ``parts``, ``trigger``) and gives one answer a picture:
    ``{"number": 1, "content": ..., "style": ...}`` or ``{"number": 1, "skip": "why"}``. It raises
    whatever it likes: the batch is then logged as failed, and the ones before it are kept.
    """

    name: str

    def look(
        self, pictures: Sequence[Look], template: Mapping[str, Any]
    ) -> Sequence[Mapping[str, Any]]:
        """Answers, one a picture."""
        ...


def names() -> list[str]:
    """The captioners that are installed, in alphabetical order."""
    from importlib.metadata import entry_points

    return sorted({point.name for point in entry_points(group=GROUP)})


def load(name: str) -> Captioner:
    """The captioner called ``name``. Raises StudioError (``captioner_unknown``,
    ``captioner_failed``).
    """
    from importlib.metadata import entry_points

    point = next(iter(entry_points(group=GROUP, name=name)), None)
    if point is None:
        known = names()
        raise StudioError(
            CAPTIONER_UNKNOWN,
            f"There is no captioner called {name[:80]!r}; nothing was captioned.",
            hint=f"Installed are: {', '.join(known)}."
            if known
            else "None is installed. Caption with your own eyes: "
            "ategnatos train dataset captions next NAME --batch 10",
            known=known,
        )
    try:
        made = point.load()()
    except Exception as error:  # it is somebody else's code
        raise failed(name, error) from error
    return cast("Captioner", made)


def failed(name: str, error: BaseException) -> StudioError:
    """The refusal that a captioner's own failure becomes."""
    return StudioError(
        CAPTIONER_FAILED,
        f"The captioner {name!r} failed ({type(error).__name__}: {str(error)[:200]}). Captions"
        " of earlier batches are kept; this batch has none.",
        hint="Mend what it says, then run the same command again: it goes on where it stopped.",
        captioner=name,
    )
