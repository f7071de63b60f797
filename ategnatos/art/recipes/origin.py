"""Which recipe, binding and output kind a job or a candidate comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.records import Candidate, Job

# Where a job's data keep it, and what a concept's settings say of it.
DATA_KEY = "recipe"
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
        return {DATA_KEY: {**asdict(self), "palette": list(self.palette)}}


def of(job: Job) -> Origin | None:
    """The origin of a job; None where no recipe made it."""
    facts = job.data.get(DATA_KEY)
    if not isinstance(facts, dict):
        return None
    return Origin(**{**facts, "palette": tuple(facts.get("palette", ()))})


def is_concept(candidate: Candidate) -> bool:
    """Whether a candidate is a concept: its approval frees the next step and nothing else."""
    return candidate.settings.get(STAGE) == CONCEPT


def finals(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The candidates that may become assets."""
    return [one for one in candidates if not is_concept(one)]
