"""The data files about ComfyUI, read into types."""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict

from ategnatos.knowledge import loader


class Fact(BaseModel):
    """A part of a data file: strict, and nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Port(Fact):
    """A port worth asking, and why."""

    port: int
    why: str


class Places(Fact):
    """``comfyui_places``: where to look. Folders may begin with ``~``."""

    ports: list[Port]
    desktop_port: int
    folders: list[str]
    desktop_settings: list[str]
    desktop_programs: list[str]
    checkout_marks: list[str]
    pythons: list[str]
    model_folders: dict[str, list[str]]
    model_suffixes: list[str]


class Flag(Fact):
    """One launch flag. ``group``: of one group only one flag may be given."""

    flag: str
    value: str
    group: str
    why: str

    @property
    def words(self) -> list[str]:
        """The flag as program arguments."""
        return [self.flag, self.value] if self.value else [self.flag]


class Tier(Fact):
    """Flags for GPUs with less than ``below_mib`` MiB; None is every larger one.

    ``seconds`` is how long one picture takes in words: a check of what is plausible.
    """

    name: str
    below_mib: int | None
    flags: list[Flag]
    seconds: str


class Never(Fact):
    """A flag that is refused, and why."""

    flag: str
    why: str


class Symptom(Fact):
    """``text`` in a log, what it means, what to do."""

    text: str
    means: str
    do: str


class Launch(Fact):
    """``comfyui_launch``."""

    always: list[Flag]
    tiers: list[Tier]
    apple: list[Flag]
    groups: dict[str, list[str]]
    never: list[Never]
    symptoms: list[Symptom]


class Threshold(Fact):
    """A version and the reason for it."""

    version: str
    why: str
    source: str


class Advisory(Fact):
    """A known hole. ``fixed`` holds the first repaired version of each release line."""

    id: str
    package: str
    fixed: list[str]
    severity: str
    means: str
    do: str
    source: str


class Security(Fact):
    """``comfyui_security``."""

    minimum: Threshold
    tested: Threshold
    advisories: list[Advisory]


@cache
def places() -> Places:
    """Where to look."""
    return loader.load("comfyui_places", Places)


@cache
def launch() -> Launch:
    """How to start."""
    return loader.load("comfyui_launch", Launch)


@cache
def security() -> Security:
    """What is too old."""
    return loader.load("comfyui_security", Security)
