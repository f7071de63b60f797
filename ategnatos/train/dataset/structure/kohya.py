"""kohya sd-scripts: ``<repeats>_<name>`` folders and a dataset TOML that says where captions are.

The trainer finds its pictures by either: ``--train_data_dir OUT/train`` with
``--caption_extension .txt`` (without it the captions are not read), or, better,
``--dataset_config OUT/dataset.toml``, which says all of it. Source: library/config_util.py and
library/train_util.py (DreamBoothDataset).
"""

from __future__ import annotations

import json
from collections import defaultdict
from math import ceil
from pathlib import Path

from ategnatos.train.dataset.structure import buckets
from ategnatos.train.dataset.structure.layout import (
    Bucket,
    Frame,
    Layout,
    Plan,
    Staged,
    alignment,
    enlarged,
)

STEPS = 64
LEAST = 256


def lay_out(plan: Plan, root: Path) -> Layout:
    """The layout whose files will lie under ``root`` (an absolute path, written into the TOML)."""
    frame = plan.frame
    links: dict[str, Staged] = {}
    masks: dict[str, Staged] = {}
    small: dict[str, bytes] = {}
    subsets: dict[bool, dict[str, list[str]]] = {False: {}, True: {}}
    for one in plan.staged:
        folder = _folder(one)
        links[f"{folder}/{one.file}"] = one
        small[f"{folder}/{one.stem}.txt"] = one.caption.encode() + b"\n"
        if one.mask is not None:
            masks[f"{_mask_folder(folder)}/{one.stem}.png"] = one
        subsets[one.validation].setdefault(folder, _subset(one, root / folder, frame))
    small["dataset.toml"] = _toml(frame, subsets).encode()
    choose = chooser(frame)
    shown = _shown(plan.staged)
    counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for one in plan.staged:
        if times := shown.get(_key(one), 0):
            entry = counts[choose(one.size)]
            entry[0] += 1
            entry[1] += times
    made = tuple(Bucket(size, n, m) for size, (n, m) in sorted(counts.items()))
    return Layout(
        frame,
        small,
        links,
        masks,
        made,
        frame.steps(one.shown for one in made),
        plan.dropped,
        tuple(_warnings(plan, shown)),
        tuple(enlarged(plan.staged, choose)),
        ("--dataset_config", str(root / "dataset.toml"))
        + (("--masked_loss",) if frame.masks else ()),
    )


def limits(frame: Frame) -> tuple[int, int, int]:
    """The least and greatest side of a bucket and their step, in pixels.

    kohya's own greatest, 1024, would leave a resolution of 1024 with near-squares alone.
    """
    step = max(STEPS, alignment("kohya", frame.family))
    least = min(LEAST, frame.resolution // step * step or step)
    return least, ceil(frame.resolution * 2 / step) * step, step


def chooser(frame: Frame) -> buckets.Choose:
    """How kohya chooses a bucket with the TOML that we write."""
    least, most, step = limits(frame)
    return buckets.kohya(
        frame.resolution, least=least, most=most, steps=step, upscale=frame.upscale
    )


def _folder(one: Staged) -> str:
    repeats = 1 if one.validation else one.repeats
    return f"{one.place}/{repeats}_{one.concept}"


def _key(one: Staged) -> str:
    return f"{_folder(one)}/{one.file}"


def _mask_folder(folder: str) -> str:
    return "masks/" + folder.replace("/", "-")


def _subset(one: Staged, folder: Path, frame: Frame) -> list[str]:
    lines = [f"image_dir = {_text(str(folder))}"]
    lines.append(f"num_repeats = {1 if one.validation else one.repeats}")
    if frame.masks and not one.regularisation:
        masks = _mask_folder(f"{folder.parent.name}/{folder.name}")
        lines.append(f"conditioning_data_dir = {_text(str(folder.parents[1] / masks))}")
    else:
        lines.append(f"class_tokens = {_text(one.concept)}")
        if one.regularisation:
            lines.append("is_reg = true")
    return lines


def _toml(frame: Frame, subsets: dict[bool, dict[str, list[str]]]) -> str:
    least, most, step = limits(frame)
    lines = [
        "[general]",
        'caption_extension = ".txt"',
        "keep_tokens = 1",
        "enable_bucket = true",
        f"min_bucket_reso = {least}",
        f"max_bucket_reso = {most}",
        f"bucket_reso_steps = {step}",
        f"bucket_no_upscale = {str(not frame.upscale).lower()}",
    ]
    for validation, folders in subsets.items():
        if not folders:
            continue
        lines += ["", "[[datasets]]", f"resolution = {frame.resolution}"]
        lines.append(f"batch_size = {frame.batch}")
        if validation:
            # All of these and none of the others: kohya's own split knows no groups.
            lines += ["validation_split = 1.0", "validation_seed = 1"]
        for said in folders.values():
            lines += ["", "  [[datasets.subsets]]", *(f"  {one}" for one in said)]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    # A JSON string is a TOML basic string: the same escapes.
    return json.dumps(value, ensure_ascii=False)


def _shown(staged: tuple[Staged, ...]) -> dict[str, int]:
    """How often an epoch shows each picture. Regularisation pictures fill up to the number of
    training pictures: some are shown more often than their repeats, some not at all.
    """
    train = [one for one in staged if not one.validation and not one.regularisation]
    shown = {_key(one): one.repeats for one in train}
    wanted = sum(shown.values())
    regular = [one for one in staged if one.regularisation]
    counted, first = 0, True
    while regular and counted < wanted:
        for one in regular:
            key = _key(one)
            if first:
                shown[key] = one.repeats
                counted += one.repeats
            else:
                shown[key] += 1
                counted += 1
            if counted >= wanted:
                break
        first = False
    return shown


def _warnings(plan: Plan, shown: dict[str, int]) -> list[str]:
    told = []
    regular = [one for one in plan.staged if one.regularisation]
    unseen = [one for one in regular if _key(one) not in shown]
    if regular:
        told.append(
            "kohya shows regularisation pictures as often as training pictures: the steps double."
        )
    if unseen:
        told.append(
            f"{len(unseen)} of {len(regular)} regularisation pictures would never be shown:"
            " there are more of them than training pictures with their repeats."
        )
    if plan.frame.masks and regular:
        told.append("With masks, kohya reads the subsets as pairs and knows no regularisation.")
    return told
