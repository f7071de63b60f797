"""Whether a plan fits a GPU, the largest batch, and what to change where it does not.

"fits": even the upper bar lies within what a program gets of the card. "tight": the likely value
does and the upper bar does not, so a dry run decides. "no": it is expected to run out of memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge.vram import Move, Network, Profile, moves, profiles
from ategnatos.train.vram.estimate import Calibration, Estimate, estimate, largest_batch
from ategnatos.train.vram.workload import of_plan
from ategnatos.trainers import known

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan

Verdict = Literal["fits", "tight", "no"]

# A move that saves less than this is not worth a word.
_WORTH_GIB = 0.05
_BILLION = 1e9
_FINDS_ITS_RATE = ("prodigy", "schedule-free-adamw")
_RATE = 0.0001


@dataclass(frozen=True, slots=True)
class Change:
    """One move on a plan: the values to set, what it costs, and GiB at the peak after it."""

    name: str
    values: Mapping[str, Any]
    costs: str
    likely: float


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer for one plan, trainer and amount of memory (GiB that a program gets).

    ``batch`` is the largest one that fits as the plan stands, 0 where not even one does.
    ``changes`` make it fit, the least harmful first, empty where it fits or nothing helps;
    ``changed`` is the estimate after them.
    """

    verdict: Verdict
    memory: float
    estimate: Estimate
    batch: int
    changes: tuple[Change, ...] = ()
    changed: Estimate | None = None

    @property
    def values(self) -> dict[str, Any]:
        """All values of all changes, as ``train plan set`` takes them."""
        return {name: value for one in self.changes for name, value in one.values.items()}


def advise(
    plan: Plan,
    trainer: str,
    memory: float,
    calibration: Calibration,
    made: Estimate | None = None,
) -> Advice:
    """Whether the plan fits ``memory`` GiB and how it could. ``made``: a better estimate of it.

    Raises StudioError (``vram_family``, ``trainer_habits``).
    """
    made = made or estimate(of_plan(plan, trainer), calibration)
    verdict = judge(made, memory)
    batch = largest_batch(of_plan(plan, trainer), memory, calibration)
    if verdict == "fits":
        return Advice(verdict, memory, made, max(batch, plan.batch))

    def likely(one: Plan) -> Estimate:
        return estimate(of_plan(one, trainer), calibration)

    found = _cheapest(plan, trainer, memory, likely)
    if not found:
        return Advice(verdict, memory, made, batch)
    final = _apply(plan, [one.values for one in found])
    return Advice(verdict, memory, made, batch, tuple(found), likely(final))


def gentler(plan: Plan, trainer: str, calibration: Calibration) -> Iterator[tuple[Move, Plan]]:
    """Moves that save memory, in order of harm, each with the plan after it alone.

    The halving of the batch is left out: who asks has done it. Nothing for a family that the
    estimate does not know.
    """

    def likely(one: Plan) -> float:
        return estimate(of_plan(one, trainer), calibration).likely

    try:
        now = likely(plan)
    except StudioError:
        return
    for move in moves():
        if move.half == "batch":
            continue
        for values in _tries(move, plan, trainer):
            changed = _changed(plan, values)
            if changed is not None and likely(changed) < now - _WORTH_GIB:
                yield move, changed


def judge(made: Estimate, memory: float) -> Verdict:
    """``fits``, ``tight`` or ``no``."""
    if made.high <= memory:
        return "fits"
    return "tight" if made.likely <= memory else "no"


def suggest(network: Network, memory_gb: float) -> Profile | None:
    """The profile for a model of that size on a card of ``memory_gb`` as sold: the one that takes
    least away from the model, None where no card this small is known to train it.
    """
    size = network.params / _BILLION
    fitting = [
        one
        for one in profiles()
        if one.vram_gb <= memory_gb and one.model_b[0] <= size <= one.model_b[1]
    ]
    kept = {"none": 3, "fp8": 2, "int8": 2}
    return max(
        fitting,
        key=lambda one: (
            kept.get(one.set.get("quantisation", "none"), 1),
            one.set.get("optimizer") != "adafactor",
            one.vram_gb,
        ),
        default=None,
    )


def profiled(
    plan: Plan, trainer: str, profile: Profile, calibration: Calibration, memory: float
) -> dict[str, Any]:
    """What a profile changes in the plan, with what has to change along; empty where the trainer
    cannot do it, where nothing would change, or where it does not fit ``memory`` GiB.
    """
    values: dict[str, Any] = dict(profile.set)
    if not _able(Move("", "", values=values), plan, trainer):
        return {}
    if values.get("cache_text"):
        values |= {"shuffle_captions": False, "caption_dropout": 0.0}
    if values.get("optimizer", plan.optimizer) != plan.optimizer:
        # A rate of 1 is for those that find their own.
        values |= {"learning_rate": _RATE} if plan.optimizer in _FINDS_ITS_RATE else {}
    facts = plan.facts()
    values = {name: value for name, value in values.items() if facts[name] != value}
    made = _changed(plan, values) if values else None
    if made is None or estimate(of_plan(made, trainer), calibration).likely > memory:
        return {}
    return values


