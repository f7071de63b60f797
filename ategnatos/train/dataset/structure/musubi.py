"""musubi-tuner: a folder a concept, and a dataset TOML that names each.

Each folder is a dataset of its own, so buckets of two never share a batch; what it encodes must
lie in another folder for each. A picture without its caption file is passed over. Source:
dataset/config_utils.py, dataset/datasources.py, dataset/image_video_dataset.py, dataset/bucket.py.
"""

from __future__ import annotations

import json
from pathlib import Path

from ategnatos.train.dataset.structure import buckets
from ategnatos.train.dataset.structure.layout import (
    Frame,
    Layout,
    Plan,
    Staged,
    alignment,
    by_folder,
    enlarged,
)


def lay_out(plan: Plan, root: Path) -> Layout:
    """The layout whose files will lie under ``root`` (an absolute path, written into the TOML)."""
    frame = plan.frame
    links: dict[str, Staged] = {}
    small: dict[str, bytes] = {}
    folders: dict[str, Staged] = {}
    for one in plan.staged:
        folder = one.folder
        links[f"{folder}/{one.file}"] = one
        small[f"{folder}/{one.stem}.txt"] = one.caption.encode() + b"\n"
        if not one.validation:
            folders.setdefault(folder, one)
    small["dataset.toml"] = _toml(frame, folders, root).encode()
    choose = chooser(frame)
    made = by_folder(plan.staged, choose)
    return Layout(
        frame,
        small,
        links,
        {},
        made,
        frame.steps(one.shown for one in made),
        plan.dropped,
        tuple(_warnings(plan)),
        tuple(enlarged(plan.staged, choose)),
        ("--dataset_config", str(root / "dataset.toml")),
    )


def chooser(frame: Frame) -> buckets.Choose:
    """How musubi-tuner chooses a bucket with the TOML that we write."""
    step = alignment("musubi", frame.family)
    return buckets.musubi(frame.resolution, steps=step, upscale=frame.upscale)


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
