"""Documents: typed JSON files with one way to read them and one way to change them.

    with documents.edit(project, "studio") as studio:
        studio.environment.cuda = "12.10"

``edit`` takes the document's lock, reads, lets the block change the model, validates the whole,
and replaces the file atomically; the view follows. If the block or the validation raises,
nothing is changed. Importing this module imports no pydantic.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ategnatos.grimoire import schemas
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, put, read_bytes, sync_folder
from ategnatos.grimoire.project import Project

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.base import Document

DOCUMENT_CORRUPT = ErrorCode("document_corrupt", "A document's file is damaged; it was not read.")
DOCUMENT_MISSING = ErrorCode("document_missing", "A document that existed is gone.")

D = TypeVar("D", bound="Document")


def path_of(project: Project, document: type[Document]) -> Path:
    """Where a document's file lies."""
    if document.location is not None:
        return project.root / document.location
    return project.state / f"{document.name}.json"


@overload
def read(project: Project, document: type[D]) -> D: ...
@overload
def read(project: Project, document: str) -> Any: ...
def read(project: Project, document: str | type[Document]) -> Any:
    """The document as it stands, or an empty one where none was ever written.

    Takes no lock and changes nothing; an older schema is brought up to date in memory. Raises
    StudioError: ``document_unknown``, ``document_corrupt``, ``document_missing``,
    ``document_newer``, ``read_failed``.
    """
    schema = schemas.load(document) if isinstance(document, str) else document
    return load(project, schema)[1]


@overload
def edit(
    project: Project, document: type[D], *, now: datetime | None = None
) -> _GeneratorContext[D]: ...
@overload
def edit(
    project: Project, document: str, *, now: datetime | None = None
) -> _GeneratorContext[Any]: ...
@contextmanager
def edit(
    project: Project, document: str | type[Document], *, now: datetime | None = None
) -> Iterator[Any]:
    """Change a document inside the block: all of it or nothing.

    Yields the pydantic model. When the block ends the change is on the disk; a block that
    changes nothing writes nothing. ``now`` (aware; default: the clock) becomes
    ``_generated_at``. Unknown fields are kept. The state before and after is kept in
    ``grimoire/.state/backups/<name>/``.

    Raises StudioError: as :func:`read`, and ``document_invalid``, ``locked``, ``disk_full``,
    ``write_failed``; the document then stands as before.
    """
    from ategnatos.grimoire import locks

    schema = schemas.load(document) if isinstance(document, str) else document
    with locks.hold(project, f"document-{schema.name}"):
        raw, model, migrated = load(project, schema)
        with invalid_as_refusal(schema.name):
            yield model
        store(project, model, raw, now=now, only_changes=not migrated)


def replace(
    project: Project,
    name: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    now: datetime | None = None,
) -> None:
    """Change a document as a plain JSON object: ``change`` takes it and returns the new one.

    For callers that know the document's fields only as text, such as ``grimoire set``. Raises
    StudioError as :func:`edit`.
    """
    with edit(project, name, now=now) as model:
        fresh = validate(type(model), change(as_payload(model)))
        model.__dict__.update(fresh.__dict__)
        object.__setattr__(model, "__pydantic_extra__", fresh.__pydantic_extra__)


def as_payload(model: Document) -> dict[str, Any]:
    """The document as the plain JSON object that its file holds."""
    return model.model_dump(mode="json", by_alias=True)


def validate(schema: type[D], payload: dict[str, Any]) -> D:
    """The document that a plain JSON object says. Raises StudioError (``document_invalid``)."""
    from ategnatos.grimoire import document_file

    with invalid_as_refusal(schema.name):
        return schema.model_validate_json(document_file.dumps(payload, schema.name))


def create(project: Project, name: str, *, now: datetime | None = None) -> bool:
    """Write an empty document where there is none; True if it was written.

    Raises StudioError as :func:`edit`.
    """
    if path_of(project, schemas.load(name)).exists():
        return False
    with edit(project, name, now=now):
        pass
    return True


