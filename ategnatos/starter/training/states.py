"""What an interrupted training goes on from: weights, optimizer, losses, and whose they are.

A state is one safetensors file, written whole or not at all. It holds the digest of everything
that decides the result, so that a training is never continued with other pictures or settings.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from ategnatos.grimoire.files import canonical_json, sha256_bytes, write_atomic
from ategnatos.starter.tensors import TensorFile
from ategnatos.starter.training.course import Course

STATE_VERSION = 1


class StateError(ValueError):
    """A state that cannot be gone on from; the text says why."""


def digest(course: Course) -> str:
    """SHA-256, 64 hex digits, of what decides a training: model, recipe, pictures, captions."""
    pictures = [
        [sha256_bytes(one.pixels.tobytes()), one.caption, one.repeats, one.prior]
        for one in course.examples
    ]
    return sha256_bytes(
        canonical_json(
            {"model": course.model.sha256, "recipe": course.recipe.facts(), "pictures": pictures}
        )
    )


def write(course: Course, path: Path) -> None:
    """Save a state. Raises StudioError (``disk_full``, ``write_failed``), leaving no part of it."""
    tensors: dict[str, npt.NDArray[np.floating[Any]]] = {
        "parameters": course.adapters.parameters,
        "mean": course.optimizer.mean,
        "square": course.optimizer.square,
        "losses": np.array(course.losses, np.float64),
    }
    if course.average is not None:
        tensors["average"] = course.average
    facts = {"version": STATE_VERSION, "step": course.step, "digest": digest(course)}
    write_atomic(path, save(tensors, {"ategnatos.state": json.dumps(facts)}))


def restore(course: Course, path: Path) -> None:
    """Take a course to where a state was saved.

    Raises StateError where the file is cut short, is no state, holds numbers that are not finite,
    or belongs to another training; the course is then as it was.
    """
    try:
        file = TensorFile(path)
        facts = json.loads(file.metadata.get("ategnatos.state", "null"))
        tensors = {name: file[name] for name in file}
    except (OSError, ValueError) as error:
        raise StateError(f"it cannot be read: {error}") from error
    if not isinstance(facts, dict) or facts.get("version") != STATE_VERSION:
        raise StateError("it is no state of this program's version")
    if facts.get("digest") != digest(course):
        raise StateError("it belongs to a training with other pictures, settings or another model")
    size = course.adapters.parameters.shape
    names = ["parameters", "mean", "square"] + ["average"] * (course.average is not None)
    for name in names:
        if name not in tensors or tensors[name].shape != size:
            raise StateError(f"its {name} are missing or of another size")
        if not np.isfinite(tensors[name]).all():
            raise StateError(f"its {name} hold numbers that are not finite")
    losses = tensors.get("losses")
    if losses is None or len(losses) != facts.get("step"):
        raise StateError("its losses are not those of its steps")
    course.adapters.parameters[:] = tensors["parameters"]
    course.optimizer.mean[:] = tensors["mean"]
    course.optimizer.square[:] = tensors["square"]
    if course.average is not None:
        course.average[:] = tensors["average"]
    course.losses[:] = losses.tolist()
    course.adapters.refresh()
