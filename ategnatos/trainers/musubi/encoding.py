"""The two programs that must have run before musubi-tuner trains: pictures and captions, encoded.

A mark tells that one is done, and is named after all that its result depends on: musubi-tuner
itself takes a file of another resolution, or one that is cut short, for what it needs. So a step
is done whole or begun anew. Source: cache_latents.py, cache_text_encoder_outputs.py, 0.3.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.trainers import Step
from ategnatos.trainers.musubi.config import CACHE

if TYPE_CHECKING:
    from ategnatos.trainers import Dataset
    from ategnatos.trainers.known import Encoding, Family

SCRIPTS = "src/musubi_tuner"


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
    return (
        _step("encode the pictures", family.latents, (), keys, {**seen, **shown}, file, folder),
        _step("encode the captions", family.captions, switch, keys, seen, file, folder),
    )


def _step(
    name: str,
    program: Encoding,
    switches: tuple[str, ...],
    keys: Mapping[str, Any],
    depends: Mapping[str, Any],
    file: PurePath,
    folder: PurePath,
) -> Step:
    said = [word for taken in program.takes for word in (f"--{taken}", str(keys[taken]))]
    said += [f"--{switch}" for switch in switches]
    digest = sha256_bytes(canonical_json({**depends, "program": program.script, "said": said}))
    command = ("{python}", f"{SCRIPTS}/{program.script}", "--dataset_config", str(file), *said)
    return Step(name, command, str(folder / CACHE / f"{name.rpartition(' ')[2]}-{digest[:16]}"))
