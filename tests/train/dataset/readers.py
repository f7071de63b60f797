"""Readers that follow the trainers' own code, line for line where it decides what is seen.

Written from kohya-ss/sd-scripts 48d368fa (library/config_util.py, train_util.py: glob_images,
read_caption, BucketManager), ostris/ai-toolkit 27a03a91 (toolkit/data_loader.py,
dataloader_mixins.py, buckets.py, prompt_utils.py) and bghira/SimpleTuner bc8e6ab7
(data_backend/local.py, metadata/backends, multiaspect/image.py, prompts.py), kohya-ss/musubi-tuner
30c658c4. They share no code
with the package: what they read is what a trainer would.
"""

from __future__ import annotations

import glob
import json
import math
import os
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, ImageOps


@dataclass
class Seen:
    """What a trainer has after loading: captions by file name, pictures a bucket, batches."""

    captions: dict[str, str] = field(default_factory=dict)
    uncaptioned: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    buckets: Counter[tuple[int, int]] = field(default_factory=Counter)
    batches: int = 0


_KOHYA_SUBSET = {
    "image_dir": str,
    "num_repeats": int,
    "class_tokens": str,
    "is_reg": bool,
    "conditioning_data_dir": str,
}
_KOHYA_DATASET = {
    "resolution": int,
    "batch_size": int,
    "validation_split": float,
    "validation_seed": int,
    "subsets": list,
}
_KOHYA_GENERAL = {
    "caption_extension": str,
    "keep_tokens": int,
    "enable_bucket": bool,
    "min_bucket_reso": int,
    "max_bucket_reso": int,
    "bucket_reso_steps": int,
    "bucket_no_upscale": bool,
}


def _strict(value: dict[str, Any], schema: dict[str, type]) -> None:
    # voluptuous refuses extra keys and wrong types
    for key, given in value.items():
        assert key in schema, f"extra keys not allowed @ {key}"
        assert type(given) is schema[key], f"{key}: expected {schema[key]}"


def kohya(config: Path, *, validation: bool = False) -> Seen:
    """What ``--dataset_config`` gives, of the training or of the validation datasets."""
    value = tomllib.loads(config.read_text(encoding="utf-8"))
    assert set(value) <= {"general", "datasets"}
    general = value["general"]
    _strict(general, _KOHYA_GENERAL)
    seen = Seen()
    for dataset in value["datasets"]:
        _strict(dataset, _KOHYA_DATASET)
        share = dataset.get("validation_split", 0.0)
        if validation and share == 0.0:
            continue
        _kohya_dataset(seen, general, dataset, share, validation)
    return seen


def _kohya_dataset(
    seen: Seen, general: dict[str, Any], dataset: dict[str, Any], share: float, validation: bool
) -> None:
    shown: dict[str, int] = {}
    regular: list[list[Any]] = []
    training = 0
    for subset in dataset["subsets"]:
        _strict(subset, _KOHYA_SUBSET)
        repeats = 1 if validation else subset["num_repeats"]
        paths = _kohya_images(subset["image_dir"])
        if share > 0 and not subset.get("is_reg"):
            start = len(paths) - round(len(paths) * share)
            paths = paths[start:] if validation else paths[: math.ceil(len(paths) * (1 - share))]
        if not subset.get("is_reg"):
            training += repeats * len(paths)
        for path in paths:
            caption = _kohya_caption(path, general["caption_extension"])
            if caption is None:
                seen.uncaptioned.append(path)
                caption = subset.get("class_tokens", "")
            seen.captions[path] = caption
            if subset.get("is_reg"):
                regular.append([path, repeats])
            else:
                shown[path] = repeats
    n, first = 0, True
    while regular and n < training:
        for info in regular:
            if first:
                shown[info[0]] = info[1]
                n += info[1]
            else:
                shown[info[0]] += 1
                n += 1
            if n >= training:
                break
        first = False
    buckets: Counter[tuple[int, int]] = Counter()
    for path, times in shown.items():
        with Image.open(path) as image:  # as stored: kohya ignores an EXIF rotation
            buckets[_kohya_bucket(image.size, general, dataset["resolution"])] += times
    seen.buckets += buckets
    seen.batches += sum(math.ceil(n / dataset["batch_size"]) for n in buckets.values())


