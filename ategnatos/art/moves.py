"""Settings that a wish moves: as far as the engine honours it, and said where it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines import Engine, Request
    from ategnatos.prompts.change import Move

# What a variation shows beside its words; the seed and the pictures it starts from are pinned.
SHOWN = ("model", "family", "steps", "cfg", "sampler", "width", "height", "strength")


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting, before and after, as JSON values."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Carried:
    """A request with its moves, the same as planned, what moved, and what to say of the rest."""

    request: Request
    planned: Request
    moved: bool
    notes: tuple[str, ...]


def carry(engine: Engine, request: Request, planned: Request, moves: Sequence[Move]) -> Carried:
    """``request`` with each of ``moves`` that the engine honours.

    ``planned`` is the engine's plan of ``request``: a move starts from the value that was really
    used. The engine is asked about each move by itself.
    """
    from ategnatos.engines import ENGINE_CANNOT

    notes: list[str] = []
    moved = False
    for move in moves:
        tried, what = _moved(request, planned, move)
        if tried is None:
            notes.append(what)
            continue
        try:
            outcome, _ = engine.plan(tried)
        except StudioError as error:
            if error.code is not ENGINE_CANNOT:
                raise
            notes.append(f"{move.setting} stays ({move.because}): {error.message}")
            continue
        if _value(outcome, move.setting) == _value(planned, move.setting):
            notes.append(f"{move.setting} stays ({move.because}): the engine keeps its own")
            continue
        notes.append(what)
        request, planned, moved = tried, outcome, True
    return Carried(request, planned, moved, tuple(notes))


def differing(parent: Mapping[str, Any], planned: Request) -> tuple[SettingChange, ...]:
    """The settings of ``planned`` that are not the parent's, LoRA weights by name."""
    found = [
        SettingChange(name, parent.get(name), getattr(planned, name))
        for name in SHOWN
        if parent.get(name) != getattr(planned, name)
    ]
    before = {lora["name"]: lora["weight"] for lora in parent["loras"]}
    found += [
        SettingChange(f"LoRA {lora.name}", before.get(lora.name), lora.weight)
        for lora in planned.loras
        if before.get(lora.name) != lora.weight
    ]
    return tuple(found)


def _value(request: Request, setting: str) -> Any:
    if setting == "lora_weight":
        return [lora.weight for lora in request.loras]
    return getattr(request, setting)


def _moved(request: Request, planned: Request, move: Move) -> tuple[Request | None, str]:
    """The request with the move and what to say; None and why not where there is no place."""
    because = f"({move.because})"
    if move.setting == "lora_weight":
        if not planned.loras:
            return None, f"no LoRA is in use, so none can be weighed {because}"
        weights = [_bounded(lora.weight, move) for lora in planned.loras]
        told = ", ".join(
            f"LoRA {lora.name} {lora.weight:g} -> {weight:g}"
            for lora, weight in zip(planned.loras, weights, strict=True)
        )
        if weights == [lora.weight for lora in planned.loras]:
            return (
                None,
                f"the LoRA stays at {weights[0]:g}: that is as far as a wish goes {because}",
            )
        loras = tuple(
            replace(lora, weight=weight)
            for lora, weight in zip(request.loras, weights, strict=True)
        )
        return replace(request, loras=loras), f"{told} {because}"
    before = getattr(planned, move.setting)
    if before is None:
        reason = (
            "it starts from the seed, not from the picture"
            if move.setting == "strength"
            else "the engine has no such setting here"
        )
        return None, f"{move.setting} was not moved {because}: {reason}"
    if move.setting == "cfg" and before <= 1:
        return None, (
            f"CFG stays at {before:g} {because}: this model is made to run without guidance, and "
            "more would spoil its pictures"
        )
    after = _bounded(before, move)
    if move.setting == "steps":
        after = round(after)
    if after == before:
        return None, f"{move.setting} stays at {before:g}: that is as far as a wish goes {because}"
    changed: dict[str, Any] = {move.setting: after}
    return replace(request, **changed), f"{move.setting} {before:g} -> {after:g} {because}"


def _bounded(before: float, move: Move) -> float:
    """``before`` moved, within the bounds; what lies beyond them already stays as it is."""
    after = round(before + move.by, 3)
    if move.by > 0:
        return max(before, min(after, move.most))
    return min(before, max(after, move.least))
