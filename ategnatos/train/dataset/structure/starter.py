"""The starter trainer: a folder a concept with a caption beside each picture.

It reads every picture as a square of 32 pixels, so there is one bucket.
"""

from __future__ import annotations

from pathlib import Path

from ategnatos.train.dataset.structure.layout import Bucket, Layout, Plan, Staged

_SIDE = 32


def lay_out(plan: Plan, root: Path) -> Layout:
    """The layout whose files will lie under ``root``; nothing in them names a path."""
    frame = plan.frame
    links: dict[str, Staged] = {}
    small: dict[str, bytes] = {}
    for one in plan.staged:
        folder = one.folder
        links[f"{folder}/{one.file}"] = one
        small[f"{folder}/{one.stem}.txt"] = one.caption.encode()
    trained = [one for one in plan.staged if not one.validation]
    shown = sum(one.repeats for one in trained)
    return Layout(
        frame,
        small,
        links,
        {},
        (Bucket((_SIDE, _SIDE), len(trained), shown),) if trained else (),
        frame.steps([shown] if shown else []),
        plan.dropped,
        _warnings(plan),
    )


def _warnings(plan: Plan) -> tuple[str, ...]:
    if any(one.mask is not None for one in plan.staged):
        return ("The starter trainer reads no masks: whole pictures are learned.",)
    return ()
