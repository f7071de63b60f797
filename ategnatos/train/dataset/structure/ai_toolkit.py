"""ai-toolkit: a folder a concept, and the ``datasets`` list for its job file.

A caption is cut at every comma and put together with ", " again, so a caption that already has
blanks after its commas gets two; ours are written without, and come out with one. Source:
toolkit/data_loader.py, toolkit/dataloader_mixins.py, toolkit/buckets.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ategnatos.train.dataset.structure import buckets
from ategnatos.train.dataset.structure.layout import Layout, Plan, Staged, alignment, by_folder


def lay_out(plan: Plan, root: Path) -> Layout:
    """The layout whose files will lie under ``root`` (an absolute path, written into the YAML)."""
    frame = plan.frame
    links: dict[str, Staged] = {}
    masks: dict[str, Staged] = {}
    small: dict[str, bytes] = {}
    entries: dict[str, dict[str, Any]] = {}
    for one in plan.staged:
        folder = one.folder
        links[f"{folder}/{one.file}"] = one
        small[f"{folder}/{one.stem}.txt"] = caption(one.caption).encode()
        if one.mask is not None:
            masks[f"masks/{one.concept}/{one.stem}.png"] = one
        if not one.validation:
            entries.setdefault(folder, _entry(one, root, frame.resolution, bool(frame.masks)))
    small["datasets.yaml"] = _yaml(list(entries.values()))
    choose = buckets.ai_toolkit(
        frame.resolution, divisibility=alignment("ai-toolkit", frame.family)
    )
    # One data loader a folder.
    made = by_folder(plan.staged, choose)
    return Layout(
        frame,
        small,
        links,
        masks,
        made,
        frame.steps(one.shown for one in made),
        plan.dropped,
        tuple(_warnings(plan)),
        (),
        ("config.process[0].datasets", str(root / "datasets.yaml")),
    )


def caption(text: str) -> str:
    """A caption as it must be written so that the trainer reads it with single blanks.

    >>> caption("zrvk, an owl, ink")
    'zrvk,an owl,ink'
    """
    return re.sub(r", ", ",", text)


def _entry(one: Staged, root: Path, resolution: int, masks: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "folder_path": str(root / one.folder),
        "caption_ext": "txt",
        "num_repeats": one.repeats,
        "resolution": [resolution],
    }
    if one.regularisation:
        entry["is_reg"] = True
    elif masks:
        entry["mask_path"] = str(root / "masks" / one.concept)
    return entry


def _yaml(entries: list[dict[str, Any]]) -> bytes:
    import yaml

    text: str = yaml.safe_dump({"datasets": entries}, sort_keys=False, allow_unicode=True)
    return text.encode()


def _warnings(plan: Plan) -> list[str]:
    told = []
    if any(one.validation for one in plan.staged):
        told.append(
            "ai-toolkit measures no validation loss: the pictures set apart lie in 'validation'"
            " and are not read; they are for the evaluation."
        )
    if any(re.search(r",(?! )", one.caption) for one in plan.staged):
        told.append(
            "ai-toolkit puts a blank after every comma, also in numbers such as 1,000:"
            " write them without."
        )
    return told
