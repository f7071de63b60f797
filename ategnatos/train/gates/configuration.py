"""Gate 2: a person has read the plan, and what the trainer does not do of it, and agrees.

The agreement is bound to the plan's digest, to the trainer and to its loss report: another value,
another trainer, or a trainer of whose translation more is lost, and it has to be read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.train.gates import NAMES, Gate

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.agreement import Authorisation
    from ategnatos.train.plan.store import Kept
    from ategnatos.trainers import Dataset, Translation

GATE = "train.configuration"


@dataclass(frozen=True, slots=True)
class Configuration:
    """A plan in a trainer's words, as far as no machine decides it."""

    kept: Kept
    trainer: str
    dataset: Dataset
    translation: Translation

    def subject(self) -> dict[str, Any]:
        """What a person agrees to, complete."""
        # What is lost, not how it is worded: a better sentence is nothing to agree to again.
        losses = [(one.field, one.kind, one.asked, one.gets) for one in self.translation.losses]
        return {
            "plan": self.kept.name,
            "number": self.kept.number,
            "digest": self.kept.digest,
            "trainer": self.trainer,
            "steps": self.translation.steps,
            "losses_sha256": sha256_bytes(canonical_json(losses)),
        }


def command(kept: Kept, trainer: str) -> str:
    """What opens it: a person runs it, at their own terminal."""
    return f"ategnatos train confirm {kept.name} --trainer {trainer}"


def translated(project: Project, kept: Kept, trainer: str) -> Configuration:
    """The plan in the trainer's words; nothing is written. Raises StudioError: what a trainer
    cannot do (``trainer_cannot``), and those of :func:`ategnatos.train.plan.laying.ready`.
    """
    from ategnatos.train.plan import choosing, laying
    from ategnatos.trainers import load_trainer

    chosen = load_trainer(trainer)
    choosing.check(chosen, kept.plan)
    place = project.workspace / "training" / kept.name / chosen.name
    ready = laying.ready(project, kept.plan, chosen.layout, place / "dataset")
    made = chosen.translate(kept.plan, ready.dataset, place)
    return Configuration(kept, chosen.name, ready.dataset, made)


def state(project: Project, kept: Kept, trainer: str) -> Gate:
    """Open where somebody agreed to exactly this. Raises StudioError as :func:`translated`, and
    ``gate_broken``, ``gate_unpinned`` where the agreements cannot be believed.
    """
    from ategnatos.guard.gate import agreement
    from ategnatos.train.plan import store

    how = command(kept, trainer)
    wanted = translated(project, kept, trainer).subject()
    mine = [
        one
        for one in agreement.authorisations(project, GATE)
        if (one.subject.get("plan"), one.subject.get("trainer")) == (kept.name, trainer)
    ]
    agreed = next((one for one in reversed(mine) if _same(one.subject, wanted)), None)
    if agreed is not None:
        facts = {"approver": agreed.approver, "signed": agreed.signed, **wanted}
        return Gate(2, NAMES[1], True, "", how, agreed.event, agreed.time, facts)
    why = f"no person has read the plan for {trainer} yet"
    if mine:
        last = mine[-1].subject
        why = (
            "the plan was changed after a person read it"
            + store.since(project, kept, str(last.get("digest")))
            if last.get("digest") != wanted["digest"]
            else f"what {trainer} does not do of the plan is not what the person read"
        )
    return Gate(2, NAMES[1], False, why, how)


def _same(subject: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """The number is no part of it: a plan that was set back is the same plan."""
    return all(subject.get(key) == value for key, value in wanted.items() if key != "number")


def confirm(
    project: Project, made: Configuration, *, reason: str | None, now: datetime
) -> Authorisation:
    """Have a person at a terminal read it and agree.

    Raises StudioError as :func:`ategnatos.guard.gate.agreement.authorise`.
    """
    from ategnatos.guard.gate import agreement

    return agreement.authorise(
        project,
        GATE,
        made.subject(),
        lines=list(lines(made)),
        redo=command(made.kept, made.trainer),
        now=now,
        reason=reason,
    )


def origin(because: str) -> str:
    """Where a value is from, without the reasons of a whole preset: those are in 'plan show'."""
    return because.partition(": ")[0]


def lines(made: Configuration) -> Iterator[str]:
    """What the person reads: every value with where it is from, every loss, every doubt."""
    from ategnatos.train.plan import doubts, fields

    kept, dataset = made.kept, made.dataset
    yield f"The plan {kept.name!r}, version {kept.number}, to be trained by {made.trainer}."
    base = kept.plan.model or "the one that the trainer takes by itself"
    yield f"The LoRA is for {kept.plan.family}; the base model is {base}."
    yield (
        f"It learns from {dataset.pictures} pictures of {dataset.name!r} (version"
        f" {dataset.version}) in {made.translation.steps:,} steps."
    )
    rows = list(fields.explain(kept))
    for group, title in fields.groups().items():
        yield ""
        yield f"{title}:"
        mine = [one for one in rows if one.group == group]
        for one in mine:
            if one.because:
                yield f"  {one.name}: {fields.shown(one.value)}   ({origin(one.because)})"
        usual = [f"{one.name} {fields.shown(one.value)}" for one in mine if not one.because]
        if usual:
            yield f"  as always: {', '.join(usual)}"
    yield ""
    if made.translation.losses:
        yield f"What {made.trainer} does NOT do as the plan says:"
        for loss in made.translation.losses:
            yield f"  {loss.field} ({loss.kind}): {loss.asked} -> {loss.gets}. {loss.why}."
    else:
        yield f"{made.trainer} does everything as the plan says."
    for text in (*dataset.warnings, *made.translation.notes):
        yield f"  Note: {text}"
    for text in doubts.of(kept.plan):
        yield f"  Look twice: {text}"
    yield ""
    yield f"What each value means: ategnatos train plan show {kept.name} --explain"
    yield "Your yes opens gate 2 for exactly this; any change of the plan closes it again."
