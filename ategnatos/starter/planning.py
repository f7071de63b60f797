"""From a request to a plan: checked, completed, reduced to known words. No numpy, no weights.

Only LoRAs are looked into: whether one fits is known by its tensors alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ategnatos.starter.description import describe
from ategnatos.starter.layout import layout
from ategnatos.starter.request import Settings, StarterRequest, settle
from ategnatos.starter.words import missing_subject, normalise

if TYPE_CHECKING:
    from ategnatos.starter.lora import Lora
    from ategnatos.starter.model import StarterModel


@dataclass(frozen=True, slots=True)
class Plan:
    """A request with nothing left open, and what a person should know before it is made.

    ``request`` holds the prompts as the model reads them; planning it again gives it again.
    """

    request: StarterRequest
    settings: Settings
    loras: tuple[tuple[Lora, float], ...]
    warnings: tuple[str, ...]


def plan(request: StarterRequest, model: StarterModel | None = None) -> Plan:
    """Check a request, fill in its defaults and reduce its prompts to known words.

    LoRA files are read and matched; no pixel is made. Raises StudioError (``starter_request``,
    ``starter_lora``, ``starter_weights``) for what cannot be honoured.
    """
    known = describe() if model is None else model.description
    settings = settle(request, known.side, known.default_sampler)
    loras = _read_loras(request, model) if request.loras else ()
    triggers = [*request.triggers, *(lora.trigger for lora, _ in loras)]
    prompt = normalise(request.prompt, triggers)
    negative = normalise(request.negative, triggers)
    warnings = [*prompt.warnings]
    warnings += [f"Negative prompt: {warning}" for warning in negative.warnings]
    if subject := missing_subject(prompt.text, triggers):
        warnings.append(subject)
    for text in (prompt.text, negative.text):
        if len(known.tokenizer.tokens(text)) > known.tokenizer.room():
            warnings.append(
                f"Only the first {known.tokenizer.room()} words of '{text[:40]}...' are read."
            )
    if negative.text and settings.guidance == 1:
        warnings.append(
            "The negative prompt has no effect at CFG 1: use a CFG above 1 for it to count."
        )
    where = layout(settings.width, settings.height, known.side)
    if not where.fills:
        extent = where.factor * where.side
        warnings.append(
            f"{settings.width}x{settings.height} is no whole multiple of "
            f"{where.side}x{where.side}: the picture is {extent}x{extent}, in the middle of a "
            "transparent canvas."
        )
    if request.init_image is not None and request.mask is None and not where.fills:
        warnings.append("Only the square in the middle of the init image is read.")
    exact = replace(
        request,
        prompt=prompt.text,
        negative=negative.text,
        width=settings.width,
        height=settings.height,
        steps=settings.steps,
        guidance=settings.guidance,
        sampler=settings.sampler,
        strength=settings.strength,
    )
    return Plan(exact, settings, loras, tuple(warnings))


def _read_loras(
    request: StarterRequest, model: StarterModel | None
) -> tuple[tuple[Lora, float], ...]:
    from ategnatos.starter.model import load_model

    return tuple((model or load_model()).read_loras(request.loras))
