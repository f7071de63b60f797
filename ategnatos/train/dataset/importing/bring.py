"""Brings what sources offer into a dataset: store every file, then make one version of all.

Safe to run again: the same bytes under the same name change nothing, other bytes under a name
replace the picture in the next version. What is stored before an interruption is found there
by the next run; a version is made only when everything is in.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.decode import DECODER_FAILURES
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.importing import archive, folder, kohya_folders, studio
from ategnatos.train.dataset.importing.naming import free_name, safe_name, shown_name
from ategnatos.train.dataset.importing.offers import Offer, Offers
from ategnatos.train.dataset.version import IMPORTED, Caption, Picture, Source, Version

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

IMPORT_SOURCE = ErrorCode("import_source", "A source of pictures does not exist or is no source.")
IMPORT_EMPTY = ErrorCode("import_empty", "The sources hold no picture.")


@dataclass(slots=True)
class Brought:
    """What an import did. ``version`` is the dataset's newest now; lists are of picture names.

    ``left_out`` are (name in the source, why).
    """

    version: Version | None
    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: int = 0
    captions: int = 0
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Stored:
    offer: Offer
    sha256: str
    size: int
    sides: tuple[int, int]


def gather(project: Project, sources: Sequence[Path], query: str | None) -> list[Offers]:
    """What all sources offer; ``query`` adds the studio's approved assets (None: none).

    Raises StudioError: ``import_source``, ``import_empty``, ``archive_refused``.
    """
    found = [_offers(source) for source in sources]
    if query is not None:
        found.append(studio.offers_of(project, query))
    if not any(one.pictures for one in found):
        raise StudioError(
            IMPORT_EMPTY,
            "There is no picture in what was named; no dataset was made.",
            hint="Name a folder or zip that holds pictures, or --approved for the studio's own.",
            left_out=[list(one) for offers in found for one in offers.left_out][:100],
        )
    return found


def bring(
    project: Project,
    name: str,
    offered: Sequence[Offers],
    *,
    actor: str,
    now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> Brought:
    """Store what is offered and make the next version of ``name``, a new dataset or not.

    ``progress`` is told (done, all). Raises StudioError: ``name_invalid``, ``write_failed``,
    ``disk_full`` and those of :func:`ategnatos.train.dataset.record.edit`.
    """
    total, done = sum(len(one.pictures) for one in offered), 0
    brought = Brought(None, left_out=[one for offers in offered for one in offers.left_out])
    stored: list[tuple[Offers, _Stored]] = []
    for offers in offered:
        for offer in offers.pictures:
            try:
                sha256, size, path = store.put(project, name, offer.pieces())
            except archive.EntryError as error:
                brought.left_out.append((shown_name(offer.name), str(error)))
            else:
                stored.append((offers, _Stored(offer, sha256, size, sides_of(path))))
            done += 1
            if progress is not None:
                progress(done, total)
    because = "import of " + ", ".join(one.place for one in offered)
    with record.edit(project, name, actor=actor, because=because, now=now, new=True) as draft:
        _enter(draft, stored, brought)
    brought.version = draft.version
    return brought


def sides_of(path: Path) -> tuple[int, int]:
    """Width and height that the header says, as stored; 0 and 0 where it says none."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with path.open("rb") as file, Image.open(io.BytesIO(file.read(1 << 20))) as image:
                return image.size
    except (*DECODER_FAILURES, Image.DecompressionBombError):
        return 0, 0


def _offers(source: Path) -> Offers:
    try:
        if source.is_dir():
            return folder.offers_of(source)
        if source.is_file():
            return archive.offers_of(source)
    except OSError as error:
        raise _no_source(source, error.strerror or str(error)) from error
    raise _no_source(source, "there is nothing of that name")


def _no_source(source: Path, why: str) -> StudioError:
    return StudioError(
        IMPORT_SOURCE,
        f"{shown_name(str(source))} cannot be imported: {why}. Nothing was stored.",
        hint="Name a folder, a zip, or --approved for the studio's own assets.",
        path=shown_name(str(source)),
    )


def _enter(draft: record.Draft, stored: list[tuple[Offers, _Stored]], brought: Brought) -> None:
    at = record.stamp(draft.now)
    # Who has a name keeps it: a file is known again by its source and what it was called there.
    known = {(one.source.place, one.source.name): name for name, one in draft.pictures.items()}
    taken = {name.casefold() for name in draft.pictures}
    for offers, one in stored:
        called = shown_name(one.offer.name)
        name = known.get((offers.place, called))
        had = draft.pictures[name] if name is not None else None
        if name is None:
            name = free_name(safe_name(one.offer.name), taken)
        captions = _captions(had, one.offer, at)
        if had is not None and had.sha256 == one.sha256 and captions == had.captions:
            brought.unchanged += 1
            continue
        brought.captions += len(captions) - (len(had.captions) if had else 0)
        (brought.replaced if had else brought.added).append(name)
        draft.pictures[name] = Picture(
            name=name,
            sha256=one.sha256,
            size=one.size,
            width=one.sides[0],
            height=one.sides[1],
            source=Source(offers.kind, offers.place, called, at),
            rights=had.rights if had else one.offer.rights,
            captions=captions,
            split=had.split if had else "",
            notes=_notes(had, one.offer),
        )


def _captions(had: Picture | None, offer: Offer, at: str) -> tuple[Caption, ...]:
    before = had.captions if had else ()
    if offer.caption is None:
        return before
    text = offer.caption.decode("utf-8-sig", "replace").replace("\x00", "").strip()
    said = {one.text for one in before if one.author == IMPORTED}
    if not text or text in said:
        # An empty file is no caption; one that was imported before does not beat what came since.
        return before
    return (*before, Caption(text, IMPORTED, at))


def _notes(had: Picture | None, offer: Offer) -> dict[str, object]:
    notes = dict(had.notes) if had else kohya_folders.notes_of(offer.name)
    notes.pop("caption_file", None)
    problem = _problem(offer.caption) if offer.caption is not None else ""
    if problem:
        notes["caption_file"] = problem
    return notes


def _problem(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "not UTF-8"
    return "" if text.strip() else "empty"
