"""From a version of a dataset to a plan for one trainer: who goes where, and who is left out.

A picture is left out when no trainer could read it (it cannot be decoded, it moves), each with why.
One that only this trainer would misread (a suffix that it overlooks, an EXIF rotation that it
ignores) is written anew as an upright PNG.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.dataset import measured, record, store
from ategnatos.train.dataset.captions.protocol import wanted
from ategnatos.train.dataset.structure import arithmetic, concepts, kohya, layout, musubi, split
from ategnatos.train.dataset.structure.layout import Frame, Plan, Staged

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.version import Picture, Version

_SHOWN = 5
_ORIENTATION = 0x0112
# Longer ones crash SimpleTuner (an aspect of 0.00) and are cut to a stripe by the others.
_MOST_ASPECT = 20


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted beside the frame. ``repeats`` None: reckoned from ``target``.

    ``regularisation`` is a version of another dataset, ``frame.masks`` a dataset of its own.
    ``uncaptioned`` allows pictures without a caption; they are trained on the trigger alone.
    """

    repeats: int | None = None
    target: int = arithmetic.TARGET_STEPS
    concepts: tuple[concepts.Concept, ...] = ()
    regularisation: Version | None = None
    regularisation_repeats: int = 1
    uncaptioned: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """What a file's head says: upright size in pixels, its suffix by format, whether it lies on
    its side, whether it moves, whether it may be transparent.
    """

    size: tuple[int, int]
    suffix: str
    turned: bool
    moves: bool
    clear: bool = False


def prepare(project: Project, version: Version, frame: Frame, ask: Ask) -> Plan:
    """The plan. Raises StudioError (``captions_missing``, ``nothing_to_train``,
    ``concept_unknown``, ``dataset_unknown``, ``structure_option``).
    """
    like = wanted(version)
    chosen = ask.concepts or (concepts.Concept(_slug(like.trigger or version.dataset)),)
    reader = _Reader(project, frame)
    readable = reader.readable(version)
    if all(one.split == split.VALIDATION for one, _ in readable):
        raise StudioError(
            layout.NOTHING_TO_TRAIN,
            f"No picture of {version.dataset!r} is left for {frame.trainer}"
            f"{_reasons(reader.dropped)}; nothing was laid out.",
            hint=f"ategnatos train dataset audit {version.dataset}",
            dropped=[{"picture": name, "why": why} for name, why in reader.dropped],
        )
    _check_captions(readable, version.dataset, allowed=ask.uncaptioned)
    by_concept = concepts.assign([one for one, _ in readable], chosen)
    of = {one.name: concept for concept in chosen for one in by_concept[concept.name]}
    training = sum(one.split != split.VALIDATION for one, _ in readable)
    automatic = arithmetic.automatic_repeats(training, target=ask.target, epochs=frame.epochs)
    masks = reader.masks(readable)
    names = layout.stems([one.name for one, _ in readable])
    staged = [
        Staged(
            one,
            version.dataset,
            names[one.name],
            ".png" if reader.rewrites(header) else header.suffix,
            header.size,
            layout.line(one.caption.text) if one.caption else like.trigger,
            of[one.name].name,
            of[one.name].repeats or ask.repeats or automatic,
            validation=one.split == split.VALIDATION,
            rewrite=reader.rewrites(header),
            mask=masks.get(one.name),
        )
        for one, header in readable
    ]
    if ask.regularisation:
        staged += _regularisation(reader, ask.regularisation, ask.regularisation_repeats)
    return Plan(frame, tuple(staged), tuple(reader.dropped))


def _reasons(dropped: Sequence[tuple[str, str]]) -> str:
    """How many were left out for what, as `` (16: it moves)``; "" where none was."""
    counted = Counter(why for _, why in dropped)
    told = "; ".join(f"{number}: {why}" for why, number in counted.most_common())
    return f" ({told})" if told else ""


def _regularisation(reader: _Reader, version: Version, repeats: int) -> list[Staged]:
    readable = reader.readable(version)
    names = layout.stems([one.name for one, _ in readable])
    concept = _slug(version.dataset)
    return [
        Staged(
            one,
            version.dataset,
            names[one.name],
            ".png" if reader.rewrites(header) else header.suffix,
            header.size,
            layout.line(one.caption.text) if one.caption else concept.replace("-", " "),
            concept,
            repeats,
            regularisation=True,
            rewrite=reader.rewrites(header),
        )
        for one, header in readable
    ]


