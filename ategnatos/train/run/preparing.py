"""Lay a try of a run out: pictures, the trainer's files, its command; nothing is started.

Everything stands in the run's folder before the trainer begins, so that a crash at any moment
leaves either no try or one that can be started as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import write_atomic
from ategnatos.train import processor
from ategnatos.train.machine import LOCAL, only_card
from ategnatos.train.plan import laying, writing
from ategnatos.train.run import attempts, handing, record, resuming, state
from ategnatos.train.run.keeper import SCRIPT, Keeper, command_file
from ategnatos.train.watching import curve
from ategnatos.trainers import saving
from ategnatos.trainers.plan import Plan, read

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.attempts import Attempt
    from ategnatos.train.run.memory import Change
    from ategnatos.train.run.place import Place
    from ategnatos.train.run.record import Run
    from ategnatos.train.run.resuming import Point
    from ategnatos.trainers import Checkpoint, Dataset, Trainer, Translation

PLAN = "plan.json"
ENVIRONMENT = "environment.json"


@dataclass(frozen=True, slots=True)
class Laid:
    """A run ready for a try: its dataset as the trainer sees it, on its machine."""

    plan: Plan
    dataset: Dataset
    trainer: Trainer


def plan_of(folder: Path) -> Plan:
    """The plan that the run trains: as it was ordered, and changed where memory ran out.

    Raises StudioError (``plan_invalid``), OSError.
    """
    return read(json.loads((folder / PLAN).read_bytes()))


def environment_of(folder: Path) -> dict[str, Any]:
    """What gate 3 found on the run's machine; {} where nothing of it is kept."""
    try:
        found = json.loads((folder / ENVIRONMENT).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def card_of(run: Run) -> str:
    """The number of the run's GPU on its machine, as nvidia-smi has it; ``cpu`` for none."""
    _, provider, card = run.gpu.split(":", 2)
    return card if provider == LOCAL else processor.of_gates(environment_of(run.folder))


def keep_plan(folder: Path, plan: Plan) -> None:
    """Write it down."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(plan.facts(), indent=1, ensure_ascii=False) + "\n"
    write_atomic(folder / PLAN, text.encode())


def dataset(project: Project, run: Run, trainer: Trainer, place: Place) -> Laid:
    """Lay the pictures out beside the run (hard links), and bring them where it trains.

    Raises StudioError as :func:`laying.ready` and :func:`stage.put`, and those of the machine.
    """
    plan = plan_of(run.folder)
    near = laying.ready(project, plan, trainer.layout, place.here / "dataset")
    near.put(project)
    seen = near.dataset
    if place.far:
        # The same, with the paths that it will have there.
        seen = laying.ready(project, plan, trainer.layout, Path(place.there) / "dataset").dataset
        place.bring("dataset")
        plan = _as_there(run.folder, plan)
    return Laid(plan, seen, trainer)


def _as_there(folder: Path, plan: Plan) -> Plan:
    """The plan with its files as they lie on the machine, where gate 3 found them."""
    from ategnatos.train.placing import Places

    base = environment_of(folder).get("base", "")
    return Places(PurePosixPath(base), True).plan(plan) if base else plan


def point_of(run: Run, place: Place, laid: Laid, saves: Any) -> Point | None:
    """The newest whole checkpoint, with the run from there; None where there is none.

    What lies here is looked at: of a far machine it was brought.
    """

    def resume(one: Checkpoint) -> Translation:
        far = replace(one, weights=_there(place, one.weights), state=_there(place, one.state))
        return laid.trainer.resume(laid.plan, laid.dataset, place.there, far)

    for tried in attempts.outputs(run.folder):
        here = laid.trainer.checkpoints(run.folder / tried.output, run.plan)
        found = resuming.newest(here, partial(saves.step_of, attempt=tried, reached=0), resume)
        if found is not None:
            return replace(found, output=tried.output, begins=tried.begins)
    return None


def attempt(
    run: Run,
    place: Place,
    laid: Laid,
    keeper: Keeper,
    point: Point | None,
    *,
    change: Change | None,
    clock: Callable[[], datetime],
) -> Attempt:
    """Write a try down with everything that it needs, there too; it is not started.

    Without a ``point`` it begins anew, and what an earlier try left is moved aside.
    """
    folder = run.folder
    before = attempts.last(folder)
    number = 1 if before is None else before.number + 1
    made = (
        point.translation
        if point is not None
        else laid.trainer.translate(laid.plan, laid.dataset, place.there)
    )
    if point is None and before is not None:
        for one in attempts.outputs(folder):
            resuming.empty(place, one.output, number)
    elif point is not None:
        _cleared(run, place, laid, point, str(number))
    begins = point.step if point is not None else 0
    _cut(folder, begins)
    writing.write(folder, made, ours={"plan": run.plan, "digest": run.digest, "run": run.id})
    install = state.read(folder).get("install", {})
    command, cwd, environment = made.placed(install.get("home", ""), keeper.python)
    if card_of(run) == processor.PROCESSOR:
        command = processor.launched(command, environment_of(run.folder))
    environment |= _card(run, place)
    tried = attempts.Attempt(
        number=number,
        begins=begins,
        point=point.name if point is not None else "",
        output=made.output,
        steps=made.steps,
        started_at=record.iso(clock()),
        change=change.facts() if change is not None else {},
    )
    home = f"attempts/{number}"
    asking, asked = saving.BY_FILE.get(run.trainer), {}
    if asking is not None:
        environment[asking.variable] = str(place.there / home / asking.name)
        asked[f"{home}/{asking.name}"] = asking.quiet
    steps = made.placed_before(install.get("home", ""), keeper.python)
    started = command_file(command, cwd or str(place.there), environment, steps)
    place.put(
        {
            **made.files,
            **{f"{home}/files/{name}": raw for name, raw in made.files.items()},
            f"{home}/command.sh": started,
            "keeper.sh": SCRIPT.read_bytes(),
            **asked,
        }
    )
    if point is not None and place.far:
        parts = [part for part in (point.checkpoint.weights, point.checkpoint.state) if part]
        place.bring(*(str(part.relative_to(folder)) for part in parts))
    attempts.put(folder, tried, **_facts(run, place, tried, made, clock()))
    handing.write(run, laid, tried, made)
    return tried


def _cleared(run: Run, place: Place, laid: Laid, point: Point, aside: str) -> None:
    """Move aside what was saved after the point: all of the folders that are newer than its own."""
    for one in attempts.outputs(run.folder):
        if one.output == point.output:
            kept = _kept(run, laid, point)
            resuming.clear(place, one.output, run.plan, kept, aside)
            return
        # Names are given again in each folder.
        resuming.clear(place, one.output, run.plan, (), f"{aside}/{one.output}")


def _kept(run: Run, laid: Laid, point: Point) -> set[str]:
    """Names in the point's folder that stay: the point and what is older and whole."""
    broken = {path.name for path, _ in point.broken}
    own = {part.name for part in (point.checkpoint.weights, point.checkpoint.state) if part}
    kept = set(own)
    for one in laid.trainer.checkpoints(run.folder / point.output, run.plan):
        names = {part.name for part in (one.weights, one.state) if part is not None}
        kept |= names
        if names & own:
            break
    # ai-toolkit keeps one state for all: that of a newer save is not the point's.
    if point.checkpoint.state is None:
        kept.discard("optimizer.pt")
    return kept - broken


def _cut(folder: Path, begins: int) -> None:
    """Leave of the curve what is not trained again: each step stands in it once."""
    path = folder / curve.NAME
    if path.is_file():
        kept = [one for one in curve.read(folder).points if one.step <= begins]
        write_atomic(path, "".join(map(curve.line, kept)).encode())


def _card(run: Run, place: Place) -> dict[str, str]:
    """Which GPU a process may see, where the machine has several: the one that was looked at; none
    where it trains on the processor.
    """
    if card_of(run) == processor.PROCESSOR:
        return processor.without_gpu(environment_of(run.folder))
    if not place.far or len(environment_of(run.folder).get("gpus", ())) > 1:
        return only_card(card_of(run))
    return {}


def _there(place: Place, path: Path | None) -> Path | None:
    if path is None:
        return None
    return Path(place.there / path.relative_to(place.here))


def _facts(
    run: Run, place: Place, tried: Attempt, made: Translation, now: datetime
) -> dict[str, Any]:
    """The state file's other values (A-145), as they are before the start."""
    provider, _, instance = run.machine.partition(":")
    known = state.read(run.folder)
    return {
        "run_id": run.id,
        "plan": run.plan,
        "plan_version": run.number,
        "digest": run.digest,
        "backend": run.trainer,
        "config_path": str(place.there / next(iter(made.files))),
        "dataset_path": str(place.there / "dataset"),
        "output_dir": str(place.there / made.output),
        "output": made.output,
        "status": "training",
        "started_at": known.get("started_at") or record.iso(now),
        "last_checkpoint": known.get("last_checkpoint", ""),
        "last_checkpoint_at": known.get("last_checkpoint_at", ""),
        "total_steps": tried.steps,
        "completed_steps": tried.begins,
        "provider": provider,
        "instance_id": instance,
        "updated_at": record.iso(now),
    }
