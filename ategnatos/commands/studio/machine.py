"""What a command about this machine may take from the studio it is called in, if it is in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.commands.contract import Call
    from ategnatos.grimoire.project import Project
    from ategnatos.studio.comfyui.installs import Installation


def project_or_none(call: Call) -> Project | None:
    """The studio, where this is called in one: a server belongs to the machine, not to a studio.

    A studio that was named and is none is refused all the same.
    """
    import os

    from ategnatos.grimoire.errors import StudioError
    from ategnatos.grimoire.project import NO_PROJECT

    try:
        return call.project()
    except StudioError as error:
        named = call.project_option is not None or os.environ.get("ATEGNATOS_PROJECT")
        if error.code is not NO_PROJECT or named:
            raise
        return None


def installation_or_none(call: Call) -> Installation | None:
    """The ComfyUI of this machine, where one is found."""
    from ategnatos.studio.comfyui import detect, installs

    project = project_or_none(call)
    found = installs.find(
        remembered=detect.remembered(project), beside=project.root if project else None
    )
    return found[0] if found else None
