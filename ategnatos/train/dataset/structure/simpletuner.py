"""SimpleTuner: a folder a concept, and the data backend JSON.

``repeats`` there are extra repeats: 0 shows a picture once. A bucket that holds less than one
batch makes it stop, and so does a picture without its caption. Source:
helpers/data_backend, helpers/metadata/backends/discovery.py, helpers/prompts.py.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from ategnatos.train.dataset.structure import buckets
from ategnatos.train.dataset.structure.layout import Bucket, Layout, Plan, Staged, alignment


def lay_out(plan: Plan, root: Path) -> Layout:
    """The layout whose files will lie under ``root`` (an absolute path, written into the JSON)."""
    frame = plan.frame
    links: dict[str, Staged] = {}
    masks: dict[str, Staged] = {}
    small: dict[str, bytes] = {}
    entries: dict[str, dict[str, Any]] = {}
    extra: dict[str, dict[str, Any]] = {}
    for one in plan.staged:
        folder = one.folder
        links[f"{folder}/{one.file}"] = one
        small[f"{folder}/{one.stem}.txt"] = one.caption.encode()
        entry = entries.setdefault(folder, _entry(one, root, frame.resolution, frame.name))
        if one.mask is not None and not one.validation:
            masks[f"masks/{one.concept}/{one.stem}.png"] = one
            entry["conditioning_data"] = f"{entry['id']}-masks"
            extra.setdefault(folder, _masks(entry, root, one.concept))
    backends = [*entries.values(), *extra.values(), _text_embeds(root, frame.name)]
    small["multidatabackend.json"] = json.dumps(backends, indent=2, ensure_ascii=False).encode()
    counts: dict[tuple[str, float], list[Any]] = {}
    enlarged: list[tuple[str, float]] = []
    choosers: dict[str, buckets.Choose] = defaultdict(
        lambda: buckets.simpletuner(
            frame.resolution, alignment=alignment("simpletuner", frame.family)
        )
    )
    for one in plan.staged:
        size = choosers["all"](one.size)
        by = buckets.enlarged(one.size, size)
        if by > 1.005:
            enlarged.append((one.picture.name, round(by, 2)))
        if not one.validation:
            key = (one.folder, round(size[0] / size[1], 2))
            made = counts.setdefault(key, [size, 0, 0])
            made[1] += 1
            made[2] += one.repeats
    found = tuple(Bucket(size, n, m) for _, (size, n, m) in sorted(counts.items()))
    return Layout(
        frame,
        small,
        links,
        masks,
        found,
        frame.steps(one.shown for one in found if one.shown >= frame.batch),
        plan.dropped,
        tuple(_warnings(found, frame.batch * frame.accumulation)),
        tuple(enlarged),
        ("--data_backend_config", str(root / "multidatabackend.json")),
    )


def _entry(one: Staged, root: Path, resolution: int, name: str) -> dict[str, Any]:
    folder = one.folder
    mark = f"{name}-{folder.replace('/', '-')}"
    entry: dict[str, Any] = {
        "id": mark,
        "type": "local",
        "dataset_type": "eval" if one.validation else "image",
        "instance_data_dir": str(root / folder),
        "caption_strategy": "textfile",
        "metadata_backend": "discovery",
        "resolution": resolution,
        "resolution_type": "pixel_area",
        "crop": True,
        "crop_style": "center",
        "crop_aspect": "preserve",
        "minimum_image_size": 0,
        "cache_dir_vae": str(root / "cache" / mark),
        "repeats": 0 if one.validation else one.repeats - 1,
    }
    if one.regularisation:
        entry["is_regularisation_data"] = True
    return entry


def _masks(entry: dict[str, Any], root: Path, concept: str) -> dict[str, Any]:
    return {
        **{key: entry[key] for key in ("type", "resolution", "resolution_type")},
        **{key: entry[key] for key in ("crop", "crop_style", "crop_aspect", "metadata_backend")},
        "id": f"{entry['id']}-masks",
        "dataset_type": "conditioning",
        "conditioning_type": "mask",
        "caption_strategy": "filename",
        "instance_data_dir": str(root / "masks" / concept),
    }


def _text_embeds(root: Path, name: str) -> dict[str, Any]:
    return {
        "id": f"{name}-text",
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": str(root / "cache" / "text"),
    }


def _warnings(found: tuple[Bucket, ...], batch: int) -> list[str]:
    thin = [one for one in found if one.shown < batch]
    if not thin:
        return []
    sizes = ", ".join(f"{one.size[0]}x{one.size[1]} ({one.shown})" for one in thin)
    return [
        f"SimpleTuner stops where a bucket holds less than one batch of {batch}: {sizes}."
        " Crop those pictures to the size of others, raise the repeats, or lower the batch."
    ]
