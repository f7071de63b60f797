"""The duplicates of a version of a dataset: look at every picture, then compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter.threads import one_core_a_product
from ategnatos.train.dataset import store
from ategnatos.train.dataset.audit.opening import BadFileError, open_picture
from ategnatos.train.dataset.audit.passing import Progress, looks
from ategnatos.train.dataset.duplicates.fingerprint import over_white
from ategnatos.train.dataset.duplicates.groups import Compared, Item, compare

if TYPE_CHECKING:
    from PIL import Image

    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.audit.look import Look
    from ategnatos.train.dataset.version import Picture, Version


def duplicates(
    project: Project,
    version: Version,
    *,
    seen: Mapping[str, Look] | None = None,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[Compared, list[str]]:
    """Groups of one version, and the names of the pictures compared, in the order of the hashes.

    ``seen`` are looks taken before; default: what is kept, and a quick look at the rest.
    Pictures that cannot be decoded are compared by their bytes alone.
    """
    found = (
        seen
        if seen is not None
        else looks(project, version, full=False, workers=workers, progress=progress).looks
    )
    return among(
        version,
        found,
        lambda one: store.path_of(project, version.dataset, one.name, one.sha256),
    )


def among(
    version: Version, found: Mapping[str, Look], path_of: Callable[[Picture], Path]
) -> tuple[Compared, list[str]]:
    """:func:`duplicates` of pictures that were looked at; ``path_of`` says where a file lies."""
    items = []
    for picture in version.pictures:
        look = found[picture.name]
        if look.fingerprint is not None:
            items.append(
                Item(
                    name=picture.name,
                    sha256=picture.sha256,
                    size=picture.size,
                    format=look.facts["format"],
                    print=look.fingerprint,
                    split=picture.split,
                    bits=look.facts["bits"],
                )
            )
    pictures = version.by_name()

    # One picture is often held against several in turn.
    @lru_cache(maxsize=2)
    def pixels_of(name: str) -> Image.Image | None:
        try:
            return over_white(open_picture(path_of(pictures[name]).read_bytes()).image)
        except (BadFileError, OSError, StudioError):
            return None

    def same_pixels(one: str, other: str) -> bool:
        from PIL import ImageChops

        first, second = pixels_of(one), pixels_of(other)
        if first is None or second is None or first.size != second.size:
            return False
        return ImageChops.difference(first, second).getbbox() is None

    # BLAS's own threads wait by spinning: half the time of a small set went into that.
    with one_core_a_product():
        compared = compare(items, same_pixels)
    return compared, [one.name for one in items]
