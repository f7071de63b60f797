"""The LoRAs that this studio trained, judged and took into use: who may, how, and why this one."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ategnatos.grimoire.markdown import table
from ategnatos.grimoire.schemas.base import Document, Part


class LoraRow(Part):
    """One registered LoRA. ``name`` is what ``--lora`` takes.

    ``weight`` is what a person found best, ``weight_low`` to ``weight_high`` what was looked at.
    ``location`` is where the engines find it, ``origin`` the file of the run (relative to the
    studio where it lies in it). ``rights`` is what the dataset's rights make of it, ``licence``
    the strictest of them by name. ``evaluation`` is ``plan/number``, ``verdict`` the event that a
    person signed.
    """

    name: str
    family: str
    trigger: str = ""
    training: str = ""
    weight: float
    weight_low: float
    weight_high: float
    sha256: str
    location: str
    origin: str = ""
    engine: str = ""
    base_model: str = ""
    dataset: str = ""
    dataset_version: int = 0
    dataset_digest: str = ""
    plan: str = ""
    run: str = ""
    checkpoint: str = ""
    rights: dict[str, Any] = Field(default_factory=dict)
    licence: str = ""
    evaluation: str = ""
    evaluation_digest: str = ""
    verdict: str = ""
    approver: str = ""
    signed: bool = False
    registered_at: str = ""
    actor: str = ""


class LorasDocument(Document):
    """What 'ategnatos train register' keeps."""

    name = "loras"
    title = "LoRAs of this studio"
    modify_with = "ategnatos train register"
    by_hand = False

    loras: list[LoraRow] = Field(default_factory=list)

    def find(self, name: str) -> LoraRow | None:
        """The LoRA of that name."""
        return next((one for one in self.loras if one.name == name), None)

    def body(self) -> str:
        """One table."""
        rows = [
            _Shown(
                name=one.name,
                family=one.family,
                trigger=one.trigger,
                weight=f"{one.weight:g} ({one.weight_low:g} to {one.weight_high:g})",
                trained=f"{one.dataset} v{one.dataset_version}" if one.dataset else "",
                licence=one.licence,
                chosen=f"{one.evaluation}: {one.checkpoint}",
                approver=f"{one.approver}{', signed' if one.signed else ''}",
                sha256=one.sha256[:16],
                location=one.location,
            )
            for one in self.loras
        ]
        return f"# LoRAs of this studio\n\n{table(_COLUMNS, rows)}"


class _Shown(Part):
    """One row of the view."""

    name: str
    family: str
    trigger: str
    weight: str
    trained: str
    licence: str
    chosen: str
    approver: str
    sha256: str
    location: str


_COLUMNS = {
    "Name": "name",
    "Family": "family",
    "Trigger": "trigger",
    "Weight": "weight",
    "Trained On": "trained",
    "Licence": "licence",
    "Evaluation": "chosen",
    "Chosen By": "approver",
    "SHA-256": "sha256",
    "Location": "location",
}

DOCUMENT = LorasDocument
