"""The record of the owl: datasets, plan, and the trainer's files in the workspace."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.train.dataset.importing import bring
from ategnatos.train.plan import laying, store, writing
from ategnatos.trainers import load_trainer

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.version import Version
    from ategnatos.train.plan.store import Kept
    from ategnatos.trainers import Dataset, Trainer, Translation

PLAN, DATASET, PRIOR = "owl", "owls", "owl-prior"
TRIGGER = "ategnatos owl"
PACKAGED = Path(__file__).parents[2] / "starter" / "owls"
# What the model knows and shall not forget; four are enough, and none of them is in the sweep.
PRIOR_PROMPTS = (
    ("a red potion", 500),
    ("a yellow star, outlined", 501),
    ("a blue ghost", 502),
    ("a purple gem, outlined", 503),
)


@dataclass(frozen=True, slots=True)
class Laid:
    """A run that is ready to be started. ``place`` is its folder."""

    kept: Kept
    trainer: Trainer
    dataset: Dataset
    place: Path
    translation: Translation

    @property
    def output(self) -> Path:
        """Where the trainer writes."""
        return self.place / self.translation.output

    @property
    def lora(self) -> Path:
        """The LoRA when all steps are done."""
        return self.output / f"{self.kept.name}.safetensors"


def owls(project: Project, actor: str, now: datetime) -> Version:
    """Take the packaged owls into the dataset ``owls``; doing it again changes nothing."""
    return _brought(project, DATASET, PACKAGED, actor, now)


def prior(project: Project, actor: str, now: datetime) -> Version:
    """Draw the prior pictures with the plain model and take them into ``owl-prior``."""
    from PIL import Image

    from ategnatos.starter.pipeline import generate
    from ategnatos.starter.request import StarterRequest

    with tempfile.TemporaryDirectory() as folder:
        for number, (prompt, seed) in enumerate(PRIOR_PROMPTS, 1):
            made = generate(StarterRequest(prompt, seed, width=32, height=32))
            path = Path(folder) / f"prior-{number}.png"
            Image.fromarray(made.pictures[0].sprite).save(path)
            path.with_suffix(".txt").write_text(prompt + "\n", encoding="utf-8")
        return _brought(project, PRIOR, Path(folder), actor, now)


def plan(project: Project, version: Version, with_prior: bool, actor: str, now: datetime) -> Kept:
    """The plan ``owl`` from the preset ``standard``: made, or the one that is there.

    Raises StudioError (``plan_exists``) where that one says otherwise.
    """
    values: dict[str, Any] = {
        "trigger": TRIGGER,
        "training": "object",
        "regularisation": PRIOR if with_prior else "",
        "save_precision": "fp16",
        "seed": 1,
    }
    bound = (version.dataset, version.number, version.digest())
    try:
        kept = store.load(project, PLAN)
    except StudioError as error:
        if error.code != store.PLAN_UNKNOWN:
            raise
        return store.new(
            project, PLAN, family="starter", preset="standard", dataset=bound, values=values,
            actor=actor, now=now,
        )  # fmt: skip
    wanted = store.draft(PLAN, family="starter", preset="standard", dataset=bound, values=values)
    # Whichever version of the prior pictures it names.
    there = kept.plan.change(regularisation_version=0, regularisation_digest="")
    if wanted.digest() != there.digest():
        raise StudioError(
            store.PLAN_EXISTS,
            f"There is another plan called {PLAN!r} in this studio already; nothing was trained.",
            hint="Take a new folder: ategnatos quickstart another-studio --train",
            plan=PLAN,
        )
    return kept


def lay_out(project: Project, kept: Kept) -> Laid:
    """Put pictures and order into the run's folder.

    An interrupted training there is gone on with from its newest state.
    """
    trainer = load_trainer("starter")
    place = resolve(
        project, Zone.WORKSPACE, Path("training", kept.name, trainer.name), for_writing=True
    )
    ready = laying.ready(project, kept.plan, trainer.layout, place / "dataset")
    translation = trainer.translate(kept.plan, ready.dataset, place)
    begun = trainer.checkpoints(place / translation.output, kept.name)
    states = [one for one in begun if one.state is not None]
    if states:
        translation = trainer.resume(kept.plan, ready.dataset, place, states[-1])
    ready.put(project)
    writing.write(place, translation, ours={"plan": kept.name, "digest": kept.digest})
    return Laid(kept, trainer, ready.dataset, place, translation)


def _brought(project: Project, name: str, folder: Path, actor: str, now: datetime) -> Version:
    offered = bring.gather(project, [folder], None)
    made = bring.bring(project, name, offered, actor=actor, now=now)
    assert made.version is not None
    return made.version
