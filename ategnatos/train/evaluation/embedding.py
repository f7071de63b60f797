"""Likeness to the training pictures as a vision model sees it, where somebody has one.

The model is a folder of the user's (CLIP, SigLIP, DINOv2), the Python is one that has torch and
transformers: a process of its own does the work, so that nothing here needs either.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.dataset import record as datasets
from ategnatos.train.dataset import store
from ategnatos.train.evaluation import record, reporting
from ategnatos.train.evaluation.prompts import CALLED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation.record import Evaluation

EMBEDDING_FAILED = ErrorCode("embedding_failed", "No vision model could look at the pictures.")

_LIMIT_SECONDS = 3600.0


def add(project: Project, evaluation: Evaluation, model: Path, python: str) -> Evaluation:
    """The evaluation with ``closeness`` in each column of its numbers, and a report that says so.

    Closeness is the cosine to the nearest training picture, -1 to 1. Raises StudioError
    (``embedding_failed``): no dataset, no model, no torch.
    """
    trained = _trained(project, evaluation)
    cells = {one.key: one for one in evaluation.cells}
    name, vectors = embed([*trained, *(evaluation.picture(one) for one in cells.values())], model,
                          python)  # fmt: skip
    theirs, ours = vectors[: len(trained)], vectors[len(trained) :]
    nearest = dict(zip(cells, (ours @ theirs.T).max(axis=1), strict=True))
    among = theirs @ theirs.T - 2 * np.eye(len(theirs))
    kinds = {one.name: one.kind for one in evaluation.prompts}
    columns = []
    for one in evaluation.numbers["columns"]:
        own = [
            float(nearest[cell.key])
            for cell in evaluation.cells
            if (cell.checkpoint, cell.weight) == (one["checkpoint"], one["weight"])
            and kinds[cell.prompt] in CALLED
        ]
        columns.append({**one, "closeness": float(np.mean(own)) if own else None})
    numbers = {
        **evaluation.numbers,
        "columns": columns,
        "embedding": {
            "model": name,
            "folder": model.name,
            "trained": float(among.max(axis=1).mean()) if len(theirs) > 1 else None,
        },
    }
    seen = record.save(replace(evaluation, numbers=numbers))
    reporting.write(project, seen)
    return seen


def embed(paths: list[Path], model: Path, python: str) -> tuple[str, NDArray[np.float64]]:
    """The model's class and a vector of length 1 for each picture: (n, d)."""
    if not (model / "config.json").is_file():
        raise _failed(
            f"{model} is no folder of a model (it has no config.json)",
            "Name the folder of a CLIP, SigLIP or DINOv2 model, as save_pretrained writes it.",
        )
    program = files("ategnatos.train.evaluation") / "programs" / "embed.py"
    try:
        with as_file(program) as script:
            done = subprocess.run(
                [python, str(script), str(model)],
                input=json.dumps([str(path) for path in paths]),
                capture_output=True,
                text=True,
                timeout=_LIMIT_SECONDS,
                check=False,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(
            f"{python} could not be run ({error})", "Name it with --embed-python."
        ) from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise _failed(
            f"{python} says: {last[:300]}",
            "It needs torch and transformers: name a Python that has them with --embed-python.",
        )
    said: dict[str, Any] = json.loads(done.stdout)
    vectors = np.asarray(said["vectors"], np.float64)
    if len(vectors) != len(paths) or vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise _failed("the model gave no vectors of numbers", "Try another model.")
    return str(said["model"]), vectors


def _trained(project: Project, evaluation: Evaluation) -> list[Path]:
    if not evaluation.dataset:
        raise _failed("what it was trained on is not known here", "Evaluate a plan of this studio.")
    version = datasets.load(project, evaluation.dataset, evaluation.dataset_version)
    return [
        store.path_of(project, version.dataset, one.name, one.sha256)
        for one in version.pictures
        if one.split != "validation"
    ]


def _failed(why: str, hint: str) -> StudioError:
    return StudioError(
        EMBEDDING_FAILED,
        f"The pictures were made and counted, and no vision model looked at them: {why}.",
        hint=hint,
    )
