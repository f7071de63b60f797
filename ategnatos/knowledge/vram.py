"""What is known of memory in training: networks, trainers' habits, reports, profiles.

Data: ``vram_families.json`` (counted on the networks themselves), ``vram_habits.json``,
``vram_reports.json``, ``vram_calibration.json``, ``memory_profiles.json``,
``memory_moves.json``. Bytes and GiB (2**30 bytes) throughout; a report's ``gb`` is GiB as
nvidia-smi and torch count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader

VRAM_FAMILY = ErrorCode("vram_family", "Nothing is known of this family's memory in training.")
TRAINER_HABITS = ErrorCode("trainer_habits", "Nothing is known of this trainer's memory.")

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes for one picture: ``fixed + per_pixel * pixels``; the fixed part is text and time."""

    fixed: float
    per_pixel: float

    def of(self, pixels: float) -> float:
        """Bytes for one picture of that many pixels."""
        return self.fixed + self.per_pixel * pixels


@dataclass(frozen=True, slots=True)
class Network:
    """One family's denoiser and what stands around it; numbers of parameters, not bytes.

    ``lora_per_rank`` and ``conv_per_rank`` are what one rank adds over all linear layers and
    all convolutions. ``kept`` is what autograd keeps without gradient checkpointing; with it
    ``inputs`` of every block, what lies ``outside`` of blocks, and one ``block`` at a time.
    ``token`` is the side in pixels of what becomes one token. ``swap`` is how many blocks there
    are by the count of a plan's ``block_swap``.
    """

    name: str
    serves: tuple[str, ...]
    params: int
    blocks: int
    swap: int
    hidden: int
    token: int
    lora_per_rank: int
    conv_per_rank: int
    kept: Kept
    inputs: Kept
    outside: Kept
    block: Kept
    text_encoders: Mapping[str, int]
    vae: int
    flops: tuple[float, float, float]

    def forward(self, pixels: float) -> float:
        """Operations of one forward pass of one picture; attention grows with the square."""
        fixed, linear, square = self.flops
        return fixed + linear * pixels + square * pixels**2


@dataclass(frozen=True, slots=True)
class Optimizer:
    """Bytes of state for one trained 32-bit value; ``follows``: half of it for a 16-bit one."""

    state: float
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Habits:
    """What a trainer does where a plan says nothing."""

    rank: int
    optimizer: str
    share: float
    lora_bytes: int
    text_on_gpu: bool
    vae_on_gpu: bool
    checkpointing: bool
    source: str


@dataclass(frozen=True, slots=True)
class Report:
    """One reported memory reading or bound; None where the report does not say.

    ``low`` and ``high`` are GiB, the same for a single number. ``pictures`` is how many pictures
    of the size one sample holds (an edit model sees two); ``frames`` counts a video's.
    """

    id: str
    trainer: str
    family: str
    method: str
    low: float
    high: float
    kind: str
    source: str
    rank: str | None = None
    batch: int | None = None
    width: int | None = None
    height: int | None = None
    frames: int = 1
    pictures: int = 1
    weights: str | None = None
    optimizer: str | None = None
    checkpointing: bool | None = None
    compiled: bool = False
    block_swap: int = 0
    streamed: bool = False
    cached_text: bool | None = None
    said: str = ""
    gpu: str = ""
    note: str = ""

    @property
    def scored(self) -> bool:
        """Whether it is a reading with all that an estimate needs."""
        return self.kind == "measured" and self.batch is not None and self.width is not None


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings that belong together on a card. ``set`` are values of a plan by their names."""

    name: str
    title: str
    vram_gb: float
    model_b: tuple[float, float]
    set: Mapping[str, Any]
    gb: tuple[float, float]
    costs: str


@dataclass(frozen=True, slots=True)
class Move:
    """One change of a plan that saves memory, and what it ``costs`` in plain words.

    ``values`` are set; ``half`` is halved and ``along`` with it, while ``double`` doubles;
    ``swap`` are shares of the blocks that may wait in main memory. It is for plans whose values
    are among ``origin``, as ``needs`` says, and above those of ``above``.
    """

    name: str
    costs: str
    values: Mapping[str, Any] = field(default_factory=dict)
    half: str = ""
    along: str = ""
    double: str = ""
    swap: tuple[float, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)
    needs: Mapping[str, Any] = field(default_factory=dict)
    above: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All of it, read once. ``weights`` are bytes of one weight by the way it is held."""

    networks: Mapping[str, Network]
    weights: Mapping[str, float]
    optimizers: Mapping[str, Optimizer]
    trainers: Mapping[str, Habits]
    reports: tuple[Report, ...] = field(default=())

    def network(self, family: str) -> Network:
        """The network that a family of the knowledge base trains on (``flux2/klein-4b``, ``sdxl``).

        Raises StudioError (``vram_family``).
        """
        bare = family.partition("/")[0]
        for key in (family, bare):
            for one in self.networks.values():
                if key == one.name or key in one.serves:
                    return one
        raise StudioError(
            VRAM_FAMILY,
            f"How much memory a training of {family!r} takes is not known; nothing was estimated.",
            hint="See 'ategnatos knowledge show vram_families' for the families that are known.",
            known=sorted(self.networks),
        )

    def habits(self, trainer: str) -> Habits:
        """What a trainer does by itself. Raises StudioError (``trainer_habits``)."""
        found = self.trainers.get(trainer.replace("_", "-"))
        if found is None:
            raise StudioError(
                TRAINER_HABITS,
                f"How the trainer {trainer!r} uses memory is not known; nothing was estimated.",
                hint=f"Known trainers: {', '.join(sorted(self.trainers))}.",
                known=sorted(self.trainers),
            )
        return found


