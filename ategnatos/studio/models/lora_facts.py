"""How a LoRA was trained and which words call it, from what its trainer wrote into the file.

kohya's sd-scripts write ``ss_*`` (https://github.com/kohya-ss/sd-scripts, train_util.py), many
tools write ``modelspec.*`` (https://github.com/Stability-AI/ModelSpec), ai-toolkit writes
``training_info`` and ``software``. All of it is text of strangers: read, bounded, and never run.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, TypeVar

_MOST_TRIGGERS = 5
_LONGEST = 200
_LARGEST_JSON = 4 << 20
_Kind = TypeVar("_Kind", dict[str, Any], list[Any])
# Our name of a fact: the keys it is read from, the first that is there.
_FACTS = {
    "title": ("modelspec.title", "ss_output_name"),
    "base_model": ("ss_sd_model_name", "modelspec.usage_hint"),
    "base_version": ("ss_base_model_version", "modelspec.architecture"),
    "rank": ("ss_network_dim",),
    "alpha": ("ss_network_alpha",),
    "images": ("ss_num_train_images",),
    "steps": ("ss_steps", "ss_max_train_steps"),
    "epochs": ("ss_epoch", "ss_num_epochs"),
    "learning_rate": ("ss_learning_rate",),
    "resolution": ("ss_resolution", "modelspec.resolution"),
    "optimizer": ("ss_optimizer",),
    "trained": ("modelspec.date",),
    "author": ("modelspec.author",),
    "licence": ("modelspec.license",),
    "sd_scripts": ("ss_sd_scripts_commit_hash",),
}


@dataclass(frozen=True, slots=True)
class LoraFacts:
    """``triggers``: words that call it, the surest first. ``facts``: what is stated, as text."""

    triggers: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)


def read(metadata: dict[str, str]) -> LoraFacts:
    """What the metadata of a LoRA's header say; what they do not say is not there."""
    stated = {}
    for name, keys in _FACTS.items():
        value = next((metadata[key] for key in keys if metadata.get(key) not in _NOTHING), "")
        if value:
            stated[name] = _clean(value)
    if metadata.get("ss_resolution") in _NOTHING and (sides := _sides(metadata)):
        # What modelspec says of it is the size of the base model.
        stated["resolution"] = sides
    for name, text in _of_ai_toolkit(metadata).items():
        stated.setdefault(name, _clean(text))
    return LoraFacts(tuple(_triggers(metadata)), stated)


_NOTHING = frozenset({None, "", "None", "null"})


def _of_ai_toolkit(metadata: dict[str, str]) -> dict[str, str]:
    """``training_info`` is {"step": 2000, ...}, ``software`` {"name": ..., "version": ...}."""
    found = {}
    step = _object(metadata.get("training_info", "")).get("step")
    if type(step) is int and 0 < step < 10**9:
        found["steps"] = str(step)
    software = _object(metadata.get("software", ""))
    words = [software.get("name"), software.get("version")]
    if said := " ".join(one for one in words if isinstance(one, str)):
        found["software"] = said
    return found


def _sides(metadata: dict[str, str]) -> str:
    """The sizes that it was trained at, of kohya with a dataset file: ``1024x1024, 512x512``."""
    found: dict[str, None] = {}
    for one in _parsed(metadata.get("ss_datasets", ""), list) or []:
        pair = one.get("resolution") if isinstance(one, dict) else None
        if isinstance(pair, list) and len(pair) == 2 and all(type(side) is int for side in pair):
            found[f"{pair[0]}x{pair[1]}"] = None
    return ", ".join(list(found)[:_MOST_TRIGGERS])[:_LONGEST]


def _triggers(metadata: dict[str, str]) -> list[str]:
    phrase = metadata.get("modelspec.trigger_phrase", "")
    if phrase not in _NOTHING:
        return [_clean(phrase)]
    counts, images = _tags(metadata)
    if not counts:
        return [_clean(name) for name in _folder_words(metadata)][:_MOST_TRIGGERS]
    # A word of every caption is what the pictures have in common: what calls the LoRA.
    always = [tag for tag, count in counts.most_common(50) if images and count >= images]
    return [_clean(tag) for tag in always[:_MOST_TRIGGERS]]


def _tags(metadata: dict[str, str]) -> tuple[Counter[str], int]:
    """How often each tag stands in the captions, and how many captions there were."""
    counts: Counter[str] = Counter()
    for folder in _object(metadata.get("ss_tag_frequency", "")).values():
        if isinstance(folder, dict):
            for tag, count in folder.items():
                if type(count) is int and 0 < count < 10**9 and tag.strip():
                    counts[tag.strip()] += count
    images = metadata.get("ss_num_train_images", "")
    folders = _object(metadata.get("ss_dataset_dirs", "")).values()
    single = sum(f.get("img_count", 0) for f in folders if isinstance(f, dict)
                 and type(f.get("img_count")) is int)  # fmt: skip
    if single:
        return counts, single
    return counts, int(images) if images.isdecimal() and len(images) < 10 else 0


def _folder_words(metadata: dict[str, str]) -> list[str]:
    """kohya's folders are named ``10_sks cat``: the words after the repeats are the caption."""
    names = _object(metadata.get("ss_dataset_dirs", ""))
    return [name.partition("_")[2] for name in names if name.partition("_")[0].isdecimal()]


def _object(text: str) -> dict[str, Any]:
    return _parsed(text, dict) or {}


def _parsed(text: str, kind: type[_Kind]) -> _Kind | None:
    if len(text) > _LARGEST_JSON:
        return None
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, kind) else None


def _clean(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST]
