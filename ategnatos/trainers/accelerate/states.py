"""What an interrupted training goes on from, as one safetensors file: nothing in it is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ategnatos.grimoire.files import canonical_json, sha256_bytes, write_atomic
from ategnatos.starter.training.states import StateError
from ategnatos.trainers.accelerate.course import Course

STATE_VERSION = 1
_KEY = "ategnatos.state"


def digest(course: Course) -> str:
    """SHA-256, 64 hex digits, of what decides a training: model, recipe, pictures, captions."""
    pictures = [
        [sha256_bytes(one.path.read_bytes()), one.caption, one.repeats, one.prior, one.bucket]
        for one in course.examples
    ]
    model = _model_mark(Path(course.model.folder))
    return sha256_bytes(
        canonical_json({"model": model, "recipe": course.recipe.facts(), "pictures": pictures})
    )


def write(course: Course, path: Path, mark: str) -> None:
    """Save a state; ``mark`` is the course's digest. Raises StudioError (``disk_full``,
    ``write_failed``), leaving no part of it.
    """
    import torch
    from safetensors.torch import save

    tensors: dict[str, Any] = {"losses": torch.tensor(course.losses, dtype=torch.float64)}
    for n, part in enumerate(course.pairs.parameters):
        tensors[f"pair.{n}"] = part
    for n, mean in enumerate(course.average or ()):
        tensors[f"average.{n}"] = mean
    numbers: dict[str, Any] = {}
    for n, held in course.optimizer.state_dict()["state"].items():
        for name, value in held.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer.{n}.{name}"] = value
            else:
                numbers[f"{n}.{name}"] = value
    scaler = course.accelerator.scaler
    facts = {
        "version": STATE_VERSION,
        "step": course.step,
        "digest": mark,
        "numbers": numbers,
        "scaler": scaler.state_dict() if scaler is not None else None,
    }
    # A copy each: safetensors refuses tensors that share memory.
    kept = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, save(kept, {_KEY: json.dumps(facts)}))


def restore(course: Course, path: Path, mark: str) -> None:
    """Take a course to where a state was saved.

    Raises StateError where the file is cut short, is no state, holds numbers that are not finite,
    or belongs to another training; the course is then as it was.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get(_KEY, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, ValueError, SafetensorError) as error:
        raise StateError(f"it cannot be read: {error}") from error
    if not isinstance(facts, dict) or facts.get("version") != STATE_VERSION:
        raise StateError("it is no state of this program's version")
    if facts.get("digest") != mark:
        raise StateError("it belongs to a training with other pictures, settings or another model")
    parameters = course.pairs.parameters
    pairs = [tensors.get(f"pair.{n}") for n in range(len(parameters))]
    averages = [tensors.get(f"average.{n}") for n in range(len(course.average or ()))]
    for had, part in zip(pairs + averages, parameters + parameters, strict=False):
        if had is None or had.shape != part.shape:
            raise StateError("pairs are missing or of another size")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and name != "losses" and not tensor.isfinite().all():
            raise StateError(f"its {name} holds numbers that are not finite")
    losses = tensors.get("losses")
    if losses is None or len(losses) != facts.get("step"):
        raise StateError("its losses are not those of its steps")
    held: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".", 2)
            held.setdefault(int(number), {})[key] = tensor
    for name, value in facts["numbers"].items():
        number, key = name.split(".", 1)
        held.setdefault(int(number), {})[key] = value
    with torch.no_grad():
        for part, had in zip(parameters, pairs, strict=True):
            part.copy_(had)
        for mean, had in zip(course.average or (), averages, strict=True):
            mean.copy_(had)
    state = course.optimizer.state_dict()
    course.optimizer.load_state_dict({**state, "state": held})
    if course.accelerator.scaler is not None and facts["scaler"]:
        course.accelerator.scaler.load_state_dict(facts["scaler"])
    course.losses[:] = [float(loss) for loss in losses]


def _model_mark(folder: Path) -> str:
    """What tells one model folder from another without reading gigabytes: its files' sizes."""
    if not folder.is_dir():
        return str(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return sha256_bytes(
        canonical_json([[str(one.relative_to(folder)), one.stat().st_size] for one in files])
    )