def _cheapest(
    plan: Plan, trainer: str, memory: float, likely: Callable[[Plan], Estimate]
) -> list[Change]:
    """Moves that make it fit: taken in order of harm, then every one that proves needless is put
    back, the most harmful first.
    """
    taken: list[tuple[Move, dict[str, Any]]] = []
    now = plan
    for move in moves():
        for values in _tries(move, now, trainer):
            changed = _changed(now, values)
            if changed is None or likely(changed).likely > likely(now).likely - _WORTH_GIB:
                continue
            taken.append((move, values))
            now = changed
            if likely(now).high <= memory:
                return [
                    Change(one.name, given, one.costs, likely(_apply(plan, upto)).likely)
                    for one, given, upto in _numbered(_pruned(plan, taken, memory, likely))
                ]
    return []


def _pruned(
    plan: Plan,
    taken: list[tuple[Move, dict[str, Any]]],
    memory: float,
    likely: Callable[[Plan], Estimate],
) -> list[tuple[Move, dict[str, Any]]]:
    kept = list(taken)
    for one in reversed(taken[:-1]):
        without = [other for other in kept if other is not one]
        try:
            fits = likely(_apply(plan, [values for _, values in without])).high <= memory
        except StudioError:
            # A later move stands on this one.
            continue
        if fits:
            kept = without
    return kept


def _numbered(
    kept: list[tuple[Move, dict[str, Any]]],
) -> Iterator[tuple[Move, dict[str, Any], list[dict[str, Any]]]]:
    for number, (move, values) in enumerate(kept, start=1):
        yield move, values, [given for _, given in kept[:number]]


def _tries(move: Move, plan: Plan, trainer: str) -> Iterator[dict[str, Any]]:
    """The values of a move for the plan as it stands, one try after the other."""
    facts = plan.facts()
    if any(facts[name] not in allowed for name, allowed in move.origin.items()):
        return
    if any(facts[name] != value for name, value in move.needs.items()):
        return
    if any(facts[name] <= least for name, least in move.above.items()):
        return
    if move.half:
        value, other = facts[move.half], facts.get(move.double, 0)
        while value > 1:
            value, other = value // 2, other * 2
            more = {move.double: other} if move.double else {}
            yield {move.half: value} | more | _along(move, facts)
            if not move.double:
                return
    elif move.swap:
        for share in move.swap:
            blocks = int(_blocks(plan, trainer) * share)
            if blocks > facts["block_swap"]:
                yield {"block_swap": blocks}
    elif _able(move, plan, trainer):
        values = dict(move.values)
        if any(facts[name] != value for name, value in values.items()):
            yield values


def _along(move: Move, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {move.along: facts[move.along] / 2} if move.along else {}


def _able(move: Move, plan: Plan, trainer: str) -> bool:
    """Whether the trainer can do what the move asks for this family."""
    if trainer not in _TRAINERS_WITH_TABLE:
        return "quantisation" not in move.values
    table = known.trainer(trainer)
    family = table.families.get(plan.base_family)
    if trainer == "musubi" and {"cache_text", "cache_latents"} & move.values.keys():
        return False  # it always does
    if move.values.get("quantisation", "none") != "none":
        able = family is None or family.quantised
        return able and move.values["quantisation"] in table.quantisation
    if "text_encoder_quantisation" in move.values:
        # kohya quantises both or neither; musubi-tuner has a switch for some.
        switched = trainer != "musubi" or (family is not None and family.fp8_text != "")
        return trainer != "kohya" and switched and "fp8" in table.quantisation
    if "cache_text" in move.values:
        return family is None or family.cache_text or trainer != "kohya"
    return True


_TRAINERS_WITH_TABLE = ("kohya", "simpletuner", "ai-toolkit", "musubi")


def _blocks(plan: Plan, trainer: str) -> int:
    if trainer not in _TRAINERS_WITH_TABLE:
        return 0
    family = known.trainer(trainer).families.get(plan.base_family)
    return family.most_blocks(plan.family) if family is not None else 0


def _changed(plan: Plan, values: dict[str, Any]) -> Plan | None:
    """The plan with the values; None where they do not go together with the rest of it."""
    try:
        return plan.change(**values)
    except StudioError:
        return None


def _apply(plan: Plan, changes: list[Any]) -> Plan:
    merged: dict[str, Any] = {}
    for one in changes:
        merged |= dict(one)
    return plan.change(**merged)
