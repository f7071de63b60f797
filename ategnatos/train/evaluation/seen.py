"""What somebody saw in the pictures, in their words: what it is, and what the next plan changes.

The words are data (``training_remedies.json``, with the signs of ``picture_faults.json``), and so
are the changes; here they are held to the plan at hand, so that what is proposed is a plan that
holds together.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader
from ategnatos.train.plan import store

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan

SIGHT_UNKNOWN = ErrorCode("sight_unknown", "What was seen is no fault that is known.")

# A rate of about 1 is none: the optimizer looks for its own.
_OWN_RATE = 0.5
_LIKE = 0.75
_SHARES = frozenset({"regularisation_weight", "network_dropout", "caption_dropout"})


@dataclass(frozen=True, slots=True)
class Sight:
    """One fault, as somebody named it."""

    fault: str
    title: str
    cause: str
    said: str
    first: str
    also: str
    page: str
    changes: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the next plan changes: name to (was, would be). ``left`` says what was not changed."""

    values: dict[str, tuple[Any, Any]]
    left: tuple[str, ...]

    def line(self, plan: str, said: Sequence[str]) -> str:
        """The command that makes the next version of the plan; "" where nothing changes."""
        if not self.values:
            return ""
        words = [f"{name}={_written(now)}" for name, (_, now) in self.values.items()]
        because = f"seen: {', '.join(said)}"
        return shlex.join(["ategnatos", "train", "plan", "set", plan, *words, "--because", because])


def find(said: str) -> Sight:
    """The fault that ``said`` names. Raises StudioError (``sight_unknown``)."""
    words = " ".join(said.lower().replace("-", " ").split())
    named = {one: fault for fault, known in _words().items() for one in known}
    fault = named.get(words)
    if fault is None and words:
        inside = [one for one in named if f" {one} " in f" {words} "]
        close = difflib.get_close_matches(words, named, 1, _LIKE)
        best = max(inside, key=len) if inside else close[0] if close else ""
        fault = named.get(best)
    if fault is None:
        raise StudioError(
            SIGHT_UNKNOWN,
            f"{said[:60]!r} is no fault of a LoRA that is known here; nothing was proposed.",
            hint="Known are: "
            + ", ".join(known[0] for known in _words().values())
            + f". Or search: ategnatos knowledge search {shlex.quote(said[:60] or 'lora')}",
            given=said[:60],
        )
    remedy, facts = _remedies()[fault], _faults()[fault]
    return Sight(
        fault,
        facts["title"],
        facts["cause"],
        said,
        remedy["first"],
        remedy["also"],
        remedy["page"],
        tuple(remedy["changes"]),
    )


def propose(plan: Plan, sights: Sequence[Sight]) -> Proposal:
    """What the next plan changes for all of ``sights`` together; the plan holds together with it.

    Two faults that want a value to go both ways leave it alone. Raises StudioError
    (``plan_invalid``).
    """
    factors: dict[str, list[float]] = {}
    wanted: dict[str, Any] = {}
    left = []
    for sight in sights:
        for one in sight.changes:
            name = str(one["field"])
            if name == "length":
                name = "epochs" if plan.epochs else "steps"
            if "needs" in one and not getattr(plan, one["needs"]):
                left.append(f"{name} has no effect without {one['needs']}: {sight.also}")
            elif name == "learning_rate" and plan.learning_rate >= _OWN_RATE:
                left.append(f"{plan.optimizer} finds its own rate: learning_rate stays.")
            elif "set" in one:
                wanted[name] = one["set"]
            else:
                factors.setdefault(name, []).append(float(one["times"]))
    for name, found in factors.items():
        if min(found) < 1 < max(found):
            left.append(f"What was seen wants {name} to go both ways: it stays.")
            continue
        # The strongest of them, not their product: both saw the same thing.
        factor = min(found) if min(found) < 1 else max(found)
        was = getattr(plan, name)
        wanted[name] = max(1, round(was * factor)) if isinstance(was, int) else was * factor
        if name in _SHARES:
            wanted[name] = min(1.0, wanted[name])
    values = {
        name: (getattr(plan, name), now)
        for name, now in wanted.items()
        if getattr(plan, name) != now
    }
    if values:
        store.changed(plan, {name: now for name, (_, now) in values.items()})
    return Proposal(values, tuple(dict.fromkeys(left)))


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def _words() -> Mapping[str, tuple[str, ...]]:
    """Every way of naming each fault, ours before the signs of ``picture_faults``."""
    return {
        fault: tuple(dict.fromkeys([*remedy["words"], *_faults()[fault]["signs"]]))
        for fault, remedy in _remedies().items()
    }


@cache
def _remedies() -> Mapping[str, Any]:
    found: Mapping[str, Any] = loader.read("training_remedies").content["remedies"]
    return found


@cache
def _faults() -> Mapping[str, Any]:
    found: Mapping[str, Any] = loader.read("picture_faults").content["faults"]
    return found
