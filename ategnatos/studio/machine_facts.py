"""Keep what the machine is, so that status can show it without waking a driver each time."""

from __future__ import annotations

from ategnatos.grimoire import documents
from ategnatos.grimoire.project import Project
from ategnatos.studio.gpu import Found


def remember(project: Project, found: Found) -> bool:
    """Write the GPU into the studio document where that is news; True if it was written.

    What a person wrote there themselves stays: the field ``detected`` tells the two apart.
    Raises StudioError as :func:`ategnatos.grimoire.documents.edit`.
    """
    from ategnatos.grimoire.schemas.base import extra_fields

    title = found.title()
    cuda = found.gpus[0].cuda if found.gpus else ""
    environment = documents.read(project, "studio").environment
    before = extra_fields(environment).get("detected", "")
    theirs = environment.primary not in {"", before}
    known = theirs or (environment.primary, environment.cuda) == (title, cuda)
    if before == title and known:
        return False
    with documents.edit(project, "studio") as studio:
        studio.environment.detected = title
        if not theirs:
            studio.environment.primary = title
            studio.environment.cuda = cuda
    return True
