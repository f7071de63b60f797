"""The record of datasets: read a version, change a dataset, list what there is.

    version = record.load(project, "ann")                # the newest; version=3 for another
    with record.edit(project, "ann", actor=actor(), because="captions by ann", now=now()) as draft:
        draft.caption("001.png", "ann, a girl in the rain", author="person")
    draft.version                                        # what was written, or the one before

A version never changes: every edit that changes something makes the next one, and an edit that
changes nothing makes none. A version is a file of its own,
``grimoire/training/<name>/versions/v0003.json``, written once; the document ``datasets`` keeps
its hash, and :func:`load` holds the file against it. Journal: ``dataset.version``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.content import check_name
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import (
    explained,
    read_bytes,
    sha256_bytes,
    sync_folder,
    write_temporary,
)
from ategnatos.train.dataset import store
from ategnatos.train.dataset.version import Caption, Picture, Version, as_json, from_json

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.datasets import DatasetRow, DatasetsDocument

DATASET_UNKNOWN = ErrorCode("dataset_unknown", "There is no dataset or version of that name.")
DATASET_PICTURE = ErrorCode("dataset_picture", "The dataset has no picture of that name.")
DATASET_DAMAGED = ErrorCode("dataset_damaged", "The file of a dataset's version was changed.")

VERSION_EVENT = "dataset.version"


@dataclass(slots=True)
class Draft:
    """The next version while it is made. ``pictures`` by name, ``settings`` as one likes.

    Both may be changed freely until the block ends. ``version`` is, after the block, the one
    that counts.
    """

    dataset: str
    pictures: dict[str, Picture]
    settings: dict[str, Any]
    now: datetime
    version: Version | None = None
    extra: list[Callable[[DatasetsDocument], None]] = field(default_factory=list)

    def picture(self, name: str) -> Picture:
        """The picture of that name. Raises StudioError (``dataset_picture``)."""
        return find(self.pictures, name, self.dataset)

    def change(self, name: str, **changes: Any) -> Picture:
        """Replace fields of one picture (``rights=``, ``split=``, ``notes=`` ...).

        Raises StudioError (``dataset_picture``).
        """
        self.pictures[name] = replace(self.picture(name), **changes)
        return self.pictures[name]

    def caption(
        self, name: str, text: str, *, author: str, parts: dict[str, str] | None = None
    ) -> None:
        """Give a picture a caption; the one before stays in its list. The same text adds none.

        Raises StudioError (``dataset_picture``).
        """
        had = self.picture(name)
        last = had.caption
        if last is None or (last.text, last.author, last.parts) != (text, author, parts or {}):
            fresh = Caption(text, author, stamp(self.now), parts or {})
            self.change(name, captions=(*had.captions, fresh))


def names(project: Project) -> list[str]:
    """The datasets of the studio, in the order in which they were made."""
    return [one.name for one in rows(project)]


def rows(project: Project) -> list[DatasetRow]:
    """The document's rows: every dataset with its versions and its quarantine."""
    return list(documents.read(project, "datasets").datasets)


def row(project: Project, name: str) -> DatasetRow:
    """One of them. Raises StudioError (``dataset_unknown``)."""
    found = documents.read(project, "datasets").find(name)
    if found is None:
        raise _unknown(project, name)
    return found  # type: ignore[no-any-return]


def load(project: Project, name: str, version: int | None = None) -> Version:
    """One version of a dataset, by default the newest.

    Raises StudioError: ``dataset_unknown``; ``dataset_damaged`` where the version's file is not
    what was written.
    """
    kept = row(project, name).versions
    wanted = kept[-1] if version is None else None
    wanted = wanted or next((one for one in kept if one.number == version), None)
    if wanted is None:
        raise StudioError(
            DATASET_UNKNOWN,
            f"The dataset {name!r} has no version {version}; nothing was done.",
            hint=f"It has the versions 1 to {kept[-1].number}: 'ategnatos train dataset show"
            f" {name}'.",
            dataset=name,
            versions=[one.number for one in kept],
        )
    path = version_path(project, name, wanted.number)
    try:
        raw = read_bytes(path)
    except FileNotFoundError:
        raise _damaged(path, name, "it is gone") from None
    if sha256_bytes(raw) != wanted.sha256:
        raise _damaged(path, name, "its bytes are not those that were written")
    return from_json(json.loads(raw))


def exists(project: Project, name: str) -> bool:
    """Whether there is a dataset of that name."""
    return documents.read(project, "datasets").find(name) is not None


