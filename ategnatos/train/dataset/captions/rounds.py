"""Rounds of captioning: some pictures at a time, shown with numbers, answered as JSON.

``open_round`` chooses the next pictures that lack what the pass asks for, so a round that was
never answered comes again, and one that was answered does not: that is the whole of resuming.
What a number means is kept in ``workspace/datasets/<name>/rounds/<id>.json`` beside the sheet.
Answers are taken one by one: good ones are saved, bad ones refused, each with why, and written
to ``caption-errors.log``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import binding_hash, canonical_json, explained, write_atomic
from ategnatos.grimoire.outgoing import redacted
from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.captions import answers, protocol, templates

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.version import Picture, Version

ROUND_UNKNOWN = ErrorCode("caption_round", "There is no round of captioning by that id.")

PICTURES_UNSHOWABLE = ErrorCode("pictures_unshowable", "Only broken pictures lack a caption.")

LOG = "caption-errors.log"
MOST = 64
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Round:
    """Pictures by number (1 is the first), what is asked of them, and the sheet that shows them.

    ``broken`` are pictures that were passed over because they cannot be decoded.
    """

    id: str
    dataset: str
    what: str
    pictures: tuple[tuple[str, str], ...]
    sheet: Path
    broken: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As its file keeps it; the sheet lies beside."""
        return {
            "id": self.id,
            "dataset": self.dataset,
            "pass": self.what,
            "pictures": [{"name": name, "sha256": sha} for name, sha in self.pictures],
        }


def lacking(version: Version, what: str) -> list[Picture]:
    """The pictures that the pass has not answered yet, in the order of their names.

    The content pass and both passes leave alone what has any caption but a seed; the style pass
    asks for those that have a content part and no style part.
    """
    if what == "style":
        return [
            one
            for one in version.pictures
            if one.caption and one.caption.parts.get("content")
            if not one.caption.parts.get("style")
        ]
    return [
        one
        for one in version.pictures
        if one.caption is None or not one.caption.text.strip() or seed_of(one)
    ]


def seed_of(picture: Picture) -> str:
    """The prompt that the studio made the picture from, while nobody has told of it; or ""."""
    caption = picture.caption
    if picture.source.kind != "studio" or caption is None or caption.author != "imported":
        return ""
    return caption.text


def open_round(
    project: Project,
    version: Version,
    *,
    what: str = "both",
    batch: int = 10,
    chosen: Sequence[str] = (),
) -> Round | None:
    """The next round; None where nothing is left. ``chosen`` asks for these names anew.

    Skipped pictures (an answer "skip") come last, broken ones are passed over. Draws the sheet
    and writes the round's file. Raises StudioError (``dataset_picture``, ``caption_plan``,
    ``pictures_unshowable``).
    """
    passes = tuple(templates.passes())
    protocol.parse_choice(what, passes, "pass")
    if not 1 <= batch <= MOST:
        raise StudioError(
            protocol.CAPTION_PLAN,
            f"A batch of {batch} cannot be shown on one sheet; nothing was drawn.",
            hint=f"Take 1 to {MOST}; 10 is what an eye takes in.",
        )
    known = version.by_name()
    if chosen:
        found = [record.find(known, name, version.dataset) for name in chosen]
    else:
        # Those that somebody could not tell come again only when nothing else is left.
        found = sorted(lacking(version, what), key=lambda one: bool(one.notes.get("skipped")))
    if not found:
        return None
    taken, broken = _showable(project, version, found, batch)
    if not taken:
        raise StudioError(
            PICTURES_UNSHOWABLE,
            f"The {len(broken)} pictures of {version.dataset!r} that lack a caption cannot be"
            f" decoded ({', '.join(broken[:_SHOWN])}); no sheet was drawn.",
            hint=f"Set them aside: ategnatos train dataset audit {version.dataset} --apply",
            pictures=list(broken),
        )
    pictures = tuple((one.name, one.sha256) for one in taken)
    mark = binding_hash({"pass": what, "pictures": [list(one) for one in pictures]})
    folder = _folder(project, version.dataset)
    made = Round(mark, version.dataset, what, pictures, folder / f"{mark}.png", tuple(broken))
    with explained(folder, "No sheet was drawn."):
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, len(pictures) + 1):
            _link(project, made, number)
    if not made.sheet.is_file():
        write_atomic(made.sheet, _sheet(project, version, made))
    write_atomic(folder / f"{mark}.json", canonical_json(made.facts()) + b"\n")
    return made


def _showable(
    project: Project, version: Version, pictures: Sequence[Picture], most: int
) -> tuple[list[Picture], list[str]]:
    """The first ``most`` of ``pictures`` that can be drawn, and those passed over on the way."""
    from ategnatos.pictures.decode import decode_picture

    shown: list[Picture] = []
    broken: list[str] = []
    for one in pictures:
        if len(shown) == most:
            break
        try:
            decode_picture(store.path_of(project, version.dataset, one.name, one.sha256))
        except StudioError:
            broken.append(one.name)
        else:
            shown.append(one)
    return shown, broken


def single(made: Round, number: int) -> Path:
    """Where one picture of a round lies by itself, with the suffix that viewers go by."""
    name = made.pictures[number - 1][0]
    return made.sheet.parent / made.id / f"{number:02d}{Path(name).suffix.lower()}"


