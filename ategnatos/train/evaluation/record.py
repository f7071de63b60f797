"""What one evaluation says, as values and as ``evaluation.json`` in its folder.

``workspace/training/<plan>/evaluations/<n>/`` holds an evaluation; the pictures of all
evaluations of a plan lie once in ``workspace/training/<plan>/evaluations/pictures/``, named by
what made them, so that the same picture is never made twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.content import check_name
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import canonical_json, explained, sha256_bytes, write_atomic
from ategnatos.grimoire.zones import Zone, resolve

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

EVALUATION_UNKNOWN = ErrorCode("evaluation_unknown", "There is no evaluation of that name.")
EVALUATION_BROKEN = ErrorCode("evaluation_broken", "The record of an evaluation cannot be read.")
EVALUATION_UNFINISHED = ErrorCode("evaluation_unfinished", "Pictures of an evaluation are missing.")

FILE = "evaluation.json"
PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A LoRA file that is looked at. ``path`` is relative to the studio where it lies in it.

    ``step`` is None where nobody knows it. ``trigger`` is what its metadata name, or "".
    """

    name: str
    path: str
    sha256: str
    step: int | None = None
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt. ``kind``: ``near``, ``far``, ``held`` (with the trigger), ``bare`` (the trigger
    alone), ``without`` (the subject's kind without its trigger), ``other`` (something else).

    ``why`` is what it shows, for people.
    """

    name: str
    kind: str
    text: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture. ``checkpoint`` "" is the model alone, whose ``weight`` is 0.

    ``key`` is the hash of what makes it, ``path`` relative to the folder of evaluations,
    ``sha256`` "" until it is made.
    """

    checkpoint: str
    weight: float
    prompt: str
    seed: int
    key: str
    path: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Contender:
    """What people choose between: one checkpoint at one weight."""

    checkpoint: str
    weight: float

    @property
    def name(self) -> str:
        """``owl-000220@0.7``."""
        return f"{self.checkpoint}@{self.weight:g}"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation. ``settings`` are size, steps, CFG and the like, as the engine was asked.

    ``digest`` covers all that was asked: the same question is the same evaluation. ``dataset`` is
    "" where the files came without a plan. ``numbers`` are those of ``measuring``. ``finished_at``
    is "" while pictures are missing. ``home`` is the folder of all evaluations of the plan.
    """

    plan: str
    number: int
    digest: str
    at: str
    engine: str
    family: str
    training: str
    trigger: str
    dataset: str
    dataset_version: int
    dataset_digest: str
    run: str
    checkpoints: tuple[Checkpoint, ...]
    weights: tuple[float, ...]
    prompts: tuple[Prompt, ...]
    seeds: tuple[int, ...]
    settings: dict[str, Any]
    cells: tuple[Cell, ...]
    home: Path
    label: str = ""
    warnings: tuple[str, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)
    finished_at: str = ""

    @property
    def name(self) -> str:
        """``owl/2``."""
        return f"{self.plan}/{self.number}"

    @property
    def folder(self) -> Path:
        """Its own folder: record, grids, report."""
        return self.home / str(self.number)

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """Every checkpoint at every weight above 0, in their order."""
        return tuple(
            Contender(one.name, weight)
            for one in self.checkpoints
            for weight in self.weights
            if weight > 0
        )

    def cell(self, checkpoint: str, weight: float, prompt: str, seed: int) -> Cell | None:
        """The picture of that place in the grid; the model's own for weight 0."""
        return self._table().get(("" if weight == 0 else checkpoint, weight, prompt, seed))

    def picture(self, cell: Cell) -> Path:
        """Where a picture lies or will lie."""
        return self.home / cell.path

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        said = asdict(self)
        del said["home"]
        return {"_schema_version": "1.0", **said}

    def _table(self) -> dict[tuple[str, float, str, int], Cell]:
        return {(one.checkpoint, one.weight, one.prompt, one.seed): one for one in self.cells}


def home_of(project: Project, plan: str) -> Path:
    """The folder of a plan's evaluations. Raises StudioError (``name_invalid``)."""
    name = check_name(plan, "name of the plan")
    return resolve(project, Zone.WORKSPACE, Path("training", name, "evaluations"))


def every(project: Project, name: str = "") -> list[Evaluation]:
    """Every evaluation of a plan, or of all, oldest first. Raises StudioError
    (``evaluation_broken``).
    """
    return [_read(*found) for found in _places(project, name)]


def load(project: Project, name: str, number: int | None = None) -> Evaluation:
    """One evaluation: ``owl`` is the newest of the plan, ``owl/2`` or ``number`` that one.

    Raises StudioError (``evaluation_unknown``, ``evaluation_broken``, ``name_invalid``).
    """
    plan, slash, tail = name.partition("/")
    if slash and tail.isascii() and tail.isdigit():
        number = int(tail)
    found = dict(_numbers(home_of(project, plan)))
    if found and number is None:
        number = max(found)
    if number not in found:
        known = sorted({one.name for one, _, _ in _plans(project)})
        raise StudioError(
            EVALUATION_UNKNOWN,
            f"There is no evaluation {name[:80]!r}; nothing was done.",
            hint=f"Those of {plan} are: {', '.join(map(str, sorted(found)))}."
            if found
            else f"Make one: ategnatos train eval {plan}"
            + (f". There are some of: {', '.join(known)}." if known else ""),
            plan=plan,
            known=sorted(found) or known,
        )
    return _read(plan, found[number])


def short_name(project: Project, evaluation: Evaluation) -> str:
    """What a person types for it: the plan's name where it is the newest, else ``owl/2``."""
    newest = max(number for number, _ in _numbers(home_of(project, evaluation.plan)))
    return evaluation.plan if evaluation.number == newest else evaluation.name


def require_finished(project: Project, evaluation: Evaluation) -> None:
    """Refuse an act that needs every picture. Raises StudioError (``evaluation_unfinished``)."""
    if evaluation.finished_at:
        return
    whole = [one for one in every(project, evaluation.plan) if one.finished_at]
    weights = ", ".join(f"{one:g}" for one in evaluation.weights if one)
    seeds = ", ".join(map(str, evaluation.seeds))
    missing = sum(not evaluation.picture(one).is_file() for one in evaluation.cells)
    raise StudioError(
        EVALUATION_UNFINISHED,
        f"{missing} of {len(evaluation.cells)} pictures of {evaluation.name} are missing (weights"
        f" {weights}; seeds {seeds}); nothing was recorded.",
        hint="Run the same 'ategnatos train eval' again: it makes what is missing."
        + (f" Or take the last one that is whole: {whole[-1].name}." if whole else ""),
        evaluation=evaluation.name,
        missing=missing,
        whole=[one.name for one in whole],
    )


def save(evaluation: Evaluation) -> Evaluation:
    """Write the record, whole. Raises StudioError (``write_failed``, ``disk_full``)."""
    folder = evaluation.folder
    with explained(folder, "The evaluation's record is as it was."):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / FILE, _text(evaluation.facts()))
    return evaluation


