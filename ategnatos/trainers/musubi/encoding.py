"""The two programs that must have run before musubi-tuner trains: pictures and captions, encoded.

A mark tells that one is done, and is named after all that its result depends on: musubi-tuner
itself takes a file of another resolution, or one that is cut short, for what it needs. So a step
is done whole or begun anew; and one that left a picture out has not been done, though its program
ends with 0 where it found none at all.

Source: cache_latents.py, cache_text_encoder_outputs.py, dataset/image_video_dataset.py, 0.3.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.trainers import Step
from ategnatos.trainers.musubi.config import CACHE

if TYPE_CHECKING:
    from ategnatos.trainers import Dataset
    from ategnatos.trainers.known import Encoding, Family

SCRIPTS = "src/musubi_tuner"
# owl_0096x0128_zi.safetensors, owl_zi_te.safetensors: dataset/image_video_dataset.py
_PICTURE, _CAPTION = "*[0-9]x[0-9][0-9]*_*.safetensors", "*_te.safetensors"


def steps(
    family: Family,
    dataset: Dataset,
    keys: Mapping[str, Any],
    data: Mapping[str, Any],
    file: PurePath,
    folder: PurePath,
) -> tuple[Step, ...]:
    """Both, in order. ``keys`` are the training's settings, ``data`` and ``file`` its dataset
    file, ``folder`` the run's.
    """
    general = data["general"]
    seen = {
        "dataset": dataset.digest,
        "folders": [[one["image_directory"], one["cache_directory"]] for one in data["datasets"]],
    }
    shown = {name: general[name] for name in ("resolution", "enable_bucket", "bucket_no_upscale")}
    assert family.latents is not None
    assert family.captions is not None
    switch = (family.fp8_text,) if keys.get(family.fp8_text) else ()
    pictures = _step("encode the pictures", family.latents, (), keys, {**seen, **shown}, file)
    captions = _step("encode the captions", family.captions, switch, keys, seen, file)
    return tuple(
        replace(step, mark=str(folder / CACHE / step.mark), leaves=_left(dataset, folder, pattern))
        for step, pattern in ((pictures, _PICTURE), (captions, _CAPTION))
    )


def _left(dataset: Dataset, folder: PurePath, pattern: str) -> tuple[tuple[str, str, int], ...]:
    """One file for each picture of each folder that is trained on: else some are passed over."""
    return tuple(
        (str(folder / CACHE / one.folder.replace("/", "-")), pattern, one.pictures)
        for one in dataset.subsets
        if not one.validation
    )


def _step(
    name: str,
    program: Encoding,
    switches: tuple[str, ...],
    keys: Mapping[str, Any],
    depends: Mapping[str, Any],
    file: PurePath,
) -> Step:
    said = [word for taken in program.takes for word in (f"--{taken}", str(keys[taken]))]
    said += [f"--{switch}" for switch in switches]
    digest = sha256_bytes(canonical_json({**depends, "program": program.script, "said": said}))
    command = ("{python}", f"{SCRIPTS}/{program.script}", "--dataset_config", str(file), *said)
    return Step(name, command, f"{name.rpartition(' ')[2]}-{digest[:16]}")
