"""The plan of a training: one spec that no trainer owns, and that every trainer translates.

Lengths are pixels, times are steps (updates of the weights) or epochs (each picture once, times
its repeats), shares are 0 to 1. A plan never changes: :meth:`Plan.change` gives another one.
What a value means in plain words stands in ``knowledge/data/plan_fields.json``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import canonical_json, sha256_bytes

PLAN_INVALID = ErrorCode("plan_invalid", "A value of the training plan cannot be as given.")

Training = Literal["character", "style", "object"]
Network = Literal["lora", "locon", "loha", "lokr", "dora"]
Optimizer = Literal[
    "adamw",
    "adamw8bit",
    "paged-adamw8bit",
    "lion",
    "lion8bit",
    "prodigy",
    "adafactor",
    "schedule-free-adamw",
]
Schedule = Literal[
    "constant", "constant-with-warmup", "linear", "cosine", "cosine-with-restarts", "polynomial"
]
Precision = Literal["bf16", "fp16", "fp32"]
Quantisation = Literal["none", "fp8", "int8", "int4", "nf4"]
Caching = Literal["none", "memory", "disk"]
Timesteps = Literal["default", "uniform", "sigmoid", "shift"]

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Rate = Annotated[float, Field(ge=0, le=100)]

_MULTIPLE = 64


class _Value(BaseModel):
    # Strict: "32" is no rank and 1.5 is no batch; a trainer would meet the wrong type otherwise.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Sample(_Value):
    """One picture that the trainer makes on the way, to look at. ``width`` and ``height`` 0: the
    plan's resolution; ``steps`` 0 and ``cfg`` None: the family's own.
    """

    prompt: str
    negative: str = ""
    seed: Count = 42
    width: Count = 0
    height: Count = 0
    steps: Annotated[int, Field(ge=0, le=200)] = 0
    cfg: Annotated[float, Field(ge=0, le=50)] | None = None


class Plan(_Value):
    """What is trained on what, how, and for how long.

    ``family`` is a key of the knowledge base with its variant (``sdxl/base``). ``model`` is a
    file of weights, a folder in diffusers' layout or a repository's name; ``parts`` are further
    files by the family's names for them (``clip_l``, ``t5xxl``, ``ae`` ...). ``dataset_digest``
    is that of ``dataset_version``, ``regularisation_digest`` that of ``regularisation_version``;
    0 and "" where the plan was made before that version was named.

    Exactly one of ``epochs`` and ``steps`` is above 0, and so of ``save_every_epochs`` and
    ``save_every_steps``. ``repeats`` 0: reckoned from ``target_steps``. ``warmup`` is a share of
    all steps. ``block_swap`` is the number of transformer blocks that wait in main memory.
    ``keep`` 0 keeps every checkpoint. ``text_encoder_rate`` 0: the same as ``learning_rate``.
    """

    name: Annotated[str, Field(min_length=1, max_length=80)]
    preset: str = ""

    family: str
    model: str = ""
    model_sha256: str = ""
    vae: str = ""
    parts: dict[str, str] = Field(default_factory=dict)

    training: Training = "style"
    dataset: str
    dataset_version: Annotated[int, Field(ge=1)]
    dataset_digest: str
    trigger: Annotated[str, Field(max_length=60)] = ""
    regularisation: str = ""
    regularisation_version: Annotated[int, Field(ge=0)] = 0
    regularisation_digest: str = ""
    regularisation_weight: Share = 1.0
    repeats: Annotated[int, Field(ge=0, le=10_000)] = 0
    target_steps: Annotated[int, Field(ge=1, le=1_000_000)] = 1500

    network: Network = "lora"
    rank: Annotated[int, Field(ge=1, le=1024)] = 32
    alpha: Annotated[float, Field(gt=0, le=4096)] = 16.0
    conv_rank: Annotated[int, Field(ge=0, le=1024)] = 0
    conv_alpha: Annotated[float, Field(ge=0, le=4096)] = 0.0
    network_dropout: Share = 0.0
    text_encoder: bool = False
    text_encoder_rate: Rate = 0.0

    optimizer: Optimizer = "prodigy"
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 1.0
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.01
    schedule: Schedule = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    cycles: Annotated[int, Field(ge=1, le=100)] = 1
    max_grad_norm: Annotated[float, Field(ge=0, le=1000)] = 1.0

    epochs: Count = 15
    steps: Count = 0
    batch: Annotated[int, Field(ge=1, le=512)] = 1
    accumulation: Annotated[int, Field(ge=1, le=1024)] = 1

    resolution: Annotated[int, Field(ge=32, le=4096)] = 1024
    buckets: bool = True
    upscale: bool = True
    ground: str = ""

    precision: Precision = "bf16"
    quantisation: Quantisation = "none"
    text_encoder_quantisation: Quantisation = "none"
    block_swap: Annotated[int, Field(ge=0, le=200)] = 0
    gradient_checkpointing: bool = True
    cache_latents: Caching = "memory"
    cache_text: bool = False

    ema: bool = False
    ema_decay: Annotated[float, Field(gt=0, lt=1)] = 0.999
    noise_offset: Annotated[float, Field(ge=0, le=1)] = 0.0
    min_snr_gamma: Annotated[float, Field(ge=0, le=100)] = 0.0
    timesteps: Timesteps = "default"
    timestep_shift: Annotated[float, Field(ge=0, le=20)] = 0.0
    caption_dropout: Share = 0.0
    shuffle_captions: bool = False
    flip: bool = False

    samples: tuple[Sample, ...] = ()
    sample_every_epochs: Count = 0
    sample_every_steps: Count = 0
    save_every_epochs: Count = 1
    save_every_steps: Count = 0
    keep: Count = 0
    save_precision: Precision = "fp16"

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 42
    validation: bool = False
    validation_every_epochs: Annotated[int, Field(ge=1, le=10_000)] = 1

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if bool(self.epochs) == bool(self.steps):
            raise ValueError("give either 'epochs' or 'steps', and set the other to 0")
        if bool(self.save_every_epochs) == bool(self.save_every_steps):
            raise ValueError("give either 'save_every_epochs' or 'save_every_steps'")
        if self.sample_every_epochs and self.sample_every_steps:
            raise ValueError("give 'sample_every_epochs' or 'sample_every_steps', not both")
        if self.resolution >= _MULTIPLE and self.resolution % _MULTIPLE:
            raise ValueError(f"'resolution' is a multiple of {_MULTIPLE}")
        if not self.trigger.isprintable() or self.trigger != self.trigger.strip():
            raise ValueError("'trigger' is one line, without blanks around it")
        if self.schedule == "constant" and self.warmup:
            raise ValueError("a constant rate has no warm-up: take 'constant-with-warmup'")
        if self.cache_text and (self.text_encoder or self.shuffle_captions or self.caption_dropout):
            raise ValueError(
                "'cache_text' keeps what the text encoder said once: with it the text encoder is"
                " not trained and captions are neither shuffled nor dropped"
            )
        if self.block_swap and not self.gradient_checkpointing:
            raise ValueError("'block_swap' needs 'gradient_checkpointing'")
        return self

    @property
    def base_family(self) -> str:
        """The family without its variant."""
        return self.family.partition("/")[0]

    @property
    def effective_batch(self) -> int:
        """Pictures that one update of the weights has seen."""
        return self.batch * self.accumulation

    def digest(self) -> str:
        """SHA-256, 64 hex digits, of everything the plan says."""
        said = self.facts()
        if not self.regularisation_version:
            # What plans said before they named it: their digests stay what was bound to them.
            del said["regularisation_version"], said["regularisation_digest"]
        return sha256_bytes(canonical_json(said))

    def facts(self) -> dict[str, Any]:
        """The plan as JSON has it; :func:`read` takes it back."""
        return self.model_dump(mode="json")

    def change(self, **values: Any) -> Plan:
        """The plan with other values. Raises StudioError (``plan_invalid``)."""
        return read({**self.facts(), **values})


def read(values: dict[str, Any]) -> Plan:
    """The plan of a JSON object. Raises StudioError (``plan_invalid``): every wrong value in
    ``problems``, the first in the message.
    """
    import json

    try:
        # As JSON: there a list is a tuple and 1 is a rate, and "32" is still no rank.
        return Plan.model_validate_json(json.dumps(values))
    except (ValidationError, TypeError, ValueError) as error:
        problems = _problems(error)
        raise StudioError(
            PLAN_INVALID,
            f"The plan cannot be as given: {problems[0]}"
            + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")
            + "; nothing was changed.",
            hint="'ategnatos train plan fields' lists every value with what it may be.",
            problems=problems,
        ) from error


def _problems(error: Exception) -> list[str]:
    if not isinstance(error, ValidationError):
        return [str(error)]
    found = []
    for one in error.errors(include_url=False, include_context=False):
        place = ".".join(str(step) for step in one["loc"])
        text = str(one["msg"]).removeprefix("Value error, ")
        given = "" if isinstance(one["input"], dict) else f", not {str(one['input'])[:60]!r}"
        found.append(f"{place}: {text[0].lower()}{text[1:]}{given}" if place else text)
    return found
