"""Which recipe, binding and output kind a job or a candidate comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs.records import RECIPE_DATA

if TYPE_CHECKING:
    from ategnatos.engines import Image
    from ategnatos.grimoire.jobs.records import Candidate, Job

# What a concept's settings say of it.
STAGE, CONCEPT = "recipe_stage", "concept"


@dataclass(frozen=True, slots=True)
class Origin:
    """What one job of a recipe makes: one output of one binding, by one engine key.

    ``binding`` is the hash of ``levers``, ``child`` counts the outputs of one binding from 0;
    ``concept_key`` and ``concept_engine`` are the engine key and engine of the step before the
    gate, empty where there is none. ``palette`` are the colours that it must keep to, if any.
    """

    recipe_id: str
    recipe_sha256: str
    binding: str
    levers: dict[str, str]
    engine_key: str
    output_kind: str
    child: int
    concept_key: str = ""
    concept_engine: str = ""
    palette: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """As the job's data keep it."""
        return {RECIPE_DATA: {**asdict(self), "palette": list(self.palette)}}


def of(job: Job) -> Origin | None:
    """The origin of a job; None where no recipe made it."""
    facts = job.data.get(RECIPE_DATA)
    if not isinstance(facts, dict):
        return None
    return Origin(**{**facts, "palette": tuple(facts.get("palette", ()))})


def in_its_colours(origin: Origin, image: Image) -> bytes:
    """The picture as PNG bytes, each colour the nearest of the recipe's palette where that is
    enforced; a concept stays as it is.
    """
    if not origin.palette or image.settings.get(STAGE) == CONCEPT:
        return image.png
    from ategnatos.pictures.palette_map import keep_to

    return keep_to(image.png, origin.palette)


def lines(job: Job, candidate: Candidate) -> list[str]:
    """What a person should know of a recipe's candidate before a verdict; none for others."""
    found = of(job)
    if found is None:
        return []
    levers = " ".join(f"{name}={value}" for name, value in found.levers.items())
    said = [f"  recipe {found.recipe_id} {levers}"]
    if is_concept(candidate):
        said.append(f"  This is a concept: a yes frees the step behind it, by {found.engine_key}.")
    return said


def is_concept(candidate: Candidate) -> bool:
    """Whether a candidate is a concept: its approval frees the next step and nothing else."""
    return candidate.settings.get(STAGE) == CONCEPT


def finals(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates that may become assets."""
    return [one for one in candidates if not is_concept(one)]
