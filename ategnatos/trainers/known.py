"""What each trainer knows of each family: ``trainer_families.json``, read into types."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from ategnatos.trainers import Supported

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan


class Encoding(BaseModel):
    """A program that musubi-tuner runs before the training: ``takes`` are the settings of the
    training that it is told too, by their names there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    script: str
    takes: tuple[str, ...] = ()


class Family(BaseModel):
    """One family as one trainer knows it; which fields it has depends on the trainer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flow: bool = False
    text: bool = False
    cache_text: bool = False
    swap: int = 0
    quantised: bool = True
    # accelerate: which networks
    pipeline: str = ""
    # kohya
    variants: tuple[str, ...] = ()
    script: str = ""
    network_module: str = ""
    repository: str = ""
    parts: dict[str, bool] = Field(default_factory=dict)
    fixed: dict[str, Any] = Field(default_factory=dict)
    lycoris: bool = False
    shift: str = ""
    timesteps: bool = False
    # musubi
    latents: Encoding | None = None
    captions: Encoding | None = None
    versions: dict[str, dict[str, Any]] = Field(default_factory=dict)
    swaps: dict[str, int] = Field(default_factory=dict)
    precisions: tuple[str, ...] = ()
    fp8_text: str = ""
    guidance: str = ""
    use: str = ""
    # SimpleTuner
    family: str = ""
    flavours: dict[str, str] = Field(default_factory=dict)
    text_encoders: int = 1
    # ai-toolkit
    arch: dict[str, str] = Field(default_factory=dict)
    repositories: dict[str, str] = Field(default_factory=dict)
    assistant: dict[str, str] = Field(default_factory=dict)

    def most_blocks(self, key: str) -> int:
        """How many blocks of ``family/variant`` can wait in main memory; 0 where none can."""
        return self.swaps.get(key.partition("/")[2], self.swap)

    @property
    def able(self) -> tuple[str, ...]:
        """The variants that can be trained."""
        return self.variants or tuple(self.flavours or self.arch)


class Known(BaseModel):
    """One trainer: which versions were read, which families it trains."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    tested: tuple[str, ...]
    commit: str
    python: str
    quantisation: dict[str, str]
    families: dict[str, Family]

    def supported(self) -> Supported:
        """What a translation was tested with."""
        return Supported(self.tested, self.commit, self.python, "trainer_families.json")

    def why_not(self, plan: Plan) -> str:
        """ "" where the plan's family and variant are known, else why not."""
        known = self.families.get(plan.base_family)
        if known is None:
            return f"it does not know {plan.base_family} (it knows {', '.join(self.families)})"
        variant = plan.family.partition("/")[2]
        if variant not in known.able:
            return f"of {plan.base_family} it trains {', '.join(known.able)}, not {variant}"
        return ""

    def family_of(self, plan: Plan) -> Family:
        """The plan's family; :meth:`why_not` said that there is one."""
        return self.families[plan.base_family]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    trainers: dict[str, Known]


@cache
def trainer(name: str) -> Known:
    """One trainer by its name. Raises StudioError as :func:`ategnatos.knowledge.loader.load`."""
    from ategnatos.knowledge import loader

    return loader.load("trainer_families", _File).trainers[name]
