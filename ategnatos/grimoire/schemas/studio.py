"""What the studio works with: the machine, its models and LoRAs, and what is rented now."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from ategnatos.grimoire.markdown import facts, notes_section, table
from ategnatos.grimoire.schemas.base import Document, Part


class ComfyUI(Part):
    """Where ComfyUI answers. ``port`` is 1 to 65535; ``status`` is free text."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8188
    status: str = "unknown"


class Environment(Part):
    """The machine that makes the pictures; ``cuda`` is a version as text ("12.10")."""

    primary: str = ""
    cuda: str = ""
    comfyui: ComfyUI = Field(default_factory=ComfyUI)


class Model(Part):
    """A base model that is at hand; ``settings`` are what works well with it, in words."""

    name: str
    type: str = ""
    base: str = ""
    good_for: str = ""
    location: str = ""
    settings: str = ""


class Lora(Part):
    """A LoRA that is at hand; ``weight_range`` is text such as "0.6-0.8"."""

    name: str
    trigger: str = ""
    weight_range: str = ""
    trained_on: str = ""
    location: str = ""


class Instance(Part):
    """A rented machine; ``cost_per_hour`` is dollars as text, so that "0.30" stays "0.30"."""

    id: str
    provider: str = ""
    gpu: str = ""
    status: str = ""
    cost_per_hour: str = ""
    started: str = ""

    @model_validator(mode="before")
    @classmethod
    def _take_earlier_name(cls, value: Any) -> Any:
        # The earlier layout of version 1.0 called the field cost_hr.
        if isinstance(value, dict) and "cost_hr" in value and "cost_per_hour" not in value:
            value = {**value, "cost_per_hour": value["cost_hr"]}
            del value["cost_hr"]
        return value


class StudioDocument(Document):
    """The inventory that the rooms read before they plan anything."""

    name = "studio"
    title = "Studio"
    modify_with = "/studio"

    environment: Environment = Field(default_factory=Environment)
    models: list[Model] = Field(default_factory=list)
    loras: list[Lora] = Field(default_factory=list)
    active_instances: list[Instance] = Field(default_factory=list)
    notes: str = ""

    def body(self) -> str:
        """Headings and tables in the layout that people wrote by hand before."""
        environment, comfyui = self.environment, self.environment.comfyui
        address = {"Host": comfyui.host, "Port": comfyui.port, "Status": comfyui.status}
        return "\n".join(
            [
                "# Studio\n",
                "## Environment\n",
                facts({"Primary": environment.primary, "CUDA": environment.cuda}, environment),
                "## ComfyUI\n",
                facts(address, comfyui),
                "## Models\n",
                table(_MODEL_COLUMNS, self.models),
                "## LoRAs\n",
                table(_LORA_COLUMNS, self.loras),
                "## Active Instances\n",
                table(_INSTANCE_COLUMNS, self.active_instances),
                *notes_section(self.notes),
            ]
        )


_MODEL_COLUMNS = {
    "Name": "name",
    "Type": "type",
    "Base": "base",
    "Good For": "good_for",
    "Location": "location",
    "Settings": "settings",
}
_LORA_COLUMNS = {
    "Name": "name",
    "Trigger": "trigger",
    "Weight Range": "weight_range",
    "Trained On": "trained_on",
    "Location": "location",
}
_INSTANCE_COLUMNS = {
    "ID": "id",
    "Provider": "provider",
    "GPU": "gpu",
    "Status": "status",
    "Cost/hr": "cost_per_hour",
    "Started": "started",
}

DOCUMENT = StudioDocument
