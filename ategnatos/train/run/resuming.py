"""From which checkpoint a run goes on: the newest that is whole, and what must be out of the way.

No trainer leaves a broken save out by itself, and ai-toolkit takes whatever file is newest. So
everything is looked into first, and what is broken, or newer than the point, is moved to
``aside/`` in the run's folder. Nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.checkpoints import integrity
from ategnatos.train.checkpoints.entry import extract_step
from ategnatos.trainers import TRAINER_CANNOT, Checkpoint, Translation

if TYPE_CHECKING:
    from ategnatos.train.run.place import Place

RUN_NOTHING = ErrorCode("run_nothing", "There is no whole checkpoint to go on from.")

ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Point:
    """Where a run goes on: a checkpoint without its broken parts, and the run from there.

    ``broken`` are the parts that are not whole, each with why; ``skipped`` why other saves were
    passed over, the newest first. ``output`` is the folder that it lies in, relative to the run's,
    and ``begins`` the step at which the try that saved it began.
    """

    checkpoint: Checkpoint
    step: int
    translation: Translation
    broken: tuple[tuple[Path, str], ...]
    skipped: tuple[str, ...]
    output: str = ""
    begins: int = 0

    @property
    def name(self) -> str:
        """What it is called in the run's folder."""
        weights, state = self.checkpoint.weights, self.checkpoint.state
        # ai-toolkit's state is the same file at every save: it says nothing of which one.
        one_for_all = state is not None and extract_step(state.name) is None
        path = weights if one_for_all and weights is not None else state or weights
        return path.name if path is not None else ""


def newest(
    found: Iterable[Checkpoint],
    step_of: Callable[[Checkpoint], int],
    resume: Callable[[Checkpoint], Translation],
) -> Point | None:
    """The newest checkpoint of ``found`` (oldest first) that is whole and can be resumed from.

    ``resume`` translates the run from one; what it refuses is passed over.
    """
    broken: list[tuple[Path, str]] = []
    skipped: list[str] = []
    for one in reversed([each for each in found if not each.final]):
        parts = {"weights": one.weights, "state": one.state}
        for kind, path in parts.items():
            why = integrity.check(path) if path is not None else ""
            if why and path is not None:
                broken.append((path, why))
                parts[kind] = None
        usable = replace(one, weights=parts["weights"], state=parts["state"])
        try:
            made = resume(usable)
        except StudioError as error:
            if error.code is not TRAINER_CANNOT:
                raise
            skipped.append(error.message)
            continue
        step = step_of(one) if made.begins is None else made.begins
        return Point(usable, step, made, tuple(broken), tuple(skipped))
    return None


def nothing(run: str, broken: Iterable[tuple[Path, str]] = ()) -> StudioError:
    """The refusal where nothing can be gone on from."""
    told = "; ".join(f"{path.name}: {why}" for path, why in broken)
    return StudioError(
        RUN_NOTHING,
        f"The run {run} has no whole checkpoint to go on from"
        + (f" ({told})" if told else "")
        + "; nothing was started.",
        hint=f"Begin it anew: ategnatos train launch {run.rpartition('-')[0]}",
        run=run,
    )


def clear(place: Place, output: str, name: str, keep: Iterable[str], aside: str) -> list[str]:
    """Move what begins with ``name`` or was saved, and is not in ``keep``, out of ``output`` to
    ``aside/ASIDE``; the names that were moved. Here, and on the machine where it is another.

    ``keep`` are names in the output folder. Raises StudioError (``run_machine``).
    """
    kept = set(keep)
    there = place.there / output
    listing = place.ask(["sh", "-c", 'ls -1a -- "$1" 2>/dev/null || :', "sh", str(there)])
    moved = [one for one in listing.splitlines() if _saved(one, name) and one not in kept]
    if moved:
        target = place.there / ASIDE / aside
        place.ask(["mkdir", "-p", "--", str(target)])
        place.ask(["mv", "--", *(str(there / one) for one in moved), str(target)])
    if place.far and (place.here / output).is_dir():
        near = place.here / ASIDE / aside
        for one in sorted((place.here / output).iterdir()):
            if _saved(one.name, name) and one.name not in kept:
                near.mkdir(parents=True, exist_ok=True)
                one.rename(near / one.name)
    return moved


def empty(place: Place, output: str, number: int) -> None:
    """Move the whole output folder aside: the run begins anew."""
    target = place.there / ASIDE
    name = f"{number}-{output.replace('/', '-')}"
    place.ask(
        ["sh", "-c", 'test -e "$1" || exit 0; mkdir -p "$2" && mv -- "$1" "$2/$3"', "sh",
         str(place.there / output), str(target), name]
    )  # fmt: skip
    if place.far and (place.here / output).is_dir():
        (place.here / ASIDE).mkdir(parents=True, exist_ok=True)
        (place.here / output).rename(place.here / ASIDE / name)


def _saved(entry: str, name: str) -> bool:
    """Whether a trainer may take this entry of its output for a checkpoint."""
    if entry in (".", ".."):
        return False
    return entry.startswith((name, "state-", "checkpoint-", "pytorch_lora")) or (
        entry == "optimizer.pt"
    )
