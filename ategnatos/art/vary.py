"""Change one thing about a candidate and keep the rest: seed, settings, and the picture itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.prompts.change import change_prompt

if TYPE_CHECKING:
    from ategnatos.art.moves import SettingChange
    from ategnatos.engines import Engine, Request
    from ategnatos.grimoire.project import Project
    from ategnatos.knowledge.feedback import Meaning
    from ategnatos.prompts.change import Changed, Unknown, Vocabulary
    from ategnatos.prompts.diff import Difference
    from ategnatos.prompts.wishes import Ways

NO_DIFFERENCE = ErrorCode("no_difference", "The change would give the same request again.")
_OTHER_WORDS = (
    "Say it in other words ('ategnatos art wishes' lists what is understood, 'ategnatos knowledge "
    "words' the starter model's), or take other pictures of the same prompt with 'ategnatos art "
    "generate ... --again'."
)
INPUT_GONE = ErrorCode("input_gone", "A picture or LoRA that the job was made from is gone.")


@dataclass(frozen=True, slots=True)
class Variation:
    """A request that differs from its parent by a wish; ``edits`` say how, for people.

    ``words`` and ``negative_words`` are the exact difference of the prompts, ``settings`` that
    of everything else. ``warnings`` name what else differs, where the parent cannot be followed
    exactly, and what of the wish was not understood.
    """

    request: Request
    seed: int
    engine: str
    parent: str
    edits: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    words: tuple[Difference, ...] = ()
    negative_words: tuple[Difference, ...] = ()
    settings: tuple[SettingChange, ...] = ()
    unknown: tuple[Unknown, ...] = ()


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
    feedback: Meaning,
    vocabulary: Vocabulary,
    ways: Ways | None = None,
    mask: bytes | None = None,
    or_seed: bool = False,
) -> Variation:
    """The request for ``candidate`` with ``wish`` applied to its prompt and settings.

    ``strength`` (0 to 1) starts from the candidate's picture and says how much of it may
    change; None starts from the same noise instead. ``mask`` (a picture of its size) starts from
    it too, and keeps what it does not mark; a strength of None is then the engine's. With
    ``or_seed`` the same noise will do, and is said, where the engine cannot start from a picture
    with this model. ``ways`` is what the model takes; without,
    keywords with neither weights nor a negative. Everything that the wish does not name is the
    parent's: seed, model, settings. Raises StudioError (``no_difference``, ``input_gone``,
    ``bytes_changed``, ``file_gone``).
    """
    from ategnatos.art.moves import carry, differing
    from ategnatos.art.verdicts import verify_bytes
    from ategnatos.engines import ENGINE_CANNOT
    from ategnatos.prompts.diff import word_diff
    from ategnatos.prompts.tree import Notation

    changed = _changed(job, wish, feedback, vocabulary, ways)
    request = from_noise = replace(
        request_of(project, job),
        prompt=changed.prompt,
        negative=changed.negative,
        seed=candidate.seed,
        count=count,
    )
    if strength is not None or mask is not None:
        verify_bytes(project, candidate)
        picture = (project.root / candidate.path).read_bytes()
        request = replace(request, init_image=picture, strength=strength)
    if mask is not None:
        request = replace(request, mask=mask)
    try:
        request, planned, warnings, other_model = _planned(engine, request, job)
    except StudioError as error:
        if not or_seed or request is from_noise or error.code is not ENGINE_CANNOT:
            raise
        request, planned, warnings, other_model = _from_noise(engine, from_noise, job, error)
    carried = carry(engine, request, planned, changed.moves)
    edits = (*changed.edits, *carried.notes)
    said = tuple(map(_not_understood, changed.unknown))
    same_words = planned.prompt == job.request["prompt"]
    if same_words and planned.negative == job.request["negative"] and not carried.moved:
        near = [phrase for unknown in changed.unknown for phrase in unknown.near]
        raise StudioError(
            NO_DIFFERENCE,
            f"{wish!r} changes nothing in {job.asked!r}; nothing was made. "
            + " ".join((*(f"{edit}." for edit in edits), *said, *warnings)),
            hint=(f"Try --change {near[0]!r}." if near else _OTHER_WORDS),
            prompt=job.asked,
            edits=list(edits),
            near=near,
        )
    notation = Notation.PROSE if ways is None else ways.notation
    return Variation(
        carried.request,
        candidate.seed,
        job.engine,
        candidate.reference,
        edits,
        (*other_model, *said),
        tuple(word_diff(job.asked, changed.prompt, notation)),
        tuple(word_diff(job.request["negative"], changed.negative, notation)),
        differing(job.request, carried.planned),
        tuple(changed.unknown),
    )


def _changed(
    job: store.Job, wish: str, feedback: Meaning, vocabulary: Vocabulary, ways: Ways | None
) -> Changed:
    from ategnatos.prompts import wishes
    from ategnatos.prompts.tree import Notation

    negative = job.request["negative"]
    if feedback.style == "words":
        return change_prompt(
            job.asked, wish, feedback=feedback, vocabulary=vocabulary, negative=negative
        )
    ways = ways or wishes.Ways(Notation.PROSE, weights=False, negative=False)
    return wishes.apply_wish(job.asked, wish, negative=negative, meaning=feedback, ways=ways)


def _not_understood(unknown: Unknown) -> str:
    near = f" Near: {', '.join(unknown.near)}." if unknown.near else ""
    if unknown.used:
        return f"{unknown.said!r} is no phrase of the feedback table; its words were added.{near}"
    return f"{unknown.said!r} is no phrase of the feedback table; nothing was done about it.{near}"


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


def _from_noise(
    engine: Engine, request: Request, job: store.Job, refused: StudioError
) -> tuple[Request, Request, tuple[str, ...], tuple[str, ...]]:
    """As :func:`_planned`, where ``refused`` is why the picture is no start. Raises ``refused``
    where that does not mend it.
    """
    try:
        request, planned, warnings, said = _planned(engine, request, job)
    except StudioError:
        raise refused from None
    why = refused.message.partition(";")[0].splitlines()[0]
    said = (f"{why}: this starts from the same seed instead of the picture.", *said)
    return request, planned, warnings, said


def request_of(project: Project, job: store.Job) -> Request:
    """The request that made ``job``, read back from its record. Raises (``input_gone``)."""
    return request_from(project, job.request, job.name)


def request_from(project: Project, facts: dict[str, Any], job: str) -> Request:
    """A request out of its canonical form; ``job`` is whose it is, for a refusal. Raises
    (``input_gone``).
    """
    from ategnatos.art.inputs import find_input
    from ategnatos.engines import LoraUse, Request

    for lora in facts["loras"]:
        if not Path(lora["path"]).is_file():
            raise StudioError(
                INPUT_GONE,
                f"The LoRA {lora['name']!r} of {job} is no longer at {lora['path']}; "
                "nothing was made.",
                hint="Put it back there, or generate anew with --lora FILE.",
                job=job,
            )
    workflow = find_input(project, facts.get("workflow"), job)
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
        init_image=find_input(project, facts["init"], job),
        strength=facts["strength"],
        mask=find_input(project, facts["mask"], job),
        loras=tuple(LoraUse(**lora) for lora in facts["loras"]),
        family=facts.get("family"),
        scheduler=facts.get("scheduler"),
        control_image=find_input(project, facts.get("control"), job),
        control_type=facts.get("control_type"),
        control_strength=facts.get("control_strength"),
        workflow=None if workflow is None else workflow.decode(),
    )
