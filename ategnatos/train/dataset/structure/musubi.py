"""musubi-tuner: a folder a concept, and a dataset TOML that names each.

Each folder is a dataset of its own, so buckets of two never share a batch; what it encodes must
lie in another folder for each. A picture without its caption file is passed over. Source:
dataset/config_utils.py, dataset/datasources.py, dataset/image_video_dataset.py, dataset/bucket.py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from ategnatos.train.dataset.structure import arithmetic, buckets
from ategnatos.train.dataset.structure.layout import (
    Bucket,
    Frame,
    Layout,
    Plan,
    Staged,
    alignment,
)


def lay_out(plan: Plan, root: Path) -> Layout:
    """The layout whose files will lie under ``root`` (an absolute path, written into the TOML)."""
    frame = plan.frame
    links: dict[str, Staged] = {}
    small: dict[str, bytes] = {}
    folders: dict[str, Staged] = {}
    for one in plan.staged:
        folder = _folder(one)
        links[f"{folder}/{one.file}"] = one
        small[f"{folder}/{one.stem}.txt"] = one.caption.encode() + b"\n"
        if not one.validation:
            folders.setdefault(folder, one)
    small["dataset.toml"] = _toml(frame, folders, root).encode()
    choose = chooser(frame)
    counts: dict[tuple[str, tuple[int, int]], list[int]] = defaultdict(lambda: [0, 0])
    for one in plan.staged:
        if not one.validation:
            entry = counts[(_folder(one), choose(one.size))]
            entry[0] += 1
            entry[1] += one.repeats
    made = tuple(Bucket(size, n, m) for (_, size), (n, m) in sorted(counts.items()))
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
        tuple(_warnings(plan)),
        tuple(_enlarged(plan.staged, choose)),
        ("--dataset_config", str(root / "dataset.toml")),
    )


def chooser(frame: Frame) -> buckets.Choose:
    """How musubi-tuner chooses a bucket with the TOML that we write."""
    step = alignment("musubi", frame.family)
    return buckets.musubi(frame.resolution, steps=step, upscale=frame.upscale)


def _folder(one: Staged) -> str:
    place = "validation" if one.validation else "reg" if one.regularisation else "train"
    return f"{place}/{one.concept}"


def _toml(frame: Frame, folders: dict[str, Staged], root: Path) -> str:
    lines = [
        "[general]",
        f"resolution = [{frame.resolution}, {frame.resolution}]",
        'caption_extension = ".txt"',
        f"batch_size = {frame.batch}",
        "enable_bucket = true",
        f"bucket_no_upscale = {str(not frame.upscale).lower()}",
    ]
    for folder, first in folders.items():
        lines += [
            "",
            "[[datasets]]",
            f"image_directory = {_text(str(root / folder))}",
            f"cache_directory = {_text(str(root / 'cache' / folder.replace('/', '-')))}",
            f"num_repeats = {first.repeats}",
        ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    # A JSON string is a TOML basic string: the same escapes.
    return json.dumps(value, ensure_ascii=False)


def _warnings(plan: Plan) -> list[str]:
    told = []
    if any(one.validation for one in plan.staged):
        told.append(
            "musubi-tuner measures no validation loss: the pictures set apart lie in 'validation'"
            " and are not read; they are for the evaluation."
        )
    if plan.frame.masks:
        told.append("musubi-tuner knows no masks: the whole picture is trained on.")
    return told


def _enlarged(staged: tuple[Staged, ...], choose: buckets.Choose) -> list[tuple[str, float]]:
    found = [(one.picture.name, buckets.enlarged(one.size, choose(one.size))) for one in staged]
    return [(name, round(by, 2)) for name, by in found if by > 1.005]
