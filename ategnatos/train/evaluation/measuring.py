"""What can be counted without judging beauty; each number beside one that says what is much.

Likeness is 1 for the same picture and near 0.5 for two that have nothing in common: the share of
equal bits of 256-bit perceptual hashes. Change is the mean difference of colours (0 to 1) over
16x16 fields. What chance alone changes, seed by seed, is measured too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.dataset import record as datasets
from ategnatos.train.dataset.audit.passing import looks
from ategnatos.train.dataset.duplicates import fingerprint as prints
from ategnatos.train.dataset.duplicates.groups import Item, compare
from ategnatos.train.dataset.duplicates.hashes import Hashes
from ategnatos.train.evaluation.prompts import CALLED

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.duplicates.fingerprint import Fingerprint
    from ategnatos.train.evaluation.record import Cell, Evaluation

_BITS = 256
# A run of numbers in names would be taken for the frames of a film.
_AS_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


def measure(project: Project, evaluation: Evaluation) -> dict[str, Any]:
    """The numbers of a whole evaluation as JSON values: ``columns`` (one a checkpoint and weight),
    ``chance``, ``dataset`` and ``copies``.
    """
    cells = {one.key: one for one in evaluation.cells}
    seen = {key: look(evaluation.picture(one)) for key, one in cells.items()}
    trained = _trained(project, evaluation)
    likeness = _likeness(seen, trained)
    kinds = {one.name: one.kind for one in evaluation.prompts}
    base = _column(evaluation, "", 0.0)
    columns = []
    for name, weight in [("", 0.0), *((c.checkpoint, c.weight) for c in evaluation.contenders)]:
        column = _column(evaluation, name, weight)
        called = [one for one in column if kinds[one.prompt] in CALLED]
        apart = [one for one in column if kinds[one.prompt] == "without"]
        others = [one for one in column if kinds[one.prompt] == "other"]
        columns.append(
            {
                "checkpoint": name,
                "weight": weight,
                "likeness": _mean(likeness.get(one.key) for one in called),
                "leak": _mean(likeness.get(one.key) for one in apart),
                "effect": _changed(seen, called, base),
                "bleed": _changed(seen, others, base),
                "diversity": _spread(seen, called),
            }
        )
    copies = _copies(evaluation, cells, seen, trained)
    for one in columns:
        one["copies"] = sum(
            found["checkpoint"] == one["checkpoint"] and found["weight"] == one["weight"]
            for found in copies
        )
    return {
        "columns": columns,
        "chance": _spread(seen, base),
        "dataset": {
            "pictures": len(trained),
            "likeness": _among(trained),
        },
        "copies": copies,
    }


def look(path: Path) -> Fingerprint:
    """The fingerprint of a picture file."""
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        return prints.fingerprint(prints.base_of(image), image.width, image.height)


def change(one: Fingerprint, other: Fingerprint) -> float:
    """How much two pictures differ in their colours, 0 to 1."""
    first, second = one.colour.astype(np.float64), other.colour.astype(np.float64)
    return float(np.abs(first - second).mean() / 255)


def _trained(project: Project, evaluation: Evaluation) -> list[Item]:
    """What it was trained on, as pictures to compare; empty where that is not known or gone."""
    if not evaluation.dataset:
        return []
    try:
        version = datasets.load(project, evaluation.dataset, evaluation.dataset_version)
        found = looks(project, version, full=False).looks
    except StudioError:
        # The pictures may have been taken away since: what can be counted without them is.
        return []
    return [
        Item(one.name, one.sha256, one.size, found[one.name].facts.get("format", ""), print_)
        for one in version.pictures
        if one.split != "validation" and (print_ := found[one.name].fingerprint) is not None
    ]


def _likeness(seen: dict[str, Fingerprint], trained: Sequence[Item]) -> dict[str, float]:
    """How like its nearest training picture each is."""
    if not trained or not seen:
        return {}
    ours = Hashes(list(seen.values())).p256
    theirs = Hashes([one.print for one in trained]).p256
    differing = np.bitwise_count(ours[:, None, :] ^ theirs[None, :, :]).sum(axis=2)
    nearest = 1 - differing.min(axis=1) / _BITS
    return dict(zip(seen, map(float, nearest), strict=True))


def _among(trained: Sequence[Item]) -> float | None:
    """How like its nearest neighbour a training picture is: what likeness can mean here."""
    if len(trained) < 2:
        return None
    bits = Hashes([one.print for one in trained]).p256
    differing = np.bitwise_count(bits[:, None, :] ^ bits[None, :, :]).sum(axis=2).astype(float)
    np.fill_diagonal(differing, _BITS)
    return float(np.mean(1 - differing.min(axis=1) / _BITS))


def _copies(
    evaluation: Evaluation,
    cells: dict[str, Cell],
    seen: dict[str, Fingerprint],
    trained: Sequence[Item],
) -> list[dict[str, Any]]:
    """Pictures that the duplicate finder takes for a training picture."""
    ours = {
        key.translate(_AS_LETTERS): key for key, one in cells.items() if one.weight and key in seen
    }
    items = [Item(name, cells[key].sha256, 0, "png", seen[key]) for name, key in ours.items()]
    theirs = {f"trained/{one.name.translate(_AS_LETTERS)}": one.name for one in trained}
    items += [
        Item(name, one.sha256, one.size, one.format, one.print)
        for name, one in zip(theirs, trained, strict=True)
    ]
    found = []
    for group in compare(items, lambda one, other: False).groups:
        originals = sorted(theirs[name] for name in group.files if name in theirs)
        for name in group.files:
            if name in ours and originals:
                cell = cells[ours[name]]
                found.append(
                    {
                        "checkpoint": cell.checkpoint,
                        "weight": cell.weight,
                        "prompt": cell.prompt,
                        "seed": cell.seed,
                        "key": cell.key,
                        "like": originals[0],
                        "how": group.kind,
                    }
                )
    return found


def _column(evaluation: Evaluation, checkpoint: str, weight: float) -> list[Cell]:
    return [
        one for one in evaluation.cells if one.checkpoint == checkpoint and one.weight == weight
    ]


def _changed(
    seen: dict[str, Fingerprint], column: Sequence[Cell], base: Sequence[Cell]
) -> float | None:
    """How much pictures differ from those of the model alone, same prompt and seed."""
    before = {(one.prompt, one.seed): one.key for one in base}
    return _mean(
        change(seen[one.key], seen[before[one.prompt, one.seed]])
        for one in column
        if (one.prompt, one.seed) in before
    )


def _spread(seen: dict[str, Fingerprint], column: Sequence[Cell]) -> float | None:
    """How much pictures of one prompt differ from seed to seed."""
    rows: dict[str, list[str]] = {}
    for one in column:
        rows.setdefault(one.prompt, []).append(one.key)
    return _mean(
        change(seen[first], seen[second])
        for keys in rows.values()
        for first, second in combinations(keys, 2)
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return float(np.mean(known)) if known else None
