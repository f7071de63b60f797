"""Setting pictures aside, and bringing them back: nothing is ever deleted.

A picture that is set aside leaves the newest version, and its file moves into the dataset's
``quarantine/``; older versions still find it there. The row as it stood is kept, so that undo
brings back its captions, rights and notes, too. Where a picture is a copy of one that stays and
has no caption, its captions are handed to that one as they are, and taken back with undo.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.version import PERSON, Version, picture_from

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.datasets import DatasetsDocument, SetAside
    from ategnatos.train.dataset.record import Draft

NOT_SET_ASIDE = ErrorCode("not_set_aside", "No picture of that name is in quarantine.")


@dataclass(frozen=True, slots=True)
class Moved:
    """``names`` that were moved, and the ``version`` that counts now.

    ``handed`` says from which of them (key) to which picture that stays (value) captions went,
    or after an undo from which they were taken back.
    """

    names: tuple[str, ...]
    version: Version
    handed: dict[str, str] = field(default_factory=dict)


def set_aside(
    project: Project,
    dataset: str,
    why: Mapping[str, str],
    *,
    actor: str,
    now: datetime,
    keepers: Mapping[str, str] | None = None,
) -> Moved:
    """Move pictures (name to reason) into quarantine, in one new version.

    ``keepers`` names for a copy the picture that stays in its place. One without a caption gets
    those of its copy, with their authors and times; of several copies a person's come first.

    Raises StudioError: ``dataset_unknown``, ``dataset_picture``, ``dataset_file_missing``,
    ``write_failed``. Those that are gone already are no error: they are set aside as a row.
    """
    from ategnatos.grimoire.schemas.datasets import SetAside

    because = f"{len(why)} set aside"
    with record.edit(project, dataset, actor=actor, because=because, now=now) as draft:
        assert draft.version is not None
        number = draft.version.number
        entries: list[SetAside] = []
        handed = _hand_over(draft, why, keepers or {})
        for name, reason in why.items():
            picture = draft.picture(name)
            del draft.pictures[name]
            needed = any(one.sha256 == picture.sha256 for one in draft.pictures.values())
            path = store.quarantine_path(project, dataset, name, picture.sha256)
            if store.is_there(project, dataset, name, picture.sha256):
                store.set_aside(project, dataset, name, picture.sha256, still_needed=needed)
            entries.append(
                SetAside(
                    name=name,
                    sha256=picture.sha256,
                    path=path.relative_to(project.root).as_posix(),
                    because=reason,
                    at=record.stamp(now),
                    version=number,
                    was=asdict(picture),
                    caption_to=handed.get(name, ""),
                )
            )

        def enter(document: DatasetsDocument) -> None:
            row = document.find(dataset)
            assert row is not None
            row.quarantine = [*row.quarantine, *entries]

        draft.extra.append(enter)
    assert draft.version is not None
    return Moved(tuple(why), draft.version, handed)


def bring_back(
    project: Project, dataset: str, names: Sequence[str], *, actor: str, now: datetime
) -> Moved:
    """Undo: pictures return with all that was said of them; no ``names`` is all of them.

    Captions that were handed on are taken back, unless they were added to since.

    Raises StudioError: ``not_set_aside``, ``dataset_unknown``, ``dataset_file_missing``.
    """
    aside = record.row(project, dataset).quarantine
    wanted = list(names) or [one.name for one in aside]
    # The last that was set aside under a name is the one that returns.
    by_name = {one.name: one for one in aside}
    for name in wanted:
        if name not in by_name:
            raise _not_there(dataset, name, list(by_name))
    because = f"{len(wanted)} brought back"
    with record.edit(project, dataset, actor=actor, because=because, now=now) as draft:
        back = {name: by_name[name] for name in wanted if name not in draft.pictures}
        for name, entry in back.items():
            store.bring_back(project, dataset, name, entry.sha256)
            draft.pictures[name] = picture_from(entry.was)
        # The newest first: what was handed on twice goes back the same way.
        taken: dict[str, str] = {}
        for name, entry in sorted(back.items(), key=lambda one: -one[1].version):
            keeper = draft.pictures.get(entry.caption_to)
            if keeper is not None and keeper.captions == draft.pictures[name].captions:
                draft.change(keeper.name, captions=())
                taken[name] = keeper.name

        def leave(document: DatasetsDocument) -> None:
            row = document.find(dataset)
            assert row is not None
            gone = {id(by_name[name]) for name in wanted}
            keys = {(one.name, one.at, one.sha256) for one in aside if id(one) in gone}
            row.quarantine = [
                one for one in row.quarantine if (one.name, one.at, one.sha256) not in keys
            ]

        draft.extra.append(leave)
    assert draft.version is not None
    return Moved(tuple(wanted), draft.version, taken)


def _hand_over(draft: Draft, why: Mapping[str, str], keepers: Mapping[str, str]) -> dict[str, str]:
    """Give captions to those that stay without one; from which copy to which picture."""
    copies = [draft.picture(name) for name in why if name in keepers]
    copies.sort(key=lambda one: one.caption is None or one.caption.author != PERSON)
    handed: dict[str, str] = {}
    for copy in copies:
        keeper = draft.pictures.get(keepers[copy.name])
        if copy.captions and keeper is not None and not keeper.captions:
            draft.change(keeper.name, captions=copy.captions)
            handed[copy.name] = keeper.name
    return handed


def _not_there(dataset: str, name: str, known: list[str]) -> StudioError:
    return StudioError(
        NOT_SET_ASIDE,
        f"{name[:120]!r} is not in the quarantine of {dataset!r}; nothing was moved.",
        hint=f"There are: {', '.join(known[:20])}." if known else "It is empty.",
        dataset=dataset,
        known=known[:200],
    )
