"""A folder looked at where it lies, without an import: nothing is stored, kept or moved.

The folder is told as a version that nobody saved, so that every judgement of a dataset holds for
it, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.dataset.audit.look import Look
from ategnatos.train.dataset.audit.passing import Passed, Progress
from ategnatos.train.dataset.audit.workers import look_at_all
from ategnatos.train.dataset.importing import folder as source
from ategnatos.train.dataset.importing import kohya_folders
from ategnatos.train.dataset.importing.bring import IMPORT_EMPTY, IMPORT_SOURCE, sides_of
from ategnatos.train.dataset.importing.naming import shown_name
from ategnatos.train.dataset.importing.offers import Offer, Offers
from ategnatos.train.dataset.version import IMPORTED, Caption, Picture, Source, Version


@dataclass(frozen=True, slots=True)
class Seen:
    """A folder as a ``version`` (its name, number 0), its looks, where each picture lies by its
    name, and what is no picture there as (name, why).
    """

    version: Version
    passed: Passed
    paths: dict[str, Path]
    left_out: list[tuple[str, str]]


def look_through(
    folder: Path,
    *,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Seen:
    """Decode every picture in ``folder``. Raises StudioError (``import_source``,
    ``import_empty``).
    """
    begun = time.monotonic()
    try:
        offers = source.offers_of(folder)
    except OSError as error:
        raise StudioError(
            IMPORT_SOURCE,
            f"{shown_name(str(folder))} cannot be read: {error.strerror or error}."
            " Nothing was looked at.",
            hint="Name a dataset, or a folder that you may read.",
            path=shown_name(str(folder)),
        ) from error
    if not offers.pictures:
        raise StudioError(
            IMPORT_EMPTY,
            f"There is no picture in {shown_name(str(folder))}; nothing was looked at.",
            hint="Name a folder that holds pictures, or a dataset.",
            left_out=[list(one) for one in offers.left_out][:100],
        )
    named = {str(folder / one.name): shown_name(one.name) for one in offers.pictures}
    looks: dict[str, Look] = {}
    tasks = [(path, "") for path in named]
    for path, look in look_at_all(tasks, full=True, workers=workers):
        looks[named[path]] = look
        if progress is not None:
            progress(Progress(len(looks), len(tasks)))
    pictures = tuple(
        _picture(folder, offers, one, looks[shown_name(one.name)]) for one in offers.pictures
    )
    version = Version(shown_name(folder.resolve().name), 0, "", "", "", pictures)
    passed = Passed(looks, len(looks), time.monotonic() - begun)
    paths = {name: Path(path) for path, name in named.items()}
    return Seen(version, passed, paths, offers.left_out)


def _picture(folder: Path, offers: Offers, one: Offer, look: Look) -> Picture:
    name = shown_name(one.name)
    text = (one.caption or b"").decode("utf-8-sig", "replace").replace("\x00", "").strip()
    path = folder / one.name
    width, height = sides_of(path)
    return Picture(
        name=name,
        sha256=look.sha256,
        size=look.facts.get("bytes", 0),
        width=width,
        height=height,
        source=Source(offers.kind, offers.place, name, ""),
        captions=(Caption(text, IMPORTED, ""),) if text else (),
        notes=kohya_folders.notes_of(one.name),
    )
