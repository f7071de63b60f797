"""What kohya leaves in its output folder, by its names.

``{name}-{epoch:06d}``, ``{name}-step{step:08d}`` and, at the end, ``{name}``: each with
``.safetensors`` for the weights and ``-state`` for the folder to resume from. ``train_state.json``
is not read: after a resume its steps are counted from the resume.
"""

from __future__ import annotations

import re
from pathlib import Path

from ategnatos.trainers import Checkpoint

_MARK = re.compile(r"(?:-(?P<epoch>\d{6})|-step(?P<step>\d{8}))?(?P<kind>\.safetensors|-state)")


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


def _number(text: str | None) -> int | None:
    return int(text) if text else None
