"""The accelerate trainer: a folder a concept, captions beside the pictures, ``dataset.json``.

The JSON says in which size each picture is seen: kohya's buckets, or the one square of the
starter model. So the trainer counts what was counted here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from ategnatos.train.dataset.structure import arithmetic, buckets, kohya
from ategnatos.train.dataset.structure.layout import Bucket, Frame, Layout, Plan, Staged

_STARTER, _SIDE = "starter", 32


def lay_out(plan: Plan, root: Path) -> Layout:
    """The layout whose files will lie under ``root``; nothing in them names a path."""
    frame = plan.frame
    choose = chooser(frame)
    links: dict[str, Staged] = {}
    small: dict[str, bytes] = {}
    sizes: dict[str, list[int]] = {}
    counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for one in plan.staged:
        folder = _folder(one)
        links[f"{folder}/{one.file}"] = one
        small[f"{folder}/{one.stem}.txt"] = one.caption.encode()
        size = choose(one.size)
        sizes[f"{folder}/{one.file}"] = list(size)
        if not one.validation:
            counts[size][0] += 1
            counts[size][1] += one.repeats
    small["dataset.json"] = json.dumps({"buckets": sizes}, indent=1).encode() + b"\n"
    made = tuple(Bucket(size, n, m) for size, (n, m) in sorted(counts.items()))
    return Layout(
        frame,
        small,
        links,
        {},
        made,
        arithmetic.count(
            (one.shown for one in made),
            epochs=frame.epochs,
            batch=frame.batch,
            accumulation=frame.accumulation,
        ),
        plan.dropped,
        _warnings(plan),
        tuple(_enlarged(plan, choose)),
    )


def chooser(frame: Frame) -> buckets.Choose:
    """Into which size the trainer brings a picture."""
    if frame.family.partition("/")[0] == _STARTER:
        return lambda size: (_SIDE, _SIDE)
    return kohya.chooser(frame)


def _folder(one: Staged) -> str:
    place = "validation" if one.validation else "reg" if one.regularisation else "train"
    return f"{place}/{one.concept}"


def _enlarged(plan: Plan, choose: buckets.Choose) -> list[tuple[str, float]]:
    if plan.frame.family.partition("/")[0] == _STARTER:
        return []
    found = []
    for one in plan.staged:
        by = buckets.enlarged(one.size, choose(one.size))
        if by > 1:
            found.append((one.picture.name, round(by, 2)))
    return found


def _warnings(plan: Plan) -> tuple[str, ...]:
    if any(one.mask is not None for one in plan.staged):
        return ("The accelerate trainer reads no masks: whole pictures are learned.",)
    return ()
