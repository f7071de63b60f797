"""The eye: every preference with its evidence as pictures; confirm it, or let it go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ategnatos.art.references import parse_candidate
from ategnatos.commands.eye.speaking import now, speaker
from ategnatos.eye import say
from ategnatos.eye.evidence import standing
from ategnatos.eye.exchange import conflicts_of
from ategnatos.eye.ledger import read
from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.web.answers import drawn, project_of, told, values_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.eye import Preference

EYE_ACT = ErrorCode("eye_act", "The page knows no such act upon a preference.")

_MOST_PICTURES = 12


def page(request: Request) -> Response:
    """The whole page, or with ``panel`` its inside alone."""
    template = "eye_panel.html" if "panel" in request.query_params else "eye.html"
    return drawn(request, template, said=None, **_facts(project_of(request)))


async def act(request: Request) -> Response:
    """Confirm, contradict or retire one preference; the page's inside comes back."""
    given = await values_of(request)
    project = project_of(request)
    try:
        said = await run_in_threadpool(carry_out, project, given)
    except StudioError as error:
        said = told(error)
    facts = await run_in_threadpool(_facts, project)
    return drawn(request, "eye_panel.html", said=said, **facts)


def carry_out(project: Project, given: dict[str, Any]) -> dict[str, str]:
    """What was done, in words. Raises StudioError (``eye_act``, ``eye_unknown``, ...)."""
    name, because = str(given.get("name") or ""), str(given.get("because") or "")
    what = str(given.get("act") or "")
    acts = {"confirm": say.confirm, "contradict": say.contradict, "retire": say.retire}
    if what not in acts:
        raise StudioError(
            EYE_ACT,
            f"{what!r} is nothing that can be done to a preference here; nothing was written.",
            hint="Choose confirm, contradict or retire.",
        )
    done = acts[what](project, name, speaker(""), now=now(), because=because)
    word = {"confirm": "Confirmed", "contradict": "Contradicted", "retire": "Retired"}[what]
    if done.event is None:
        return {"message": f"{name}: said already today; nothing new was written.", "hint": ""}
    return {"message": f"{word}: {done.preference.text}.", "hint": ""}


def _facts(project: Project) -> dict[str, Any]:
    document = documents.read(project, "eye")
    ledger = read(project, judging=False)
    active = [one for one in document.preferences if one.standing == "active"]
    categories = {*document.titles, *(one.category for one in active)}
    by_category = {
        document.titles.get(name, name): [one for one in active if one.category == name]
        for name in [*document.titles, *sorted(categories - set(document.titles))]
    }
    return {
        "categories": {name: some for name, some in by_category.items() if some},
        "gone": [one for one in document.preferences if one.standing != "active"],
        "earlier": [
            (f"old{n}", one) for n, one in enumerate(document.earlier, start=1) if not one.adopted
        ],
        "problems": standing(project, active),
        "conflicts": conflicts_of(ledger) if active else [],
        "pictures": _pictures(project, active),
    }


def _pictures(project: Project, shown: list[Preference]) -> dict[str, list[store.Candidate]]:
    """The pictures that bear each preference out, those of this studio, by its name."""
    found: dict[str, list[store.Candidate]] = {}
    if not database.exists(project):
        return found
    with database.connect(project) as db:
        for one in shown:
            names = [
                proof.candidate
                for proof in one.evidence
                if proof.kind == "verdict" and proof.candidate and not proof.via
            ]
            for name in dict.fromkeys(names[-_MOST_PICTURES:]):
                try:
                    picture = store.get_candidate(db, *parse_candidate(name))
                except StudioError:
                    # Evidence of a studio that was merged in: its pictures are not here.
                    continue
                if picture.cleaned_at is None:
                    found.setdefault(one.id, []).append(picture)
    return found
