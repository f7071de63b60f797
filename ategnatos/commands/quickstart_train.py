"""``ategnatos quickstart --train``: sixteen owls, a LoRA, four pictures with it; each step said."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ategnatos.commands.contract import Answer, Call

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from ategnatos.train.demonstration.owl import Laid

PROMPT, SEED, COUNT, WEIGHT = "an ategnatos owl", 1, 4, 0.9
# What the LoRA is for, and what it should leave alone; none of these was a prior picture.
COLUMNS = (
    ("an ategnatos owl", 1, 3), ("a blue ategnatos owl", 1, 1), ("a red ategnatos owl", 4, 1),
    ("a red apple", 1, 1), ("a green tree", 1, 1), ("a brown chest", 5, 1), ("a brown cat", 6, 1),
)  # fmt: skip
_WHAT_IS_LEFT = (
    "No gate was opened or asked: this was the trainer by itself, on sixteen pictures that we "
    "know. A training of your own goes through 'ategnatos train'."
)


def train(call: Call, folder: Path, with_prior: bool) -> Answer:
    """Make a studio in ``folder``, train the owl in it, and draw with it.

    Started again it goes on where it was: a step that is done is not done twice.
    """
    from ategnatos.commands.art.work import make
    from ategnatos.engines import Request, load_engine
    from ategnatos.guard.actor import actor
    from ategnatos.studio.init import init_studio
    from ategnatos.train.demonstration import owl

    if call.dry_run:
        return _foretold(folder, with_prior)
    who, now = actor(), datetime.now(UTC)
    project = init_studio(folder).project
    call.say(f"1. A studio stands in {folder}.")
    version = owl.owls(project, who, now)
    call.say(
        f"2. {len(version.pictures)} pictures of a blue owl, each with a caption, are the dataset "
        f"{owl.DATASET!r}. The starter model has never seen an owl."
    )
    if with_prior:
        owl.prior(project, who, now)
        call.say(
            f"3. The model drew {len(owl.PRIOR_PROMPTS)} pictures of what it knows (dataset "
            f"{owl.PRIOR!r}); seeing them again while it learns, it does not turn them into owls."
        )
    else:
        call.say("3. No prior pictures: watch how other things turn into owls at high weights.")
    kept = owl.plan(project, version, with_prior, who, now)
    laid = owl.lay_out(project, kept)
    call.say(
        f"4. The plan {kept.name!r} says what is learned and how: rank {kept.plan.rank}, "
        f"{kept.plan.steps} steps of {kept.plan.batch} pictures, trigger {kept.plan.trigger!r}."
    )
    taken = _train(call, laid)
    sweep = _sweep(call, laid)
    call.say(f"7. Four pictures with the LoRA at {WEIGHT:g}:")
    answer = make(
        call,
        project,
        load_engine("starter"),
        Request(prompt=PROMPT, seed=SEED, count=COUNT, loras=(_use(laid.lora),)),
        seed=SEED,
    )
    data: dict[str, Any] = {
        "studio": str(project.root),
        "lora": str(laid.lora),
        "trigger": kept.plan.trigger,
        "weight": WEIGHT,
        "seconds": taken,
        "steps": laid.translation.steps,
        "sweep": str(sweep),
        "plan": kept.name,
        "gates": "none asked",
        "pictures": answer.data,
    }

    def words(out: Console) -> None:
        if callable(answer.words):
            answer.words(out)
        out.print()
        for line in (
            f"The LoRA: {laid.lora}",
            f"What it does at each weight: {sweep}",
            "Read it from the top: nothing at 0, the owl by 0.5 to 0.7, best at 0.7 to 0.9; above "
            "1 it gets into other things.",
            _WHAT_IS_LEFT,
        ):
            out.print(line, soft_wrap=True, markup=False, highlight=False)

    return Answer(
        data,
        words,
        (
            f"cd {folder}",
            f"ategnatos art generate 'a red ategnatos owl' --lora "
            f"{laid.lora.relative_to(project.root)}:0.9",
            f"ategnatos train plan show {kept.name} --explain",
        ),
    )


def _train(call: Call, laid: Laid) -> float | None:
    """Run the trainer and say how it goes; None where it was done before."""
    from ategnatos.commands.progress import progress
    from ategnatos.engines import Progress
    from ategnatos.train.demonstration import process
    from ategnatos.trainers import events

    if laid.lora.is_file():
        call.say("5. It is trained already; delete its folder to train it again.")
        return None
    call.say("5. Training, on the processor alone. It takes about a minute; Ctrl-C loses nothing.")
    began = time.monotonic()
    first: list[float] = []
    losses: list[float] = []
    with progress(call, "training") as show:

        def on_event(event: events.Event) -> None:
            if isinstance(event, events.Warned):
                call.warn(event.text)
            if not isinstance(event, events.Progress) or event.loss is None:
                return
            (first if len(first) < _AVERAGED else losses).append(event.loss)
            if show is not None:
                show(Progress(event.step, event.total))
            elif event.step % _SAID_EVERY == 0:
                call.say(
                    f"   step {event.step} of {event.total}, loss {event.loss:.3f}, "
                    f"{event.remaining or 0:.0f} s left"
                )

        process.run(laid, on_event)
    taken = time.monotonic() - began
    last = losses[-_AVERAGED:]
    if first and last:
        call.say(
            f"   Done in {taken:.0f} s. The loss went from {sum(first) / len(first):.3f} to "
            f"{sum(last) / len(last):.3f}: how far off it is when it takes noise away from a "
            "picture, and so lower is better."
        )
    return round(taken, 1)


_AVERAGED, _SAID_EVERY = 20, 20


def _sweep(call: Call, laid: Laid) -> Path:
    """The grid of weights beside the run; drawn anew each time, for it is soon done."""
    from ategnatos.commands.progress import progress
    from ategnatos.engines import Progress
    from ategnatos.grimoire.files import write_atomic
    from ategnatos.train import sweep

    call.say("6. Drawing the same prompts and seeds at six weights, one picture of all of them.")
    path = laid.place / "sweep.png"
    columns = [sweep.Column(*column) for column in COLUMNS]
    with progress(call, "weights") as show:
        raw = sweep.draw(
            laid.lora,
            columns,
            on_row=None if show is None else lambda done, of: show(Progress(done, of)),
        )
    write_atomic(path, raw)
    return path


def _use(lora: Path) -> Any:
    from ategnatos.art.inputs import parse_lora

    return parse_lora(f"{lora}:{WEIGHT}")


def _foretold(folder: Path, with_prior: bool) -> Answer:
    from ategnatos.studio.init import init_studio

    place = str(init_studio(folder, dry_run=True).project.root)
    prior = " with four prior pictures" if with_prior else ""
    return Answer(
        {"studio": place, "prior": with_prior, "dry_run": True},
        f"Nothing was written. A studio would stand in {place}, a LoRA of an owl would be trained "
        f"there from sixteen pictures{prior} (about a minute of two cores), and four pictures "
        "drawn with it.",
    )
