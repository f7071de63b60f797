"""How fast trainings of this studio really went: what the next estimate of time starts from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ategnatos.grimoire.markdown import table
from ategnatos.grimoire.measurement import Measurement
from ategnatos.grimoire.schemas.base import Document


class PaceRow(Measurement):
    """``seconds`` is of one update of the weights; ``basis`` what was measured."""

    basis: Literal["dry run", "run"]
    steps: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(gt=0)]


class PaceDocument(Document):
    """Measured speeds."""

    name = "pace"
    title = "Speed of trainings"
    modify_with = "ategnatos train dry-run"
    by_hand = False

    measured: list[PaceRow] = Field(default_factory=list)

    def body(self) -> str:
        """One table, the newest last."""
        return "\n".join(["# Speed of trainings\n", table(_COLUMNS, self.measured)])


_COLUMNS = {
    "Run": "run",
    "Machine": "machine",
    "Plan": "plan",
    "Trainer": "trainer",
    "From": "basis",
    "Steps": "steps",
    "Seconds a step": "seconds",
    "At": "at",
}

DOCUMENT = PaceDocument