def _link(project: Project, made: Round, number: int) -> None:
    name, sha = made.pictures[number - 1]
    place = single(made, number)
    place.parent.mkdir(exist_ok=True)
    if place.exists():
        return
    source = store.path_of(project, made.dataset, name, sha)
    try:
        os.link(source, place)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, place)


def _sheet(project: Project, version: Version, made: Round) -> bytes:
    from ategnatos.pictures.sheet import SheetItem, contact_sheet

    items = [
        SheetItem(store.path_of(project, version.dataset, name, sha), f"{number}", name)
        for number, (name, sha) in enumerate(made.pictures, 1)
    ]
    return contact_sheet(
        items, title=f"{version.dataset}: captions", subtitle=f"pass: {made.what}", footer=made.id
    )


def find(project: Project, dataset: str, mark: str) -> Round:
    """A round by its id. Raises StudioError (``caption_round``)."""
    folder = _folder(project, dataset)
    try:
        if not (mark.isascii() and mark.isalnum()):
            raise ValueError(mark)
        value = json.loads((folder / f"{mark}.json").read_bytes())
        pictures = tuple((one["name"], one["sha256"]) for one in value["pictures"])
        return Round(value["id"], dataset, value["pass"], pictures, folder / f"{mark}.png")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudioError(
            ROUND_UNKNOWN,
            f"The dataset {dataset!r} has no round of captioning {mark[:40]!r}; nothing was saved.",
            hint=f"Ask for one: ategnatos train dataset captions next {dataset}",
            dataset=dataset,
        ) from error


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the answers: names saved, names skipped with why, and refusals."""

    saved: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    refused: tuple[answers.Refusal, ...]
    version: Version


def take(
    project: Project,
    made: Round,
    given: Any,
    *,
    author: str,
    actor: str,
    now: datetime,
) -> Taken:
    """Save the good answers of a round as one new version; log the refused ones.

    Raises StudioError (``caption_answers``) where ``given`` is not a list of answers at all, and
    those of :func:`record.edit`.
    """
    before = record.load(project, made.dataset)
    like = protocol.wanted(before)
    read = answers.read(given, made.pictures, made.what, like)
    skipped: list[tuple[str, str]] = []
    saved: list[str] = []
    refused = list(read.refused)
    because = f"captions by {author} ({made.what} pass)"
    with record.edit(project, made.dataset, actor=actor, because=because, now=now) as draft:
        for answer in read.good:
            name, sha = made.pictures[answer.number - 1]
            picture = draft.pictures.get(name)
            if picture is None or picture.sha256 != sha:
                why = "this picture was changed or taken out since the sheet was drawn"
                refused.append(answers.Refusal(answer.number, name, why))
                continue
            notes = {key: value for key, value in picture.notes.items() if key != "skipped"}
            if answer.skip:
                draft.change(name, notes={**notes, "skipped": answer.skip})
                skipped.append((name, answer.skip))
                continue
            had = picture.caption.parts if picture.caption else {}
            parts = {**had, **answer.parts}
            if answer.answers:
                notes["answers"] = {**notes.get("answers", {}), **answer.answers}
            draft.change(name, notes=notes)
            text = protocol.compose(like.trigger, parts, like.dialect)
            draft.caption(name, text, author=author, parts=parts)
            saved.append(name)
    assert draft.version is not None
    _log(project, made, author, refused, skipped, now)
    return Taken(tuple(saved), tuple(skipped), tuple(refused), draft.version)


def log_failure(project: Project, made: Round, author: str, why: str, *, now: datetime) -> None:
    """Write down that a whole round failed, as a captioner's exception does."""
    _log(project, made, author, [answers.Refusal(0, "all", why)], [], now)


def refusals(project: Project, dataset: str) -> dict[str, int]:
    """How many answers of each author were refused so far, out of the log."""
    found: dict[str, int] = {}
    try:
        lines = log_path(project, dataset).read_bytes().splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:  # a line that a crash cut off
            continue
        if isinstance(value, dict) and "why" in value:
            author = str(value.get("author", "unknown"))
            found[author] = found.get(author, 0) + 1
    return found


def log_path(project: Project, dataset: str) -> Path:
    """Where refused and skipped answers are written down."""
    return store.home(project, dataset) / LOG


def _log(
    project: Project,
    made: Round,
    author: str,
    refused: Sequence[answers.Refusal],
    skipped: Sequence[tuple[str, str]],
    now: datetime,
) -> None:
    lines: list[Mapping[str, Any]] = [
        {"number": one.number, "picture": one.picture, "why": one.why} for one in refused
    ]
    lines += [{"picture": name, "skipped": why} for name, why in skipped]
    if not lines:
        return
    path = log_path(project, made.dataset)
    head = {"at": record.stamp(now), "round": made.id, "pass": made.what, "author": author}
    text = b"".join(canonical_json(redacted({**head, **line})) + b"\n" for line in lines)
    with explained(path, "The captions are saved; the log is not."), path.open("ab") as file:
        file.write(text)


def _folder(project: Project, dataset: str) -> Path:
    return store.home(project, dataset) / "rounds"
