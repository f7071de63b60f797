"""Change one thing about a candidate and keep the rest: seed, settings, and the picture itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.prompts.change import change_prompt

if TYPE_CHECKING:
    from ategnatos.engines import Engine, Request
    from ategnatos.grimoire.project import Project
    from ategnatos.prompts.change import Vocabulary

NO_DIFFERENCE = ErrorCode("no_difference", "The change would give the same request again.")
INPUT_GONE = ErrorCode("input_gone", "A picture or LoRA that the job was made from is gone.")


@dataclass(frozen=True, slots=True)
class Variation:
    """A request that differs from its parent in the prompt; ``edits`` say how, for people.

    ``warnings`` name what else differs, where the parent cannot be followed exactly.
    """

    request: Request
    seed: int
    engine: str
    parent: str
    edits: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def parent_of(project: Project, job_id: int, number: int) -> tuple[store.Job, store.Candidate]:
    """The job and candidate that a variation starts from. Raises StudioError (``job_unknown``)."""
    with database.connect(project) as db:
        candidate = store.get_candidate(db, job_id, number)
        return store.get(db, job_id), candidate


def vary(
    project: Project,
    engine: Engine,
    job: store.Job,
    candidate: store.Candidate,
    wish: str,
    *,
    strength: float | None,
    count: int,
    feedback: dict[str, Any],
    vocabulary: Vocabulary,
) -> Variation:
    """The request for ``candidate`` with ``wish`` applied to its prompt.

    ``strength`` (0 to 1) starts from the candidate's picture and says how much of it may
    change; None starts from the same noise instead. Raises StudioError (``no_difference``,
    ``input_gone``, ``bytes_changed``, ``file_gone``).
    """
    from ategnatos.art.verdicts import verify_bytes

    changed = change_prompt(job.asked, wish, feedback=feedback, vocabulary=vocabulary)
    request = replace(
        request_of(project, job), prompt=changed.prompt, seed=candidate.seed, count=count
    )
    if strength is not None:
        verify_bytes(project, candidate)
        request = replace(
            request, init_image=(project.root / candidate.path).read_bytes(), strength=strength
        )
    request, planned, warnings, other_model = _planned(engine, request, job)
    if planned.prompt == job.request["prompt"]:
        raise StudioError(
            NO_DIFFERENCE,
            f"{wish!r} changes nothing in {job.asked!r}; nothing was made. "
            + " ".join((*(f"{edit}." for edit in changed.edits), *warnings)),
            hint="Say it in words that the engine knows ('ategnatos knowledge words'), or take "
            "other pictures of the same prompt with 'ategnatos art generate ... --again'.",
            prompt=job.asked,
            edits=changed.edits,
        )
    return Variation(
        request, candidate.seed, job.engine, candidate.reference, tuple(changed.edits), other_model
    )


def _planned(
    engine: Engine, request: Request, job: store.Job
) -> tuple[Request, Request, tuple[str, ...], tuple[str, ...]]:
    """The request, as planned, its warnings, and what to say if the model is another one.

    A model can be gone: a newer program ships newer weights. Refusing would strand every older
    picture, so the engine's present model is taken, and said.
    """
    from ategnatos.engines import ENGINE_CANNOT

    try:
        return request, *engine.plan(request), ()
    except StudioError as error:
        if error.code is not ENGINE_CANNOT or request.model is None:
            raise
        freed = replace(request, model=None)
        try:
            planned, warnings = engine.plan(freed)
        except StudioError:
            raise error from None  # the model was not the reason
    said = (
        f"{job.name} was made by {request.model}, which the engine {engine.name!r} no longer has; "
        f"this uses {planned.model}, so more than your change may differ.",
    )
    return freed, planned, warnings, said


def request_of(project: Project, job: store.Job) -> Request:
    """The request that made ``job``, read back from its record. Raises (``input_gone``)."""
    from ategnatos.art.inputs import find_input
    from ategnatos.engines import LoraUse, Request

    facts = job.request
    for lora in facts["loras"]:
        if not Path(lora["path"]).is_file():
            raise StudioError(
                INPUT_GONE,
                f"The LoRA {lora['name']!r} of {job.name} is no longer at {lora['path']}; "
                "nothing was made.",
                hint="Put it back there, or generate anew with --lora FILE.",
                job=job.name,
            )
    return Request(
        prompt=facts["prompt"],
        negative=facts["negative"],
        model=facts["model"],
        seed=facts["seed"],
        count=facts["count"],
        width=facts["width"],
        height=facts["height"],
        steps=facts["steps"],
        cfg=facts["cfg"],
        sampler=facts["sampler"],
        init_image=find_input(project, facts["init"], job.name),
        strength=facts["strength"],
        mask=find_input(project, facts["mask"], job.name),
        loras=tuple(LoraUse(**lora) for lora in facts["loras"]),
    )
