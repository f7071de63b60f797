"""The training runs of a studio: what was started, where it lies, how it ended."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ategnatos.grimoire.markdown import table
from ategnatos.grimoire.schemas.base import Document, Part


class RunRow(Part):
    """One run of one version (``number``, ``digest``) of a plan.

    ``id`` is the plan's name and a count from 1. ``job`` is its job in the line (``j7``).
    ``folder`` is relative to the project's root. ``parent`` is the run that it goes on from on
    another machine. ``changes`` are the moves that were made because memory ran out, in words.
    ``why`` says how it ended, ``latest`` names its newest whole checkpoint.
    """

    id: str
    plan: str
    number: Annotated[int, Field(ge=1)]
    digest: str
    dataset: str
    dataset_version: Annotated[int, Field(ge=1)]
    trainer: str
    machine: str = "local"
    gpu: str = "gpu:local:0"
    state: str = "queued"
    job: str = ""
    created_at: str
    begun_at: str = ""
    ended_at: str = ""
    step: Annotated[int, Field(ge=0)] = 0
    steps: Annotated[int, Field(ge=0)] = 0
    folder: str
    parent: str = ""
    changes: list[str] = Field(default_factory=list)
    why: str = ""
    latest: str = ""


class RunsDocument(Document):
    """What 'ategnatos train launch' and its kin keep."""

    name = "runs"
    title = "Training runs"
    modify_with = "ategnatos train"
    by_hand = False

    runs: list[RunRow] = Field(default_factory=list)

    def find(self, run: str) -> RunRow | None:
        """The run of that id."""
        return next((one for one in self.runs if one.id == run), None)

    def body(self) -> str:
        """One table of runs, the newest first."""
        return f"# Training runs\n\n{table(_COLUMNS, list(reversed(self.runs)))}"


_COLUMNS = {
    "Run": "id",
    "State": "state",
    "Step": "step",
    "Of": "steps",
    "Trainer": "trainer",
    "Machine": "machine",
    "Begun": "begun_at",
    "Ended": "ended_at",
    "Newest checkpoint": "latest",
    "Why": "why",
}

DOCUMENT = RunsDocument
