"""What kohya leaves in its output folder, by its names.

``{name}-{epoch:06d}``, ``{name}-step{step:08d}`` and, at the end, ``{name}``: each with
``.safetensors`` for the weights and ``-state`` for the folder to resume from. ``train_state.json``
is not read: after a resume its steps are counted from the resume.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Literal

from ategnatos.trainers import Checkpoint
from ategnatos.trainers.events import Saved
from ategnatos.trainers.saving import COUNTED_ANEW

_MARK = re.compile(r"(?:-(?P<epoch>\d{6})|-step(?P<step>\d{8}))?(?P<kind>\.safetensors|-state)")
_SAVE = re.compile(_MARK.pattern + "$")


def checkpoints(output: Path, name: str) -> tuple[Checkpoint, ...]:
    """Everything of the plan ``name``, oldest first, the final one last."""
    found: dict[tuple[int | None, int | None], dict[str, Path]] = {}
    for path in output.iterdir() if output.is_dir() else ():
        if not path.name.startswith(name):
            continue
        mark = _MARK.fullmatch(path.name[len(name) :])
        if mark is None or path.is_dir() != (mark["kind"] == "-state"):
            continue
        key = (_number(mark["epoch"]), _number(mark["step"]))
        found.setdefault(key, {})[mark["kind"]] = path
    made = [
        Checkpoint(
            paths.get(".safetensors"), paths.get("-state"), step, epoch, epoch is step is None
        )
        for (epoch, step), paths in found.items()
    ]
    return tuple(sorted(made, key=lambda one: (one.final, one.step or 0, one.epoch or 0)))


def saved(kind: Literal["weights", "state"], path: str) -> Saved:
    """The event of a save whose path a log names."""
    mark = _SAVE.search(path)
    step = _number(mark["step"]) if mark else None
    epoch = _number(mark["epoch"]) if mark else None
    return Saved(kind, path, step, epoch, step is epoch is None)


def began(state: PurePath) -> int:
    """The step of the plan at which the training of a state was resumed, as its folder tells; 0
    where it was not.
    """
    again = re.fullmatch(re.escape(COUNTED_ANEW) + r"(\d+)", state.parent.name)
    return int(again[1]) if again else 0


def _number(text: str | None) -> int | None:
    return int(text) if text else None