@contextmanager
def edit(
    project: Project, name: str, *, actor: str, because: str, now: datetime, new: bool = False
) -> Iterator[Draft]:
    """Make the next version inside the block: all of it or nothing.

    ``now`` is an aware time. ``new`` allows a dataset that does not exist yet. Keep the block
    short: it holds the datasets' lock, so prepare slow work before. Raises StudioError:
    ``dataset_unknown``, ``name_invalid``, ``not_json``, and those of
    :func:`ategnatos.grimoire.documents.edit`.
    """
    name = check_name(name, "name of the dataset")
    with documents.edit(project, "datasets", now=now) as document:
        known = document.find(name)
        if known is None and not new:
            raise _unknown(project, name)
        before = load(project, name) if known is not None else None
        draft = Draft(
            dataset=name,
            pictures=dict(before.by_name()) if before else {},
            settings=json.loads(json.dumps(before.settings)) if before else {},
            now=now,
            version=before,
        )
        yield draft
        _conclude(project, document, draft, before, actor, because)


def picture_path(project: Project, version: Version, name: str) -> Path:
    """Where the file of one picture lies. Raises StudioError (``dataset_picture``, ...)."""
    picture = find(version.by_name(), name, version.dataset)
    return store.path_of(project, version.dataset, picture.name, picture.sha256)


def find(pictures: dict[str, Picture], name: str, dataset: str) -> Picture:
    """The picture called ``name``. Raises StudioError (``dataset_picture``)."""
    if name in pictures:
        return pictures[name]
    raise StudioError(
        DATASET_PICTURE,
        f"The dataset {dataset!r} has no picture called {name[:120]!r}; nothing was changed.",
        hint=f"'ategnatos train dataset show {dataset} --pictures' lists the names.",
        dataset=dataset,
        name=name,
    )


def version_path(project: Project, name: str, number: int) -> Path:
    """Where a version's file lies."""
    folder = project.grimoire / "training" / check_name(name, "name of the dataset")
    return folder / "versions" / f"v{number:04d}.json"


def stamp(moment: datetime) -> str:
    """A time as the record writes it: UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _conclude(
    project: Project,
    document: DatasetsDocument,
    draft: Draft,
    before: Version | None,
    actor: str,
    because: str,
) -> None:
    from ategnatos.grimoire.schemas.datasets import DatasetRow, VersionRow

    made = Version(
        dataset=draft.dataset,
        number=before.number + 1 if before else 1,
        at=stamp(draft.now),
        actor=actor,
        because=because,
        pictures=tuple(draft.pictures[name] for name in sorted(draft.pictures)),
        settings=draft.settings,
    )
    digest = made.digest()
    if before is None or digest != before.digest():
        raw = as_json(made)
        _write_once(version_path(project, draft.dataset, made.number), raw)
        entry = VersionRow(
            number=made.number,
            digest=digest,
            sha256=sha256_bytes(raw),
            pictures=len(made.pictures),
            captioned=sum(bool(one.captions) for one in made.pictures),
            at=made.at,
            actor=actor,
            because=because,
        )
        known = document.find(draft.dataset)
        if known is None:
            known = DatasetRow(name=draft.dataset, made=made.at, versions=[entry])
            document.datasets = [*document.datasets, known]
        else:
            known.versions = [*known.versions, entry]
        journal.append(
            project,
            VERSION_EVENT,
            actor=actor,
            references={"dataset": draft.dataset, "version": made.number, "digest": digest},
            data={"pictures": len(made.pictures), "because": because},
            now=draft.now,
        )
        draft.version = made
    for change in draft.extra:
        change(document)


def _write_once(path: Path, raw: bytes) -> None:
    with explained(path, "The dataset is as it was before."):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = write_temporary(path.parent, raw, 0o444)
        # A file of this number that no row names was left by a crash: it never counted.
        os.replace(temporary, path)  # noqa: PTH105
        sync_folder(path.parent)


def _unknown(project: Project, name: str) -> StudioError:
    known = names(project)
    return StudioError(
        DATASET_UNKNOWN,
        f"There is no dataset called {name[:80]!r}; nothing was done.",
        hint=f"The datasets are: {', '.join(known)}."
        if known
        else "Make one with 'ategnatos train dataset import FOLDER --as NAME'.",
        known=known,
    )


def _damaged(path: Path, name: str, why: str) -> StudioError:
    return StudioError(
        DATASET_DAMAGED,
        f"A version of the dataset {name!r} cannot be trusted: {path} was changed ({why})."
        " It was not read.",
        hint="Bring the file back from a snapshot ('ategnatos grimoire restore --help') or"
        " import the pictures again under another name.",
        dataset=name,
        path=str(path),
    )
