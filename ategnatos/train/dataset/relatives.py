"""Pictures that must stay on one side of a split: duplicates, look-alikes, frames of one series."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.duplicates.groups import Group
    from ategnatos.train.dataset.version import Version


def groups(project: Project, version: Version) -> list[tuple[str, ...]]:
    """Names of pictures that belong together, found by looking at them.

    Raises StudioError (``write_failed``, ``disk_full``).
    """
    return [one.files for one in found(project, version)]


def found(project: Project, version: Version) -> list[Group]:
    """The groups with their kind and the best of each; raises as :func:`groups`."""
    from ategnatos.train.dataset.duplicates.of_version import duplicates

    return duplicates(project, version)[0].groups
