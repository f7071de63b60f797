"""What our own training programs leave in their output folder, and how it is found again.

``NAME-000055.safetensors`` is the LoRA of a step, ``state-000055.safetensors`` what to resume
from, ``NAME.safetensors`` the finished LoRA.
"""

from __future__ import annotations

import re
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.trainers import TRAINER_CANNOT, Checkpoint

_STATE = re.compile(r"state-(\d{6,})\.safetensors")


def checkpoints(output: Path, name: str) -> tuple[Checkpoint, ...]:
    """A state and the LoRA file beside it at each save, oldest first, and the finished LoRA."""
    weights = re.compile(re.escape(name) + r"-(\d{6,})\.safetensors")
    found: dict[int, dict[str, Path]] = {}
    for path in output.iterdir() if output.is_dir() else ():
        for kind, pattern in (("weights", weights), ("state", _STATE)):
            if match := pattern.fullmatch(path.name):
                found.setdefault(int(match[1]), {})[kind] = path
    made = [
        Checkpoint(files.get("weights"), files.get("state"), step, None)
        for step, files in sorted(found.items())
    ]
    last = output / f"{name}.safetensors"
    if last.is_file():
        states = [one for one in made if one.state is not None]
        step = states[-1].step if states else None
        made.append(Checkpoint(last, states[-1].state if states else None, step, None, True))
    return tuple(made)


def state_of(point: Checkpoint, trainer: str, plan: str) -> Path:
    """The state of a checkpoint. Raises StudioError (``trainer_cannot``) where it has none."""
    if point.state is None:
        raise StudioError(
            TRAINER_CANNOT,
            f"{point.weights or 'This checkpoint'} is the LoRA alone, without the optimizer: "
            "nothing can be resumed from it exactly. Nothing was started.",
            hint="Resume from a state-NNNNNN.safetensors of the run's output folder.",
            trainer=trainer,
            plan=plan,
        )
    return point.state


def forget_old(output: Path, name: str, keep: int) -> None:
    """Remove all but the ``keep`` newest saves; 0 keeps every one."""
    pattern = re.compile(rf"(?:state|{re.escape(name)})-(\d{{6,}})\.safetensors")
    found = [(path, pattern.fullmatch(path.name)) for path in output.iterdir()] if keep else []
    numbered = [(int(match[1]), path) for path, match in found if match]
    kept = sorted({number for number, _ in numbered})[-keep:]
    for number, path in numbered:
        if number not in kept:
            path.unlink()