def next_number(home: Path) -> int:
    """The number of the next evaluation in that folder."""
    return max((number for number, _ in _numbers(home)), default=0) + 1


def digest_of(question: dict[str, Any]) -> str:
    """SHA-256 of what is asked; ``question`` holds JSON values."""
    return sha256_bytes(canonical_json(question))


def pictures_digest(evaluation: Evaluation) -> str:
    """SHA-256 over every picture by its key and its hash: what a verdict is bound to."""
    seen = sorted({(one.key, one.sha256) for one in evaluation.cells})
    return sha256_bytes(canonical_json([list(one) for one in seen]))


def with_pictures(evaluation: Evaluation, made: dict[str, str]) -> Evaluation:
    """The evaluation with the hashes of pictures, by key."""
    cells = tuple(replace(one, sha256=made.get(one.key, one.sha256)) for one in evaluation.cells)
    return replace(evaluation, cells=cells)


def _text(facts: dict[str, Any]) -> bytes:
    return (json.dumps(facts, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _places(project: Project, name: str) -> Iterator[tuple[str, Path]]:
    for plan, _, home in _plans(project):
        if not name or plan.name == name:
            for _, place in sorted(_numbers(home)):
                yield plan.name, place


def _plans(project: Project) -> Iterator[tuple[Path, str, Path]]:
    training = resolve(project, Zone.WORKSPACE, "training")
    for plan in sorted(training.iterdir()) if training.is_dir() else ():
        home = plan / "evaluations"
        if any(_numbers(home)):
            yield plan, plan.name, home


def _numbers(home: Path) -> Iterator[tuple[int, Path]]:
    for place in home.iterdir() if home.is_dir() else ():
        if place.name.isascii() and place.name.isdigit() and (place / FILE).is_file():
            yield int(place.name), place


def _read(plan: str, place: Path) -> Evaluation:
    try:
        said = json.loads((place / FILE).read_bytes())
        said.pop("_schema_version")
        return Evaluation(
            **{
                **said,
                "checkpoints": tuple(Checkpoint(**one) for one in said["checkpoints"]),
                "prompts": tuple(Prompt(**one) for one in said["prompts"]),
                "cells": tuple(Cell(**one) for one in said["cells"]),
                "weights": tuple(said["weights"]),
                "seeds": tuple(said["seeds"]),
                "warnings": tuple(said["warnings"]),
                "home": place.parent,
            }
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudioError(
            EVALUATION_BROKEN,
            f"The record of the evaluation {plan}/{place.name} cannot be read ({error}); nothing"
            " was done.",
            hint=f"Set the folder {place} aside and make it anew: ategnatos train eval {plan}."
            " Pictures that are there are not made again.",
            path=str(place / FILE),
        ) from error