def _kohya_images(folder: str) -> list[str]:
    found: list[str] = []
    for extension in (".png", ".jpg", ".jpeg", ".webp", ".bmp"):
        for spelled in (extension, extension.upper()):
            found.extend(glob.glob(os.path.join(glob.escape(folder), "*" + spelled)))
    return sorted(set(found))


def _kohya_caption(path: str, extension: str) -> str | None:
    base = os.path.splitext(path)[0]
    tokens = base.split("_")
    other = "_".join(tokens[:-4]) if len(tokens) >= 5 else base
    for caption in (base + extension, other + extension):
        if os.path.isfile(caption):
            with open(caption, encoding="utf-8") as file:
                lines = file.readlines()
            assert len(lines) > 0, f"caption file is empty: {caption}"
            return lines[0].strip()
    return None


def _kohya_bucket(
    size: tuple[int, int], general: dict[str, Any], resolution: int
) -> tuple[int, int]:
    width, height = size
    steps, most = general["bucket_reso_steps"], general["max_bucket_reso"]
    least = general["min_bucket_reso"]
    assert most >= resolution >= least
    assert most % steps == 0
    assert least % steps == 0
    area = resolution * resolution
    ratio = width / height
    if not general["bucket_no_upscale"]:
        resos = set()
        side = int(math.sqrt(area) // steps) * steps
        resos.add((side, side))
        w = least
        while w <= most:
            h = min(most, int((area // w) // steps) * steps)
            if h >= least:
                resos.add((w, h))
                resos.add((h, w))
            w += steps
        known = sorted(resos)
        if (width, height) in resos:
            return (width, height)
        errors = np.array([a / b for a, b in known]) - ratio
        return known[int(np.abs(errors).argmin())]

    def rounded(x: float) -> int:
        whole = int(x + 0.5)
        return whole - whole % steps

    resized = (width, height)
    if width * height > area:
        resized_width = math.sqrt(area * ratio)
        resized_height = area / resized_width
        b_w = rounded(resized_width)
        b_h_in_wr = rounded(b_w / ratio)
        b_h = rounded(resized_height)
        b_w_in_hr = rounded(b_h * ratio)
        if abs(b_w / b_h_in_wr - ratio) < abs(b_w_in_hr / b_h - ratio):
            resized = (b_w, int(b_w / ratio + 0.5))
        else:
            resized = (int(b_h * ratio + 0.5), b_h)
    return (resized[0] - resized[0] % steps, resized[1] - resized[1] % steps)


def ai_toolkit(config: Path, *, divisibility: int, batch: int) -> Seen:
    """What the ``datasets`` of a job give; a broken picture is left out with a traceback."""
    seen = Seen()
    for entry in yaml.safe_load(config.read_text(encoding="utf-8"))["datasets"]:
        files: list[str] = []
        for root, folders, names in os.walk(entry["folder_path"]):
            folders[:] = [one for one in folders if not one.startswith(".")]
            files += [
                os.path.join(root, name)
                for name in names
                if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp"))
                and not name.startswith(".")
            ]
        files = [one for one in files if os.path.basename(os.path.dirname(one)) != "_controls"]
        extension = entry.get("caption_ext", ".txt")
        extension = extension if extension.startswith(".") else f".{extension}"
        (resolution,) = entry["resolution"]
        buckets: Counter[tuple[int, int]] = Counter()
        for path in files * max(1, entry.get("num_repeats", 1)):
            try:
                with Image.open(path) as image:
                    size = ImageOps.exif_transpose(image).size
            except OSError:
                seen.broken.append(path)
                continue
            text = os.path.splitext(path)[0] + extension
            raw = ""
            if os.path.exists(text):
                with open(text, encoding="utf-8") as file:
                    raw = file.read()
            else:
                seen.uncaptioned.append(path)
            joined = ", ".join(raw.split(","))
            seen.captions[path] = joined.replace("[name]", "").replace("[trigger]", "")
            buckets[_aitk_bucket(*size, resolution, divisibility)] += 1
        seen.buckets += buckets
        seen.batches += sum(math.ceil(n / batch) for n in buckets.values())
    return seen


def _aitk_bucket(width: int, height: int, resolution: int, by: int) -> tuple[int, int]:
    total, most = width * height, resolution * resolution
    target = min(total, most)
    scaler = (target / total) ** 0.5
    w_raw, h_raw = (width * scaler) / by, (height * scaler) / by
    candidates = [
        (math.floor(w_raw) * by, math.floor(h_raw) * by),
        (math.floor(w_raw) * by, math.ceil(h_raw) * by),
        (math.ceil(w_raw) * by, math.floor(h_raw) * by),
        (math.ceil(w_raw) * by, math.ceil(h_raw) * by),
    ]
    capped = [(w, h) for w, h in candidates if w > 0 and h > 0 and w * h <= most]
    if not capped:
        capped = [(max(by, math.floor(w_raw) * by), max(by, math.floor(h_raw) * by))]
    return min(capped, key=lambda wh: abs(wh[0] * wh[1] - target))


def simpletuner(config: Path, *, alignment: int, batch: int) -> Seen:
    """What a data backend file gives. Raises FileNotFoundError where a caption is missing and
    ValueError where a bucket is smaller than a batch, as the trainer does.
    """
    entries = json.loads(config.read_text(encoding="utf-8"))
    by_id = {entry["id"]: entry for entry in entries}
    assert len(by_id) == len(entries)
    assert sum(e["dataset_type"] == "text_embeds" and e["default"] for e in entries) == 1
    seen = Seen()
    fixed: dict[float, tuple[int, int]] = {}
    for entry in entries:
        if entry["dataset_type"] != "image":
            continue
        assert (entry["resolution_type"], entry["crop_aspect"]) == ("pixel_area", "preserve")
        if "conditioning_data" in entry:
            assert by_id[entry["conditioning_data"]]["conditioning_type"] == "mask"
        buckets: dict[float, list[str]] = {}
        sizes: dict[float, tuple[int, int]] = {}
        for root, _, names in os.walk(entry["instance_data_dir"], followlinks=True):
            for name in sorted(names):
                if not name.lower().endswith((".png", ".jpg", ".jpeg", ".webp", ".bmp")):
                    continue
                path = os.path.join(root, name)
                text = os.path.splitext(path)[0] + ".txt"
                if not os.path.exists(text):
                    raise FileNotFoundError(f"Caption file {text} not found.")
                with open(text, "rb") as file:
                    lines = [one for one in file.read().decode("utf-8").split("\n") if one]
                assert len(lines) == 1, "several captions for one picture"
                seen.captions[path] = lines[0]
                with Image.open(path) as image:
                    size = ImageOps.exif_transpose(image).size
                target = _simpletuner_size(size, entry["resolution"], alignment, fixed)
                aspect = round(target[0] / target[1], 2)
                buckets.setdefault(aspect, []).append(path)
                sizes.setdefault(aspect, target)
        for aspect, paths in buckets.items():
            shown = len(paths) * (entry["repeats"] + 1)
            if shown < batch:
                raise ValueError(f"bucket {aspect} has insufficient samples")
            seen.buckets[sizes[aspect]] += shown
            seen.batches += (shown + batch - 1) // batch
    return seen


def _simpletuner_size(
    size: tuple[int, int], resolution: int, by: int, fixed: dict[float, tuple[int, int]]
) -> tuple[int, int]:
    def nearest(value: float) -> int:
        return max(round(value / by) * by, by)

    width, height = size
    aspect = round(width / height, 2)
    # pixel_area becomes megapixels against the trainer's base resolution, and back
    edge = nearest(int(math.sqrt(resolution * resolution)))
    if aspect == 1.0 and width == height:
        return (edge, edge)
    w, h = nearest(edge * math.sqrt(aspect)), nearest(edge / math.sqrt(aspect))
    adjusted = round(w / h, 2)
    w, h = fixed.setdefault(adjusted, (w, h))
    if round(w / h, 2) == 1.0:
        return (edge, edge)
    return (w, h)


_MUSUBI_GENERAL = {
    "resolution": list,
    "caption_extension": str,
    "batch_size": int,
    "enable_bucket": bool,
    "bucket_no_upscale": bool,
}
_MUSUBI_DATASET = {"image_directory": str, "cache_directory": str, "num_repeats": int}


def musubi(config: Path, *, step: int) -> Seen:
    """What musubi-tuner's ImageDataset has of each dataset, and the batches of its buckets
    (kohya-ss/musubi-tuner 30c658c4, dataset/image_video_dataset.py, bucket.py, datasources.py).
    """
    value = tomllib.loads(config.read_text(encoding="utf-8"))
    general = value["general"]
    _strict(general, _MUSUBI_GENERAL)
    assert general["enable_bucket"]
    caches = [one["cache_directory"] for one in value["datasets"]]
    assert len(set(caches)) == len(caches), "cache directory should be unique for each dataset"
    seen = Seen()
    for one in value["datasets"]:
        _strict(one, _MUSUBI_DATASET)
        found: Counter[tuple[int, int]] = Counter()
        for path in _kohya_images(one["image_directory"]):
            caption = Path(os.path.splitext(path)[0] + general["caption_extension"])
            if not caption.is_file():
                seen.uncaptioned.append(path)
                continue
            seen.captions[path] = caption.read_text(encoding="utf-8").strip()
            with Image.open(path) as image:  # as stored: it ignores an EXIF rotation
                found[_musubi_bucket(image.size, general, step)] += one["num_repeats"]
        seen.buckets += found
        seen.batches += sum(math.ceil(n / general["batch_size"]) for n in found.values())
    return seen


def _musubi_bucket(size: tuple[int, int], general: dict[str, Any], step: int) -> tuple[int, int]:
    width, height = general["resolution"]
    area = width * height
    if general["bucket_no_upscale"] and size[0] * size[1] <= area:
        return size[0] - size[0] % step, size[1] - size[1] % step
    side = int(math.sqrt(area))
    found = set()
    for one in range(side // 2 - side // 2 % step, side + step, step):
        other = area // one - area // one % step
        found |= {(one, other), (other, one)}
    known = sorted(found)
    aspects = np.array([one / other for one, other in known])
    return known[np.abs(aspects - size[0] / size[1]).argmin()]


def starter(place: Path, repeats: dict[str, int], *, batch: int) -> Seen:
    """What the starter trainer's own process reads; it is given folders and their repeats."""
    from ategnatos.trainers.starter.order import pictures_of

    seen = Seen()
    shown = 0
    for folder, times in repeats.items():
        for path, caption in pictures_of(place / folder):
            with Image.open(path) as image:
                image.load()
            seen.captions[str(path)] = caption
            if not caption:
                seen.uncaptioned.append(str(path))
            shown += times
    seen.buckets[32, 32] = shown
    seen.batches = math.ceil(shown / batch)
    return seen


def accelerate(place: Path, repeats: dict[str, int], *, batch: int) -> Seen:
    """What the torch trainer's own process reads, and the batches that it cuts."""
    from ategnatos.trainers.accelerate.order import Epochs, Shown
    from ategnatos.trainers.starter.order import pictures_of

    sizes = json.loads((place / "dataset.json").read_text())["buckets"]
    seen, shown = Seen(), []
    for folder, times in repeats.items():
        for path, caption in pictures_of(place / folder):
            width, height = sizes[path.relative_to(place).as_posix()]
            if not caption:
                seen.uncaptioned.append(str(path))
            seen.captions[str(path)] = caption
            seen.buckets[width, height] += times
            shown.append(Shown(path, caption, times, False, (width, height)))
    seen.batches = Epochs(shown, batch, 1, 1).batches_an_epoch
    return seen
