"""From what is asked to the pictures that it takes: each known by what makes it, none twice.

The model alone (weight 0) is one column for all checkpoints. A picture's key is the hash of the
request as its engine planned it, so that another evaluation, another day, finds it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.engines import LoraUse, Request
from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.grimoire.spend.records import iso
from ategnatos.train.evaluation import record
from ategnatos.train.evaluation.prompts import CALLED
from ategnatos.train.evaluation.record import PICTURES, Cell, Checkpoint, Evaluation, Prompt

if TYPE_CHECKING:
    from ategnatos.engines import Engine
    from ategnatos.grimoire.project import Project


@dataclass(frozen=True, slots=True)
class Subject:
    """What was trained: ``dataset`` is name, version, digest, or ("", 0, "") where unknown."""

    plan: str
    family: str
    training: str
    trigger: str
    dataset: tuple[str, int, str] = ("", 0, "")
    run: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """How it is looked at. ``settings`` are fields of a request (width, steps, model ...)."""

    checkpoints: tuple[Checkpoint, ...]
    weights: tuple[float, ...]
    prompts: tuple[Prompt, ...]
    seeds: tuple[int, ...]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One request: a checkpoint at a weight, one prompt, seeds that follow each other."""

    request: Request
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """``evaluation`` as it stands or would stand, and the rows of pictures that are missing."""

    evaluation: Evaluation
    missing: tuple[Row, ...]
    stood: bool

    @property
    def pictures(self) -> int:
        """How many pictures are missing."""
        return sum(len(one.cells) for one in self.missing)


def plan(
    project: Project,
    engine: Engine,
    subject: Subject,
    ask: Ask,
    files: Mapping[str, Path],
    now: datetime,
) -> Planned:
    """What an evaluation takes. ``files`` is where the engine reads each checkpoint, by name.

    Nothing is written. Raises StudioError (``engine_cannot`` and others of the engine): a LoRA
    that it cannot reach or does not take is said here, before any picture.
    """
    home = record.home_of(project, subject.plan)
    said: dict[str, dict[str, Prompt]] = {}
    cells: list[Cell] = []
    missing: list[Row] = []
    wanting: set[str] = set()
    for checkpoint, weight in _columns(ask):
        for prompt in ask.prompts:
            use = _use(checkpoint, weight, files, subject, prompt)
            wanted = _request(subject, ask, prompt, use, ask.seeds[0], len(ask.seeds))
            exact, notes = engine.plan(wanted)
            for note in notes:
                said.setdefault(note, {})[prompt.name] = prompt
            name = "" if weight == 0 else checkpoint.name
            for seed in ask.seeds:
                key = key_of(engine.name, replace(exact, seed=seed, count=1))
                cell = Cell(name, weight, prompt.name, seed, key, f"{PICTURES}/{key}.png")
                cells.append(cell)
                if (home / cell.path).is_file() or key in wanting:
                    continue
                wanting.add(key)
                row = [*missing.pop().cells, cell] if _follows(missing, cell) else [cell]
                missing.append(_row(exact, row))
    digest = record.digest_of(_question(engine.name, subject, ask, [one.key for one in cells]))
    stood = next((one for one in record.every(project, subject.plan) if one.digest == digest), None)
    if stood is not None:
        return Planned(stood, tuple(missing), stood=True)
    evaluation = Evaluation(
        plan=subject.plan,
        number=record.next_number(home),
        digest=digest,
        at=iso(now),
        engine=engine.name,
        family=subject.family,
        training=subject.training,
        trigger=subject.trigger,
        dataset=subject.dataset[0],
        dataset_version=subject.dataset[1],
        dataset_digest=subject.dataset[2],
        run=subject.run,
        checkpoints=ask.checkpoints,
        weights=ask.weights,
        prompts=ask.prompts,
        seeds=ask.seeds,
        settings=dict(ask.settings),
        cells=tuple(cells),
        home=home,
        label=engine.label,
        warnings=tuple(_warning(note, of, ask.prompts) for note, of in said.items()),
    )
    return Planned(evaluation, tuple(missing), stood=False)


def key_of(engine: str, exact: Request) -> str:
    """32 hex digits that name a picture by all that makes it."""
    said = {
        name: getattr(exact, name)
        for name in (
            "prompt", "negative", "seed", "model", "width", "height", "steps", "cfg", "sampler",
            "scheduler", "family",
        )
    }  # fmt: skip
    loras = [[one.sha256, one.weight] for one in exact.loras if one.weight]
    return sha256_bytes(canonical_json({"engine": engine, "loras": loras, **said}))[:32]


def _warning(note: str, of: Mapping[str, Prompt], every: Sequence[Prompt]) -> str:
    """What the engine said, with the prompts it said it of where that is not all of them."""
    if len(of) == len(every):
        return note
    named = "; ".join(f"'{one.text[:60]}' ({one.kind})" for one in of.values())
    return f"Of {named}: {note}"


def _columns(ask: Ask) -> list[tuple[Checkpoint, float]]:
    """The model alone once, then each checkpoint at each weight."""
    columns = [(ask.checkpoints[0], 0.0)]
    return columns + [(one, weight) for one in ask.checkpoints for weight in ask.weights if weight]


def _use(
    checkpoint: Checkpoint,
    weight: float,
    files: Mapping[str, Path],
    subject: Subject,
    prompt: Prompt,
) -> LoraUse | None:
    # The starter reads only words that it or a LoRA knows: at weight 0 the file lends its words.
    if weight == 0 and subject.family != "starter":
        return None
    trigger = subject.trigger if prompt.kind in CALLED else ""
    path = files[checkpoint.name]
    return LoraUse(path.stem, str(path), weight, checkpoint.sha256, trigger)


def _request(
    subject: Subject, ask: Ask, prompt: Prompt, use: LoraUse | None, seed: int, count: int
) -> Request:
    family = None if subject.family == "starter" else subject.family
    return Request(
        prompt.text,
        seed,
        count,
        family=family,
        loras=() if use is None else (use,),
        **ask.settings,
    )


def _follows(rows: Sequence[Row], cell: Cell) -> bool:
    """Whether ``cell`` is the next seed of the last row."""
    if not rows:
        return False
    last = rows[-1].cells[-1]
    return replace(last, seed=cell.seed, key=cell.key, path=cell.path) == cell and (
        last.seed == cell.seed - 1
    )


def _row(exact: Request, cells: Sequence[Cell]) -> Row:
    return Row(replace(exact, seed=cells[0].seed, count=len(cells)), tuple(cells))


def digest_again(one: Evaluation) -> str:
    """The digest of what the record of an evaluation says by now; its own, if nobody edited it."""
    subject = Subject(
        one.plan,
        one.family,
        one.training,
        one.trigger,
        (one.dataset, one.dataset_version, one.dataset_digest),
    )
    ask = Ask(one.checkpoints, one.weights, one.prompts, one.seeds, one.settings)
    return record.digest_of(_question(one.engine, subject, ask, [cell.key for cell in one.cells]))


def _question(engine: str, subject: Subject, ask: Ask, keys: Sequence[str]) -> dict[str, Any]:
    return {
        "plan": subject.plan,
        "engine": engine,
        "family": subject.family,
        "trigger": subject.trigger,
        "training": subject.training,
        "dataset": subject.dataset[2],
        "files": [[one.name, one.sha256] for one in ask.checkpoints],
        "weights": list(ask.weights),
        "prompts": [[one.kind, one.text] for one in ask.prompts],
        "seeds": list(ask.seeds),
        "pictures": sorted(keys),
    }
