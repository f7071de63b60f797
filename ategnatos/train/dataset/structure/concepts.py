"""Which picture belongs to which concept, and how often each is shown.

``--concepts "3_style,5_knight"`` names them; a picture belongs to the one that its note ``concept``
or the folder in front of its name says. Regularisation pictures come from a dataset of their own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.dataset.structure.arithmetic import STRUCTURE_OPTION

if TYPE_CHECKING:
    from ategnatos.train.dataset.version import Picture

CONCEPT_UNKNOWN = ErrorCode("concept_unknown", "A picture belongs to none of the concepts named.")

_WRITTEN = re.compile(r"(?:(auto|[1-9][0-9]{0,4})_)?([A-Za-z0-9][A-Za-z0-9-]{0,60})")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Concept:
    """One folder of pictures. ``repeats`` None: reckoned. ``regularisation``: of the class."""

    name: str
    repeats: int | None = None
    regularisation: bool = False


def parse(text: str) -> tuple[Concept, ...]:
    """``3_style,5_knight`` or ``auto_style``. Raises StudioError (``structure_option``)."""
    found: list[Concept] = []
    for piece in filter(None, (one.strip() for one in text.split(","))):
        match = _WRITTEN.fullmatch(piece)
        if match is None or any(one.name == match[2] for one in found):
            why = "is named twice" if match else "is no concept"
            raise StudioError(
                STRUCTURE_OPTION,
                f"{piece[:60]!r} {why}; nothing was laid out.",
                hint="Write them as REPEATS_NAME with commas, such as 3_style,5_knight; the name"
                " is of letters, digits and '-'.",
                given=text[:120],
            )
        repeats = None if match[1] in (None, "auto") else int(match[1])
        found.append(Concept(match[2], repeats))
    return tuple(found)


def concept_of(picture: Picture) -> str:
    """What a picture itself says of its concept; "" where it says nothing."""
    said = picture.notes.get("concept")
    if isinstance(said, str) and said:
        return said
    return picture.name.split("/")[0] if "/" in picture.name else ""


def assign(pictures: Sequence[Picture], concepts: Sequence[Concept]) -> dict[str, list[Picture]]:
    """The pictures of each concept. One concept takes all that name no other.

    Raises StudioError (``concept_unknown``).
    """
    known = {one.name for one in concepts}
    made: dict[str, list[Picture]] = {one.name: [] for one in concepts}
    lost: list[Picture] = []
    for picture in pictures:
        said = concept_of(picture)
        if len(concepts) == 1:
            made[concepts[0].name].append(picture)
        elif said in known:
            made[said].append(picture)
        else:
            lost.append(picture)
    if lost:
        shown = ", ".join(one.name for one in lost[:_SHOWN])
        raise StudioError(
            CONCEPT_UNKNOWN,
            f"{len(lost)} pictures belong to none of {', '.join(sorted(known))} ({shown}"
            f"{' ...' if len(lost) > _SHOWN else ''}); nothing was laid out.",
            hint="Say it: ategnatos train dataset concept NAME CONCEPT PICTURE ...",
            pictures=[one.name for one in lost],
        )
    empty = [name for name, taken in made.items() if not taken]
    if empty:
        raise StudioError(
            CONCEPT_UNKNOWN,
            f"No picture belongs to {', '.join(empty)}; nothing was laid out.",
            hint="Say it: ategnatos train dataset concept NAME CONCEPT PICTURE ...",
            concepts=empty,
        )
    return made
