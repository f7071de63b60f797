"""What ``--for`` means: an asset with a brief (``site/owl``, ``owl``), or a project's name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.commands.contract import Call
    from ategnatos.engines import Engine, Request
    from ategnatos.grimoire.jobs.assets import Asset
    from ategnatos.grimoire.project import Project

WHAT_FOR = "The asset it is for, like site/owl; or a project, whose taste counts."


@dataclass(frozen=True, slots=True)
class WantedFor:
    """The asset, where one is meant, and the project whose taste counts."""

    asset: Asset | None = None
    project_name: str = ""

    @property
    def facts(self) -> dict[str, Any] | None:
        """The asset for a machine."""
        if self.asset is None:
            return None
        return {"asset": self.asset.full_name, "brief": self.asset.brief}


def wanted_for(call: Call, project: Project, text: str) -> WantedFor:
    """What ``text`` names. An asset counts before a project of the same name.

    Raises StudioError (``brief_unknown``) for what is neither, nor a project of the eye.
    """
    if not text.strip():
        return WantedFor()
    from ategnatos.art import briefs
    from ategnatos.grimoire.jobs import assets, database

    name = text.strip()
    if database.exists(project):
        with database.connect(project) as db:
            if briefs.look(db, name):
                asset = briefs.find(db, name)
                return WantedFor(asset, asset.project)
            if assets.has_project(db, name) or _in_the_eye(project, name):
                return WantedFor(None, name)
            raise briefs.unknown(db, name)
    if _in_the_eye(project, name):
        return WantedFor(None, name)
    raise briefs.unknown(None, name)


def with_brief(call: Call, engine: Engine, request: Request, wanted: WantedFor) -> Request:
    """``request`` with what its brief says and the command line left open: words and size.

    A workflow of one's own and a picture to start from keep their size.
    """
    if wanted.asset is None:
        return request
    from ategnatos.art import briefs
    from ategnatos.art.dimensions import size_for

    brief = wanted.asset.brief
    if request.workflow is None and not request.prompt.strip():
        request = replace(request, prompt=brief["subject"])
    if not any((request.width, request.height, request.init_image, request.workflow)):
        chosen = size_for(brief, engine.capabilities(), _sizes(request.family))
        if chosen is not None:
            request = replace(request, width=chosen.width, height=chosen.height)
            if chosen.note:
                call.warn(chosen.note)
    rules = briefs.rules(brief)
    if rules:
        call.warn(f"The brief of {wanted.asset.full_name} asks: {'; '.join(rules)}.")
    return request


def _sizes(family: str | None) -> Any:
    from ategnatos.knowledge.feedback import STARTER_FAMILY

    if family is None or family == STARTER_FAMILY:
        return None
    from ategnatos.knowledge import families

    return families.find(family).sizes


def _in_the_eye(project: Project, name: str) -> bool:
    from ategnatos.eye.leans import leans

    return any(one.scope == f"project:{name}" for one in leans(project)[0])


def candidate_named(
    call: Call, project: Project, text: str, wanted: WantedFor | None = None
) -> tuple[int, int]:
    """Job and number of the candidate that ``text`` names (``j1#2``, ``v3``, ``owl/v3#2``).

    What was chosen for the person is said. Raises StudioError (``reference``,
    ``version_unknown``, ``brief_unknown``, ``job_unknown``).
    """
    from ategnatos.art import naming
    from ategnatos.art.references import parse_candidate
    from ategnatos.grimoire.jobs import database

    if not naming.names_version(text):
        return parse_candidate(text)
    asset = "" if wanted is None or wanted.asset is None else wanted.asset.full_name
    with database.connect(project) as db:
        one, note = naming.candidate(db, text, asset)
    if note:
        call.warn(note)
    return one.job, one.number


def asset_of(call: Call, project: Project, job_id: int, text: str) -> WantedFor:
    """The asset that a variation of ``job_id`` belongs to: the one that was named, else the only
    one that the job was made for.
    """
    from ategnatos.art import naming
    from ategnatos.grimoire.jobs import assets, database

    with database.connect(project) as db:
        if naming.names_version(text):
            found = naming.named(db, text).asset
            assert found is not None
            return WantedFor(found, found.project)
        versions = assets.versions_of_jobs(db, [job_id]).get(job_id, [])
        owners = [assets.get(db, one.asset) for one in versions]
    if len(owners) == 1:
        return WantedFor(owners[0], owners[0].project)
    if owners:
        names = ", ".join(one.full_name for one in owners)
        call.warn(f"j{job_id} was made for {names}: this is a version of none. Say --for NAME.")
    return WantedFor()


def named(call: Call, text: str) -> tuple[int, int]:
    """Job and number of exactly one candidate, for a verdict or an export: nothing is chosen for
    the person. ``j1#2``, ``site/owl/v3#2``, or a version of one picture only.

    Raises StudioError (``reference``, and those of :func:`candidate_named`).
    """
    from ategnatos.art import naming
    from ategnatos.art.references import parse_candidate
    from ategnatos.grimoire.jobs import database

    if not naming.names_version(text):
        return parse_candidate(text)
    with database.connect(call.project()) as db:
        one = naming.exactly(db, text)
    return one.job, one.number
