"""One file put on record, with what a person says of it and what its bytes say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.studio.models import record, scan
from ategnatos.studio.models.places import Place, folder_of

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.models import ModelFile

MODEL_UNUSABLE = ErrorCode("model_unusable", "The file is no model that can be used.")


@dataclass(frozen=True, slots=True)
class Said:
    """What a person knows of a file and its bytes do not say; "" is nothing."""

    kind: str = ""
    good_for: str = ""
    settings: str = ""
    weights: str = ""
    licence: str = ""
    source: str = ""


def add(
    project: Project,
    path: Path,
    said: Said,
    *,
    now: Callable[[], datetime],
    progress: Callable[[int, int | None], None] = lambda done, whole: None,
    digest: str = "",
) -> ModelFile:
    """Record the file at ``path``; ``digest`` is its SHA-256 where that is known.

    Raises StudioError (``model_unusable``, ``model_kind_unknown``) with nothing recorded.
    """
    from ategnatos.grimoire import documents

    if said.kind:
        folder_of(said.kind)
    if not path.is_file():
        raise _unusable(path, "it is not there, or no ordinary file")
    try:
        facts = scan.stat_facts(path)
        sha256 = digest or scan.hash_file(path, lambda done: progress(done, facts[0]))
    except OSError as error:
        raise _unusable(path, f"it cannot be read ({error.strerror or error})") from error
    entry = scan.describe(path, Place(path.parent, ""), facts, sha256)
    if entry.problem:
        raise _unusable(path, entry.problem)
    entry.kind = said.kind or entry.kind
    entry.licence = said.licence or entry.licence
    entry.source = said.source or entry.source
    with documents.edit(project, "models") as document:
        document.files = [one for one in document.files if one.path != entry.path] + [entry]
        document.scanned_at = document.scanned_at or now().isoformat(timespec="seconds")
    record.record(
        project,
        [entry],
        good_for=said.good_for,
        settings=said.settings,
        weight_range=said.weights,
    )
    return entry


def missing(entry: ModelFile, good_for: str) -> list[tuple[str, str]]:
    """What is still not known of a file, and the option that says it."""
    wanting = [("kind", "--kind", entry.kind), ("licence", "--licence", entry.licence)]
    if entry.kind in {"checkpoint", "diffusion_model"}:
        wanting.append(("purpose", "--good-for", good_for))
    return [(what, option) for what, option, value in wanting if not value]


def _unusable(path: Path, why: str) -> StudioError:
    return StudioError(
        MODEL_UNUSABLE,
        f"{path} was not put on record: {why}.",
        hint="Name a whole model file, or download it again: 'ategnatos studio models download'.",
        path=str(path),
    )
