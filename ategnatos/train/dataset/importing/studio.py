"""The studio's own approved assets as a source, with their prompts as seeds of captions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import documents
from ategnatos.train.dataset import store
from ategnatos.train.dataset.importing.offers import Offer, Offers
from ategnatos.train.dataset.version import Rights

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project


def offers_of(project: Project, query: str) -> Offers:
    """The newest version of every approved asset that ``query`` names.

    Every word of ``query`` must stand in the asset's name, prompt, recipe or engine, whatever
    the capitals; "" is all of them. Raises StudioError as :func:`documents.read` does.
    """
    # One place whatever the query, so that an asset that two queries name comes in once.
    found = Offers("studio", "approved assets")
    newest: dict[str, Any] = {}
    for asset in documents.read(project, "assets").assets:
        if asset.name not in newest or newest[asset.name].version < asset.version:
            newest[asset.name] = asset
    words = query.casefold().split()
    for name, asset in sorted(newest.items()):
        said = " ".join((name, asset.prompt, asset.recipe_id, asset.engine)).casefold()
        if not all(word in said for word in words):
            continue
        path = project.root / asset.path
        if not path.is_file():
            found.left_out.append((name, "its file is gone from exports/"))
            continue
        rights = Rights("generated", by=asset.engine, terms=f"approved in {asset.verdict_event}")
        found.pictures.append(
            Offer(
                f"{name}-v{asset.version}{path.suffix}",
                partial(store.pieces_of, path),
                asset.prompt.encode() or None,
                rights=rights,
            )
        )
    return found