@cache
def knowledge() -> Knowledge:
    """The data files as values. Raises StudioError (``knowledge_broken``)."""
    families = loader.read("vram_families").content["families"]
    habits = loader.read("vram_habits").content
    return Knowledge(
        networks={name: _network(name, raw) for name, raw in families.items()},
        weights=dict(habits["weights"]),
        optimizers={name: Optimizer(**raw) for name, raw in habits["optimizers"].items()},
        trainers={name: Habits(**raw) for name, raw in habits["trainers"].items()},
        reports=tuple(_report(raw) for raw in loader.read("vram_reports").content["reports"]),
    )


@cache
def profiles() -> tuple[Profile, ...]:
    """Memory profiles from the smallest card up."""
    return tuple(
        Profile(**{**raw, "model_b": tuple(raw["model_b"]), "gb": tuple(raw["gb"])})
        for raw in loader.read("memory_profiles").content["profiles"]
    )


@cache
def moves() -> tuple[Move, ...]:
    """What to change where memory is short, the least harmful first."""
    return tuple(
        Move(
            name=raw["name"],
            costs=raw["costs"],
            values=raw.get("set", {}),
            half=raw.get("half", ""),
            along=raw.get("along", ""),
            double=raw.get("double", ""),
            swap=tuple(raw.get("swap", ())),
            origin=raw.get("from", {}),
            needs=raw.get("needs", {}),
            above=raw.get("above", {}),
        )
        for raw in loader.read("memory_moves").content["moves"]
    )


def _network(name: str, raw: dict[str, Any]) -> Network:
    fixed, linear, square = map(float, raw["flops"])
    return Network(
        name=name,
        serves=tuple(raw["serves"]),
        params=int(raw["params"]),
        blocks=int(raw["blocks"]),
        swap=int(raw["swap"]),
        hidden=int(raw["hidden"]),
        token=int(raw["pixels_per_token_side"]),
        lora_per_rank=int(raw["lora_per_rank"]),
        conv_per_rank=int(raw["conv_per_rank"]),
        kept=Kept(**raw["kept"]),
        inputs=Kept(**raw["inputs"]),
        outside=Kept(**raw["outside"]),
        block=Kept(**raw["block"]),
        text_encoders=dict(raw["text_encoders"]),
        vae=int(raw["vae"]),
        flops=(fixed, linear, square),
    )


def _report(raw: dict[str, Any]) -> Report:
    values = dict(raw)
    gb = values.pop("gb")
    return Report(low=gb[0], high=gb[-1], **values)
