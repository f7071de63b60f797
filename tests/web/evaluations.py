"""An evaluation with pictures and files that are there; no engine made them."""

from __future__ import annotations

from dataclasses import replace

from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.project import Project
from ategnatos.train.evaluation import measuring, planning, record
from ategnatos.train.evaluation.record import Evaluation
from tests.train.dataset.pictures import drawn
from tests.train.evaluation.made import by_hand

NAMES = ("early", "late")


def finished(project: Project) -> Evaluation:
    """An evaluation of two LoRA files that are there, with all of its pictures."""
    import numpy as np
    from safetensors.numpy import save_file

    one = by_hand(project, checkpoints=NAMES, weights=(0.0, 0.5))
    files = []
    for number, file in enumerate(one.checkpoints):
        path = project.root / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"a.weight": np.full((4, 4), number, np.float32)}, str(path))
        files.append(replace(file, sha256=sha256_bytes(path.read_bytes())))
    cells = []
    for number, cell in enumerate(one.cells):
        data, key = drawn(number), sha256_bytes(cell.key.encode())[:16]
        kept = replace(cell, key=key, path=f"pictures/{key}.png", sha256=sha256_bytes(data))
        one.picture(kept).parent.mkdir(parents=True, exist_ok=True)
        one.picture(kept).write_bytes(data)
        cells.append(kept)
    made = replace(
        one,
        cells=tuple(cells),
        checkpoints=tuple(files),
        dataset="",
        finished_at="2026-11-21T12:30:00Z",
    )
    made = replace(made, digest=planning.digest_again(made))
    return record.save(replace(made, numbers=measuring.measure(project, made)))
