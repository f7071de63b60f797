"""Plans of every family and preset, and datasets laid out for them, for the trainers' tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import record
from ategnatos.train.dataset.version import Version
from ategnatos.train.plan import laying, store
from ategnatos.trainers import Dataset, known
from ategnatos.trainers.plan import Plan, read
from tests.train.dataset.pictures import NOW, dataset, drawn

TRAINERS = ("kohya", "simpletuner", "ai-toolkit", "musubi")
PRESETS = ("quick", "standard", "thorough")
# Every further file that any family may need.
PARTS = {
    name: f"/models/{name}.safetensors"
    for name in (
        *("clip_l", "clip_g", "t5xxl", "ae", "gemma2", "qwen3", "vae"),
        *("text_encoder", "t5", "dit_high_noise"),
    )
}
SAMPLES = [
    {"prompt": "zrvkowl, an owl -- at night, --n no option", "negative": "blurry", "seed": 7},
    {"prompt": 'zrvkowl, "quoted", ünïcode', "width": 512, "height": 768, "steps": 20, "cfg": 5.0},
]


def usual(trainer: str) -> str:
    """A family that the trainer trains: SDXL where it can."""
    return "sdxl/base" if "sdxl" in known.trainer(trainer).families else keys(trainer)[0]


def keys(trainer: str) -> list[str]:
    """``family/variant`` of everything that a trainer trains."""
    table = known.trainer(trainer).families
    return [f"{name}/{variant}" for name, one in table.items() for variant in one.able]


def pictures(project: Project, *, apart: int = 0, count: int = 6) -> Version:
    """A captioned dataset; ``apart`` of its pictures are set apart."""
    version = dataset(
        project, count=count, captioned=True, sizes=((96, 96), (128, 96)), bytes_of=_picture
    )
    if not apart:
        return version
    with record.edit(project, version.dataset, actor="user:ann", because="apart", now=NOW) as draft:
        for index, name in enumerate(sorted(draft.pictures)):
            draft.change(name, split="validation" if index < apart else "train")
    assert draft.version is not None
    return draft.version


def plan(version: Version, family: str, preset: str = "standard", **values: Any) -> Plan:
    """The preset's plan for a family, with a model and its parts named."""
    given: dict[str, Any] = {"model": "/models/base.safetensors", "trigger": "zrvkowl", **values}
    bound = (version.dataset, version.number, version.digest())
    return store.draft("owl", family=family, preset=preset, dataset=bound, values=given)


def parts(family: str, trainer: str = "kohya") -> dict[str, str]:
    """The further files that kohya (or musubi) wants of a family."""
    wants = known.trainer(trainer).families.get(family.partition("/")[0])
    return {name: PARTS[name] for name in wants.parts} if wants else {}


def laid(project: Project, made: Plan, layout: str, place: Path) -> Dataset:
    """The plan's dataset as ``layout`` has it; nothing is written."""
    return laying.ready(project, made, layout, place / "dataset").dataset


def _picture(index: int) -> bytes:
    return drawn(index + 1, (96, 96) if index % 2 else (128, 96))


def large(**values: object) -> Plan:
    """A plan for SDXL of a dataset that nobody looks at, for arithmetic alone."""
    return read(
        {
            "name": "owl",
            "family": "sdxl/base",
            "dataset": "owls",
            "dataset_version": 1,
            "dataset_digest": "0" * 64,
            "optimizer": "adamw8bit",
            **values,
        }
    )
