"""The word of a person: names revealed, votes counted, one checkpoint at one weight signed for.

Revealing is an event of its own (``train.revealed``), after which no vote is blind any more. The
verdict goes through the human gate, bound to the hashes of the LoRA file, of what was asked and of
every picture; what does not hold there is no verdict.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.evaluation import record

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation.record import Contender, Evaluation
    from ategnatos.train.evaluation.votes import Ranking

VERDICT_MISSING = ErrorCode("lora_verdict_missing", "No person has chosen a winner that holds.")
VERDICT_WINNER = ErrorCode("lora_verdict_winner", "The winner that was named is none of them.")

REVEALED = "train.revealed"
GATE = "train.verdict"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A person's choice. ``event`` is its id in the journal; ``best`` the weight to use it at.

    ``low`` and ``high`` are the weights between which it may be used. ``pictures_sha256`` covers
    the pictures (:func:`record.pictures_digest`); "" where it was signed before they were covered.
    """

    plan: str
    evaluation: int
    evaluation_digest: str
    checkpoint: str
    sha256: str
    best: float
    low: float
    high: float
    votes: int
    signed: bool
    approver: str
    at: str
    event: str
    reason: str | None
    pictures_sha256: str = ""

    @property
    def covers(self) -> str:
        """What the signature holds fast, in words."""
        if self.pictures_sha256:
            return "It covers the LoRA's file, what was asked and every picture."
        return (
            "It was given before pictures were covered: it covers the LoRA's file and what was"
            " asked, and no picture."
        )


def revealed(project: Project, evaluation: Evaluation) -> bool:
    """Whether somebody has seen which is which."""
    return any(
        event.references.get("digest") == evaluation.digest
        for event in journal.read(project, (REVEALED,))
    )


def reveal(project: Project, evaluation: Evaluation, *, actor: str, now: datetime) -> Ranking:
    """Say which is which, once and for all, and what the votes say."""
    from ategnatos.train.evaluation import votes

    if not revealed(project, evaluation):
        journal.append(
            project,
            REVEALED,
            actor=actor,
            references={
                "plan": evaluation.plan,
                "evaluation": evaluation.number,
                "digest": evaluation.digest,
            },
            data={"votes": len(votes.cast_votes(project, evaluation))},
            now=now,
        )
    return votes.ranking(project, evaluation)


def weight_range(evaluation: Evaluation, checkpoint: str, best: float) -> tuple[float, float]:
    """The weights next to ``best`` that were looked at: between them it was seen."""
    weights = sorted(one for one in evaluation.weights if one > 0)
    place = weights.index(best)
    return weights[max(0, place - 1)], weights[min(len(weights) - 1, place + 1)]


def decide(
    project: Project,
    evaluation: Evaluation,
    winner: str,
    *,
    now: datetime,
    reason: str | None = None,
) -> Verdict:
    """Have a person sign that ``winner`` (a contender's name) is the one.

    Raises StudioError (``lora_verdict_winner``, ``evaluation_picture`` where one is not what was
    looked at, and as :func:`ategnatos.guard.gate.agreement.authorise`).
    """
    from ategnatos.guard.gate.agreement import authorise
    from ategnatos.train.evaluation import pairs, votes

    chosen = contender(evaluation, winner)
    pairs.intact(evaluation)
    pictures = record.pictures_digest(evaluation)
    ranked = votes.ranking(project, evaluation)
    file = next(one for one in evaluation.checkpoints if one.name == chosen.checkpoint)
    low, high = weight_range(evaluation, chosen.checkpoint, chosen.weight)
    subject: dict[str, str | int | bool | None] = {
        "plan": evaluation.plan,
        "evaluation": evaluation.number,
        "evaluation_digest": evaluation.digest,
        "checkpoint": chosen.checkpoint,
        "lora_sha256": file.sha256,
        "pictures_sha256": pictures,
        "weight": f"{chosen.weight:g}",
        "weight_low": f"{low:g}",
        "weight_high": f"{high:g}",
        "votes": ranked.votes,
        "voters": ", ".join(ranked.voters),
    }
    lines = [
        f"{evaluation.name}: {chosen.checkpoint} at weight {chosen.weight:g}",
        f"  file   {file.path}",
        f"  hash   {file.sha256}",
        f"  seen   {len({one.key for one in evaluation.cells})} pictures, together {pictures}",
        f"  votes  {ranked.votes} by {', '.join(ranked.voters) or 'nobody'}",
        *(f"  {said}" for said in ranked.said),
        f"  to be used at {low:g} to {high:g}",
        "With your agreement it may be registered under the studio's name.",
    ]
    redo = shlex.join(["ategnatos", "train", "verdict", evaluation.name, "--winner", chosen.name])
    authorise(project, GATE, subject, lines=lines, redo=redo, now=now, reason=reason)
    found = standing(project, evaluation.plan, evaluation)
    assert found is not None
    return found


def standing(project: Project, plan: str, evaluation: Evaluation | None = None) -> Verdict | None:
    """The newest verdict on a plan (or on one evaluation) that the gate upholds.

    Raises StudioError as :func:`ategnatos.guard.gate.agreement.authorisations`.
    """
    from ategnatos.guard.gate.agreement import authorisations

    for one in reversed(authorisations(project, GATE)):
        said: dict[str, Any] = one.subject
        if said.get("plan") != plan:
            continue
        if evaluation is not None and said.get("evaluation_digest") != evaluation.digest:
            continue
        return Verdict(
            plan,
            int(said["evaluation"]),
            str(said["evaluation_digest"]),
            str(said["checkpoint"]),
            str(said["lora_sha256"]),
            float(said["weight"]),
            float(said["weight_low"]),
            float(said["weight_high"]),
            int(said["votes"]),
            one.signed,
            one.approver,
            one.time,
            one.event,
            one.reason,
            str(said.get("pictures_sha256", "")),
        )
    return None


def contender(evaluation: Evaluation, said: str) -> Contender:
    """The contender of that name; ``120@0.9`` is step 120 at 0.9. Raises StudioError
    (``lora_verdict_winner``).
    """
    steps = {one.name: one.step for one in evaluation.checkpoints}
    for one in evaluation.contenders:
        if said in (one.name, f"{steps[one.checkpoint]}@{one.weight:g}"):
            return one
    known = [one.name for one in evaluation.contenders]
    raise StudioError(
        VERDICT_WINNER,
        f"{said[:80]!r} is none of the contenders of {evaluation.name}; nothing was recorded.",
        hint=f"They are: {', '.join(known)}.",
        known=known,
    )


def require(project: Project, name: str) -> tuple[Verdict, Evaluation]:
    """The newest verdict on a plan, or that on one evaluation (``owl/2``), with its evaluation.

    Raises StudioError (``lora_verdict_missing``, ``evaluation_unknown``).
    """
    plan, slash, _ = name.partition("/")
    found = standing(project, plan, record.load(project, name) if slash else None)
    if found is None:
        raise StudioError(
            VERDICT_MISSING,
            f"No person has chosen a winner of {name!r}; nothing was registered.",
            hint=f"A person runs, in their own terminal: ategnatos train verdict {name}",
            plan=plan,
        )
    return found, record.load(project, plan, found.evaluation)