@contextmanager
def invalid_as_refusal(name: str) -> Iterator[None]:
    """Turn pydantic's complaint about a value into a StudioError (``document_invalid``)."""
    from pydantic import ValidationError

    from ategnatos.grimoire import document_file

    try:
        yield
    except ValidationError as error:
        raise document_file.invalid(name, document_file.explain(error)) from error


def load(project: Project, schema: type[D]) -> tuple[bytes | None, D, bool]:
    """Bytes, model, and whether the bytes are of an older schema; no bytes if never written.

    Raises StudioError as :func:`read`.
    """
    from ategnatos.grimoire import document_file, history

    path = path_of(project, schema)
    try:
        raw = read_bytes(path)
    except FileNotFoundError:
        newest = history.newest_good(project, schema)
        if newest is None:
            return None, schema(), False
        raise StudioError(
            DOCUMENT_MISSING,
            f"{path} is gone, though it was written before; nothing was changed.",
            hint=f"The newest good backup is {newest.path}. Bring it back with"
            f" 'ategnatos grimoire restore {schema.name}'.",
            document=schema.name,
            backup=str(newest.path),
        ) from None
    try:
        model, migrated = document_file.decode(schema, raw)
    except document_file.CorruptError as error:
        newest = history.newest_good(project, schema)
        hint = "There is no good backup of it in grimoire/.state/backups/."
        if newest is not None:
            hint = (
                f"The newest good backup is {newest.path} ({newest.generated_at}). Bring it back"
                f" with 'ategnatos grimoire restore {schema.name}'; the damaged file is kept."
            )
        raise StudioError(
            DOCUMENT_CORRUPT,
            f"{path} is damaged: {error}. It was not read and nothing was changed.",
            hint=hint,
            document=schema.name,
            backup=str(newest.path) if newest is not None else None,
        ) from error
    return raw, model, migrated


def store(
    project: Project,
    model: Document,
    before: bytes | None,
    *,
    now: datetime | None = None,
    only_changes: bool = False,
    replace_handwritten: bool = False,
) -> None:
    """Put ``model`` in the place of ``before``; the caller holds the document's lock.

    What :func:`edit`, a restore and a migration have in common. With ``only_changes`` a model
    that says what ``before`` says is not written. Raises StudioError: ``document_invalid``,
    ``disk_full``, ``write_failed`` with nothing changed; ``view_failed``.
    """
    from ategnatos.grimoire import document_file, history, views

    schema = type(model)
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    model.schema_version = schema.version
    model.generated_at = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    model.revision = history.next_revision(project, schema, model.revision, before)
    after, model = document_file.encode(model)
    if only_changes and before is not None and document_file.same_content(before, after):
        return
    path = path_of(project, schema)
    folder = os.path.dirname(path)  # noqa: PTH120 - the hot path keeps to strings
    with explained(path, "The document is as it was before."):
        if not os.path.isdir(folder):  # noqa: PTH112
            os.makedirs(folder)  # noqa: PTH103
        # A first state has no earlier one to be kept from. Were its copy there before it, a crash
        # between the two would leave a document that seems to have been lost.
        kept = None if before is None else history.keep(project, model, before, after)
        view = None
        try:
            view = views.prepare(project, model, after, replace_handwritten=replace_handwritten)
            put(str(path), after)
            if kept is None:
                _keep_first(project, model, after, path)
        except BaseException:
            # The state after was never reached: its backup would be a lie.
            if kept is not None:
                os.unlink(kept)  # noqa: PTH108
            if view is not None:
                view.discard()
            raise
        sync_folder(folder)
        if view is not None:
            view.publish()


def _keep_first(project: Project, model: Document, after: bytes, path: Path) -> None:
    from ategnatos.grimoire import history

    try:
        history.keep(project, model, None, after)
    except BaseException:
        os.unlink(path)  # noqa: PTH108
        raise


if TYPE_CHECKING:
    from contextlib import _GeneratorContextManager as _GeneratorContext
