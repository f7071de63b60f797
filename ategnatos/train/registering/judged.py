"""What a person chose, held to what they signed for, and the rights of what it was trained on.

The signature covers the LoRA's file, what was asked and every picture; each is looked at anew, on
the disk as it is now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.dataset import record as datasets
from ategnatos.train.dataset import rights
from ategnatos.train.evaluation import choosing, pairs, planning, record, verdict
from ategnatos.train.plan import laying, store
from ategnatos.train.run import record as runs

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.policy import Policy
    from ategnatos.train.dataset.version import Version
    from ategnatos.train.evaluation.record import Checkpoint, Evaluation
    from ategnatos.train.evaluation.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Chosen:
    """``file`` is the checkpoint that was chosen, ``source`` where it lies. ``rights`` are those of
    all it was trained on, empty where that is not known.
    """

    decided: Verdict
    evaluation: Evaluation
    file: Checkpoint
    source: Path
    rights: dict[str, Any]


def find(project: Project, name: str, policy: Policy) -> Chosen:
    """The newest verdict on a plan (or on ``owl/2``), with all that it speaks of.

    Raises StudioError: ``lora_verdict_missing``, ``evaluation_files`` (gone, or other bytes),
    ``evaluation_picture``, ``plan_dataset``, ``training_refused``, ``rights_unknown``.
    """
    decided, evaluation = verdict.require(project, name)
    file = next((one for one in evaluation.checkpoints if one.sha256 == decided.sha256), None)
    if file is None or not _as_judged(decided, evaluation):
        raise StudioError(
            verdict.VERDICT_MISSING,
            f"The evaluation {evaluation.name} is not the one that was judged; nothing was"
            " registered.",
            hint=f"Judge it: ategnatos train verdict {evaluation.name}",
            evaluation=evaluation.name,
        )
    pairs.intact(evaluation)
    source = choosing.file_of(project, file)
    known: dict[str, Any] = {}
    if evaluation.dataset:
        version = trained_on(project, evaluation)
        rights.require(version, policy)
        known = rights.inherited(version, policy)
    return Chosen(decided, evaluation, file, source, known)


def _as_judged(decided: Verdict, evaluation: Evaluation) -> bool:
    """Whether the record, as it is now, says what was signed: the question and the pictures.

    Verdicts from before pictures were covered say nothing of them.
    """
    question = planning.digest_again(evaluation) == decided.evaluation_digest
    pictures = decided.pictures_sha256
    return question and pictures in ("", record.pictures_digest(evaluation))


def trained_on(project: Project, evaluation: Evaluation) -> Version:
    """The pictures that it was trained on, prior pictures among them: all of them count.

    Raises StudioError (``plan_dataset``, ``dataset_unknown``, ``dataset_damaged``).
    """
    version = datasets.load(project, evaluation.dataset, evaluation.dataset_version)
    if version.digest() != evaluation.dataset_digest:
        raise StudioError(
            laying.PLAN_DATASET,
            f"Version {version.number} of {version.dataset!r} is not what {evaluation.name} was"
            " trained on; nothing was registered.",
            hint=f"ategnatos train dataset show {version.dataset}",
            dataset=version.dataset,
        )
    # As it was trained, whatever later versions of the plan say.
    number = runs.load(project, evaluation.run).number if evaluation.run else None
    try:
        trained = store.load(project, evaluation.plan, number).plan
    except StudioError as error:
        if error.code is not store.PLAN_UNKNOWN:
            raise
        return version
    more = laying.prior_of(project, trained)
    if more is None:
        return version
    return replace(version, pictures=(*version.pictures, *more.pictures))
