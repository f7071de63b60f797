"""What a plan may say and hardly anybody means: told before hours are spent on it.

None of it is refused. A person may know better, and each sentence says what happens if not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.plan import presets

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan

_SELDOM_DROPPED = 0.5
_LONG_WARMUP = 0.3
_STRONG = 2


class _Optimizer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    title: str
    rate: str
    bounds: tuple[float, float]


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    optimizers: dict[str, _Optimizer]


@cache
def _optimizers() -> dict[str, _Optimizer]:
    from ategnatos.knowledge import loader

    return loader.load("optimizers", _File).optimizers


def of(plan: Plan) -> list[str]:
    """Every doubt about a plan, the costliest first; none for a preset as it stands."""
    return [
        *_rate(plan),
        *_strength(plan),
        *_saves(plan),
        *_words(plan),
        *_shares(plan),
        *_family(plan),
    ]


def _rate(plan: Plan) -> Iterator[str]:
    one = _optimizers().get(plan.optimizer)
    # The starter model is small: its own rates are higher than any table's, and cost a minute.
    if one is None or plan.base_family == presets.STARTER:
        return
    low, high = one.bounds
    said = f"learning_rate is {plan.learning_rate:g}; {one.title} takes {one.rate}"
    if plan.learning_rate > high:
        yield f"{said}. With this the pictures burn, or the loss is no number within minutes."
    elif plan.learning_rate < low:
        yield f"{said}. With this it learns next to nothing."


def _strength(plan: Plan) -> Iterator[str]:
    share = plan.alpha / plan.rank
    if share > _STRONG:
        yield (
            f"alpha {plan.alpha:g} is {share:g} times the rank {plan.rank}: what is learnt counts"
            " so many times, as if the rate were that much higher. Half the rank or the rank is"
            " usual."
        )


def _saves(plan: Plan) -> Iterator[str]:
    for every, length, unit in (
        (plan.save_every_epochs, plan.epochs, "epochs"),
        (plan.save_every_steps, plan.steps, "steps"),
    ):
        if every and length and every >= length:
            yield (
                f"It is saved every {every} {unit} of {length}: at the end alone. There is nothing"
                " to choose from, and after a fault it begins anew."
            )


def _words(plan: Plan) -> Iterator[str]:
    if not plan.trigger and plan.training != "style":
        yield "There is no trigger word: what is learnt will show up unasked."
    if plan.samples and not (plan.sample_every_epochs or plan.sample_every_steps):
        yield (
            "There are prompts to look at on the way, and nothing says when: set"
            " sample_every_epochs or sample_every_steps."
        )
    if plan.regularisation and plan.regularisation == plan.dataset:
        yield (
            "The prior pictures are the dataset itself: they are to show other things of its kind,"
            " so that those stay as they are."
        )


def _shares(plan: Plan) -> Iterator[str]:
    if plan.network_dropout > _SELDOM_DROPPED:
        yield (
            f"network_dropout leaves out {plan.network_dropout:.0%} of what learns in each step:"
            " it hardly learns."
        )
    if plan.caption_dropout > _SELDOM_DROPPED:
        yield (
            f"caption_dropout hides {plan.caption_dropout:.0%} of the captions: it is learnt"
            " without its words, and shows up unasked."
        )
    if plan.warmup > _LONG_WARMUP:
        yield f"warmup takes {plan.warmup:.0%} of all steps: for most of them the rate is too low."


def _family(plan: Plan) -> Iterator[str]:
    try:
        usual = presets.values(plan.family, plan.preset)
        flow = presets.is_flow(plan.family)
    except StudioError:  # a family or preset that is no longer known: nothing to hold it against
        return
    own = int(usual.get("resolution", 1024))
    if plan.resolution > 1.5 * own or plan.resolution < own / 2:
        yield (
            f"resolution is {plan.resolution}; {plan.base_family} knows {own} pixels."
            " Far from it, it learns blur or doubled subjects."
        )
    if flow and plan.precision == "fp16" and usual.get("precision") == "bf16":
        yield f"precision is fp16; {plan.base_family} wants bf16, and ends in NaN without."
    if flow and (plan.noise_offset or plan.min_snr_gamma):
        yield (
            f"noise_offset and min_snr_gamma mean nothing to {plan.base_family}: it is trained by"
            " flow matching. Set both to 0."
        )
