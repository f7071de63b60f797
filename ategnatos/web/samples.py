"""The sample pictures that a trainer made on the way, by the step that they show.

Trainers name them in their own ways; a picture whose name says no step is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FOLDERS = ("samples", "sample", "validation_images")
KINDS = frozenset({".png", ".jpg", ".jpeg", ".webp"})

# How each trainer names them: the step (or the epoch), then which prompt it is.
_NAMES = (
    # ai-toolkit: 1763751234567__000000250_0.jpg
    re.compile(r"__(?P<step>\d{9})_(?P<prompt>\d+)$"),
    # SimpleTuner: step_250_owl_0_1024x1024.png
    re.compile(r"^step_(?P<step>\d+)_(?P<prompt>.+)$"),
    # kohya: owl_000250_00_20261121180000_42.png, or owl_e000003_00_...
    re.compile(r"_(?:e(?P<epoch>\d{6})|(?P<step>\d{6}))_(?P<prompt>\d{2})_\d{14}"),
    # the starter trainer: owl-000080-2.png
    re.compile(r"-(?P<step>\d{6})-(?P<prompt>\d+)$"),
)


def by_step(
    run: Path, outputs: list[str], epochs: Mapping[int, int]
) -> list[tuple[int, list[str]]]:
    """Paths relative to the folder of the run, by step, in the order of the prompts.

    ``outputs`` are the folders that its tries wrote to, oldest first: of a step that was trained
    twice the later picture counts. ``epochs`` gives the last step of each epoch.
    """
    found: dict[int, dict[str, str]] = {}
    for output in dict.fromkeys(outputs):
        for place in sorted(_places(run / output)):
            said = _said(place.stem, epochs)
            if said is not None and place.suffix.lower() in KINDS:
                step, prompt = said
                found.setdefault(step, {})[prompt] = place.relative_to(run).as_posix()
    return [
        (step, [paths[prompt] for prompt in sorted(paths, key=_in_order)])
        for step, paths in sorted(found.items())
    ]


def _places(output: Path) -> list[Path]:
    # ai-toolkit has a folder of its own below its output.
    homes = [output, *(one for one in output.glob("*") if one.is_dir())]
    return [place for home in homes for name in FOLDERS for place in (home / name).glob("*")]


def _said(name: str, epochs: Mapping[int, int]) -> tuple[int, str] | None:
    for pattern in _NAMES:
        found = pattern.search(name)
        if found is None:
            continue
        epoch = found.groupdict().get("epoch")
        step = epochs.get(int(epoch)) if epoch else int(found["step"])
        return None if step is None else (step, found["prompt"])
    return None


def _in_order(prompt: str) -> tuple[int, str]:
    return (int(prompt), "") if prompt.isdecimal() else (1 << 30, prompt)
