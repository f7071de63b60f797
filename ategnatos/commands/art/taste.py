"""What the eye adds to an order: the two rooms meet here, at the front door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.commands.contract import Call
    from ategnatos.engines import Engine, Request
    from ategnatos.eye.acting import Lean, Situation
    from ategnatos.grimoire.project import Project
    from ategnatos.prompts.build import Preference
    from ategnatos.prompts.manner import Manner


@dataclass(frozen=True, slots=True)
class Tasted:
    """A request as the eye would have it. ``kept`` is what the record keeps of that, None where
    the eye had nothing to do with it; ``words`` tell a person.
    """

    request: Request
    kept: dict[str, Any] | None = None
    words: tuple[str, ...] = ()


def with_taste(
    call: Call,
    project: Project,
    engine: Engine,
    request: Request,
    *,
    left_out: bool,
    project_name: str = "",
) -> Tasted:
    """``request`` with the words of the person's taste; unchanged where the eye is empty.

    A workflow of one's own is only held against what must never be: who knows what its texts
    are for. Raises StudioError (``eye_never``) unless ``left_out``.
    """
    leans = _leans(call, project)
    if not leans:
        return Tasted(request)
    if left_out:
        return Tasted(request, {"left_out": True}, ("The eye was left out (--no-eye).",))
    from ategnatos.eye import acting

    manner, situation = _asked(engine, request, project_name)
    if request.workflow is not None or not request.prompt.strip():
        here = [one for one in leans if acting.applies(one, situation, request.prompt)]
        acting.refuse_never(here, manner, request.prompt)
        return Tasted(request)
    acted = acting.act(leans, manner, request.prompt, request.negative, situation)
    if not acted.applied:
        return Tasted(request)
    kept = {"asked": request.prompt, "negative": request.negative, "added": acted.facts()}
    words = tuple(
        f"The eye added to the {one.where}: {one.written}  because of {one.why}"
        for one in acted.applied
    )
    return Tasted(replace(request, prompt=acted.prompt, negative=acted.negative), kept, words)


def refuse_never(
    call: Call, project: Project, engine: Engine, request: Request, *, left_out: bool
) -> None:
    """Hold a varied prompt against what must never be; nothing is added to it, so that a
    variation changes the one thing that was asked. Raises StudioError (``eye_never``).
    """
    leans = [] if left_out else _leans(call, project)
    if leans:
        from ategnatos.eye import acting

        manner, situation = _asked(engine, request, "")
        here = [one for one in leans if acting.applies(one, situation, request.prompt)]
        acting.refuse_never(here, manner, request.prompt)


def preferences_for(
    call: Call, manner: Manner, family: str, words: str, negative: str, project_name: str = ""
) -> list[Preference]:
    """The terms that the eye would add to ``words``, for a prompt that is built from its parts.

    Outside a studio there is no taste. Raises StudioError (``eye_never``).
    """
    leans = _anywhere(call)
    if not leans:
        return []
    from ategnatos.eye import acting
    from ategnatos.prompts.build import Preference

    acted = acting.act(leans, manner, words, negative, _situation(family, project_name))
    return [Preference(one.words, one.polarity, one.why) for one in acted.applied]


def forbidden_words(call: Call, family: str, prompt: str) -> tuple[str, ...]:
    """What must never be in a prompt for this family, as terms; nothing outside a studio."""
    leans = _anywhere(call)
    if not leans:
        return ()
    from ategnatos.eye import acting
    from ategnatos.eye.wording import wording
    from ategnatos.knowledge.taste import knowledge

    here = [
        one
        for one in leans
        if one.polarity == "never" and acting.applies(one, _situation(family, ""), prompt)
    ]
    return tuple(term for one in here for term in wording(one.text, one.words, knowledge()).terms)


def _anywhere(call: Call) -> list[Lean]:
    from ategnatos.grimoire.errors import StudioError
    from ategnatos.grimoire.project import NO_PROJECT

    try:
        project = call.project()
    except StudioError as error:
        if error.code is NO_PROJECT:
            return []
        raise
    return _leans(call, project)


def _situation(family: str, project_name: str) -> Situation:
    from ategnatos.eye.acting import Situation
    from ategnatos.knowledge import families as known
    from ategnatos.knowledge.feedback import STARTER_FAMILY

    name = family if family == STARTER_FAMILY else known.find(family).key
    return Situation(name, project_name)


def _leans(call: Call, project: Project) -> list[Lean]:
    from ategnatos.eye.leans import leans

    found, problems = leans(project)
    for name, problem in problems.items():
        call.warn(f"Your preference {name} does not act: {problem}.")
    return found


def _asked(engine: Engine, request: Request, project_name: str) -> tuple[Manner, Situation]:
    from ategnatos.art.manners import manner_of
    from ategnatos.eye.acting import Situation
    from ategnatos.knowledge.feedback import STARTER_FAMILY

    families = engine.capabilities().families
    manner = manner_of(families, request.family, negative=bool(request.negative))
    starter = request.family == STARTER_FAMILY or (
        request.family is None and STARTER_FAMILY in families
    )
    if starter:
        return manner, Situation(STARTER_FAMILY, project_name)
    if request.family is None:
        return manner, Situation("", project_name)
    return manner, _situation(request.family, project_name)