class _Reader:
    """Looks at files for one trainer, and keeps what had to be left out."""

    def __init__(self, project: Project, frame: Frame) -> None:
        self._project = project
        self._frame = frame
        self._trainer = layout.trainers()[frame.trainer]
        self.dropped: list[tuple[str, str]] = []

    def readable(self, version: Version) -> list[tuple[Picture, Header]]:
        """The pictures that can be trained on, in the order of their names."""
        facts = measured.of(self._project, version)
        kept = []
        for one in version.pictures:
            path = store.path_of(self._project, version.dataset, one.name, one.sha256)
            header = look(path) if facts[one.sha256] else None
            if header is None:
                self.dropped.append((one.name, "it cannot be decoded to the end"))
            elif header.moves:
                self.dropped.append((one.name, "it moves: more than one frame"))
            elif max(header.size) > _MOST_ASPECT * min(header.size):
                self.dropped.append((one.name, f"longer than {_MOST_ASPECT} to 1: no bucket fits"))
            elif self._too_small(header):
                self.dropped.append((one.name, "a side is smaller than its smallest bucket"))
            else:
                kept.append((one, header))
        return kept

    def _too_small(self, header: Header) -> bool:
        """Whether kohya or musubi-tuner, told not to enlarge, would come to a bucket of no width
        and stop.
        """
        if self._frame.upscale or self._frame.trainer not in ("kohya", "musubi"):
            return False
        if self._frame.trainer == "musubi":
            return not min(musubi.chooser(self._frame)(header.size))
        try:
            return min(kohya.chooser(self._frame)(header.size)) < kohya.STEPS
        except ZeroDivisionError:
            return True

    def rewrites(self, header: Header) -> bool:
        """Whether this trainer needs the picture written anew."""
        overlooked = header.suffix.lstrip(".") not in self._trainer["extensions"]
        grounded = header.clear and bool(self._frame.ground)
        return overlooked or grounded or (header.turned and not self._trainer["upright"])

    def masks(self, readable: Sequence[tuple[Picture, Header]]) -> dict[str, Picture]:
        """The mask of each picture, by the picture's name."""
        if not self._frame.masks:
            return {}
        version = record.load(self._project, self._frame.masks)
        by_stem = {str(Path(one.name).with_suffix("")): one for one in version.pictures}
        found = {
            one.name: by_stem[stem]
            for one, _ in readable
            if (stem := str(Path(one.name).with_suffix(""))) in by_stem
        }
        missing = [one.name for one, _ in readable if one.name not in found]
        if missing:
            raise StudioError(
                arithmetic.STRUCTURE_OPTION,
                f"{len(missing)} pictures have no mask in the dataset {self._frame.masks!r}"
                f" ({', '.join(missing[:_SHOWN])}); nothing was laid out.",
                hint="A mask has the name of its picture, whatever its suffix. White is trained"
                " on, black is not.",
                missing=missing,
            )
        return found


def look(path: Path) -> Header | None:
    """The head of a picture's file; None where it has none."""
    from PIL import Image

    suffixes = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "MPO": ".jpg"}
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(_ORIENTATION, 1) not in (0, 1)
            swapped = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
            size = (image.height, image.width) if swapped else image.size
            suffix = suffixes.get(image.format or "", f".{(image.format or 'bin').lower()}")
            moves = getattr(image, "n_frames", 1) > 1 and image.format != "MPO"
            clear = "A" in image.getbands() or "transparency" in image.info
            return Header(size, suffix, turned, moves, clear)
    except Exception:  # noqa: BLE001 - whatever a hostile file does to the decoder, it has no head
        return None


def _check_captions(
    readable: Sequence[tuple[Picture, Header]], dataset: str, *, allowed: bool
) -> None:
    missing = [one.name for one, _ in readable if not (one.caption and one.caption.text.strip())]
    if missing and not allowed:
        raise StudioError(
            layout.CAPTIONS_MISSING,
            f"{len(missing)} of {len(readable)} pictures of {dataset!r} have no caption"
            f" ({', '.join(missing[:_SHOWN])}{' ...' if len(missing) > _SHOWN else ''});"
            " nothing was laid out.",
            hint=f"Caption them: ategnatos train dataset captions next {dataset}. ('train dataset"
            " structure --uncaptioned' lays them out for the trigger alone.)",
            pictures=missing,
        )


def _slug(text: str) -> str:
    return next(iter(layout.stems([f"{text}.x"]).values())).replace(".", "-")
