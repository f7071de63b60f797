"""The accelerate trainer: a folder a concept, captions beside the pictures, ``dataset.json``.

The JSON says in which size each picture is seen: kohya's buckets, or the one square of the
starter model. So the trainer counts what was counted here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from ategnatos.train.dataset.structure import buckets, kohya
from ategnatos.train.dataset.structure.layout import Bucket, Frame, Layout, Plan, Staged, enlarged

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
        folder = one.folder
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
        frame.steps(one.shown for one in made),
        plan.dropped,
        _warnings(plan),
        tuple(() if _starter(frame) else enlarged(plan.staged, choose)),
    )


def chooser(frame: Frame) -> buckets.Choose:
    """Into which size the trainer brings a picture."""
    if _starter(frame):
        return lambda size: (_SIDE, _SIDE)
    return kohya.chooser(frame)


def _starter(frame: Frame) -> bool:
    return frame.family.partition("/")[0] == _STARTER


def _warnings(plan: Plan) -> tuple[str, ...]:
    if any(one.mask is not None for one in plan.staged):
        return ("The accelerate trainer reads no masks: whole pictures are learned.",)
    return ()
