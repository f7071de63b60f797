"""Pictures that must stay on one side of a split: duplicates, look-alikes, frames of one series."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.duplicates.groups import Group
    from ategnatos.train.dataset.version import Version


def groups(project: Project, version: Version) -> list[tuple[str, ...]]:
    """Names of pictures that belong together, found by looking at them.

    A picture that cannot be decoded is in no group. Raises StudioError (``write_failed``,
    ``disk_full``).
    """
    return [one.files for one in found(project, version)]


def found(project: Project, version: Version) -> list[Group]:
    """The groups with their kind and the best of each; raises as :func:`groups`."""
    from ategnatos.train.dataset.audit import passing
    from ategnatos.train.dataset.duplicates.groups import Item, compare

    looks = passing.looks(project, version, full=False).looks
    items = [
        Item(
            one.name,
            one.sha256,
            one.size,
            str(looks[one.name].facts.get("format", "")).lower(),
            print_,
            one.split,
        )
        for one in version.pictures
        if (print_ := looks[one.name].fingerprint) is not None
    ]
    # Whether look-alikes have equal pixels changes their kind, not who belongs together.
    return compare(items, lambda _one, _other: False).groups
