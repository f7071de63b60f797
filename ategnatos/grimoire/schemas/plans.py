"""The training plans of a studio: every version of each, whole, so that a run can be repeated."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ategnatos.grimoire.markdown import table
from ategnatos.grimoire.schemas.base import Document, Part


class PlanVersionRow(Part):
    """One version: ``digest`` of what it says, ``plan`` all of it, ``chosen`` the values that
    somebody set (the others are the preset's).
    """

    number: Annotated[int, Field(ge=1)]
    digest: str
    at: str
    actor: str = ""
    because: str = ""
    plan: dict[str, Any]
    chosen: list[str] = Field(default_factory=list)


class PlanRow(Part):
    """One plan. The last of its versions is the one that counts."""

    name: str
    versions: list[PlanVersionRow] = Field(min_length=1)


class PlansDocument(Document):
    """What 'ategnatos train plan' keeps."""

    name = "plans"
    title = "Training plans"
    modify_with = "ategnatos train plan"
    by_hand = False

    plans: list[PlanRow] = Field(default_factory=list)

    def find(self, name: str) -> PlanRow | None:
        """The plan of that name."""
        return next((one for one in self.plans if one.name == name), None)

    def body(self) -> str:
        """One table of plans."""
        rows = [
            _Shown(
                name=one.name,
                version=one.versions[-1].number,
                family=str(one.versions[-1].plan.get("family", "")),
                dataset=f"{one.versions[-1].plan.get('dataset', '')}"
                f" v{one.versions[-1].plan.get('dataset_version', '')}",
                preset=str(one.versions[-1].plan.get("preset", "")),
                digest=one.versions[-1].digest[:16],
                at=one.versions[-1].at,
            )
            for one in self.plans
        ]
        return f"# Training plans\n\n{table(_COLUMNS, rows)}"


class _Shown(Part):
    """One row of the view."""

    name: str
    version: int
    family: str
    dataset: str
    preset: str
    digest: str
    at: str


_COLUMNS = {
    "Name": "name",
    "Version": "version",
    "Family": "family",
    "Dataset": "dataset",
    "Preset": "preset",
    "Digest": "digest",
    "Changed": "at",
}

DOCUMENT = PlansDocument
