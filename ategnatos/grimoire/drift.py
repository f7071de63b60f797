"""Does what people read still say what is recorded? And if not, who changed what, where."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from enum import StrEnum
from pathlib import Path

from ategnatos.grimoire import documents, history, locks, schemas, views
from ategnatos.grimoire.document_file import decode
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, sha256_bytes
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.base import Document

VIEW_HANDWRITTEN = ErrorCode("view_handwritten", "A view was written by hand and not imported.")


class State(StrEnum):
    """What was found about one document and its view."""

    CLEAN = "clean"
    EDITED = "edited"  # the view, the document, or both were changed by something else
    VIEW_MISSING = "view_missing"
    VIEW_BEHIND = "view_behind"  # a crash or a newer program: nobody edited anything
    HANDWRITTEN = "handwritten"  # the earlier layout, not imported yet
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Difference:
    """One line that is not as recorded: ``line`` counts from 1 in ``file`` as it is now.

    ``was`` is None for an added line, ``now`` is None for a removed one.
    """

    file: str
    line: int
    was: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class Drift:
    """One document's state; ``message`` says it in words."""

    document: str
    state: State
    message: str
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A view that was rendered anew; ``edited`` is where an edited one is kept, or None.

    ``adopted`` says that a hand edit of the JSON was taken over as a recorded change.
    """

    document: str
    view: Path
    edited: Path | None
    adopted: bool


def check(project: Project, names: list[str] | None = None) -> list[Drift]:
    """Look at every document that was ever written (or at ``names``); change nothing.

    Raises StudioError (``document_unknown``, ``read_failed``).
    """
    wanted = [schemas.load(name) for name in names or schemas.names()]
    found = (_look(project, schema) for schema in wanted)
    return [drift for drift in found if drift is not None]


def render(project: Project, name: str, *, now: datetime | None = None) -> Rendered | None:
    """Render a document's view from its JSON; an edited view is kept as ``.edited``.

    A hand edit of the JSON that fits the schema is taken over, except in a document whose
    entries are evidence. None for a document that has no view. Raises StudioError:
    ``view_handwritten`` where a hand-written view waits to be imported and the document is
    still empty; and as :func:`ategnatos.grimoire.documents.edit`.
    """
    schema = schemas.load(name)
    if not schema.has_view:
        return None
    view = views.path_of(project, name)
    with locks.hold(project, f"document-{name}"), explained(view, "The view is as it was."):
        raw, model, migrated = documents.load(project, schema)
        old = views.read(view)
        if old is not None and views.is_handwritten(old) and is_empty(model):
            raise StudioError(
                VIEW_HANDWRITTEN,
                f"{view} was written by hand and is not imported yet; it was left as it is.",
                hint=f"Import it with 'ategnatos grimoire migrate {name}'.",
                document=name,
            )
        edited = None
        if old is not None and (views.is_handwritten(old) or views.is_edited(old)):
            edited = views.keep_edited(view, old)
        written = history.written(project, schema, model.revision)
        adopted = schema.by_hand and written not in (None, raw)
        if raw is None or migrated or adopted:
            documents.store(project, model, raw, now=now, replace_handwritten=True)
        else:
            prepared = views.prepare(project, model, raw, replace_handwritten=True)
            if prepared is not None:
                prepared.publish()
    return Rendered(name, view, edited, adopted)


def is_empty(model: Document) -> bool:
    """Whether nothing was ever recorded in it: it equals a new one but for time and revision."""
    meta = {"schema_version", "generated_at", "revision"}
    return model.model_dump(exclude=meta) == type(model)().model_dump(exclude=meta)


def _look(project: Project, schema: type[Document]) -> Drift | None:
    path = documents.path_of(project, schema)
    try:
        raw, model, _ = documents.load(project, schema)
    except StudioError as error:
        return Drift(schema.name, State.DAMAGED, f"{error.message} {error.hint}")
    if raw is None:
        return None
    edited: list[str] = []
    differences: list[Difference] = []
    base = history.written(project, schema, model.revision) or raw
    if base != raw:
        edited.append(path.name)
        differences += _compare(path.name, base, raw)
    if not schema.has_view:
        return _verdict(schema.name, edited, differences)
    view = views.path_of(project, schema.name)
    content = views.read(view)
    if content is None:
        return Drift(
            schema.name,
            State.VIEW_MISSING,
            " and ".join(
                [*(f"{file} was edited by hand" for file in edited), f"{view.name} is missing"]
            ),
            differences,
        )
    if views.is_handwritten(content) and is_empty(model):
        why = f"{view.name} was written by hand and is not imported"
        return Drift(schema.name, State.HANDWRITTEN, why, differences)
    expected = views.render(decode(schema, base)[0], base)
    if content == expected:
        return _verdict(schema.name, edited, differences)
    if _is_behind(content, base):
        return _verdict(schema.name, edited, differences, behind=True)
    changed = _compare(view.name, expected, content)
    return _verdict(schema.name, [*edited, view.name], [*differences, *changed])


def _is_behind(content: bytes, base: bytes) -> bool:
    """Whether a view is whole, but of an older document or of an older program's drawing."""
    header, _ = views.split(content)
    if header is None or views.is_edited(content):
        return False
    return header.json_hash != sha256_bytes(base)[:16] or header.layout != views.LAYOUT


def _verdict(
    name: str, edited: list[str], differences: list[Difference], *, behind: bool = False
) -> Drift:
    if edited:
        were = "was" if len(edited) == 1 else "were"
        message = f"{' and '.join(edited)} {were} edited by hand"
        return Drift(name, State.EDITED, message, differences)
    if behind:
        return Drift(name, State.VIEW_BEHIND, f"{name}.md is older than {name}.json")
    return Drift(name, State.CLEAN, "as recorded")


def _compare(file: str, was: bytes, now: bytes) -> list[Difference]:
    before = was.decode(errors="replace").split("\n")
    after = now.decode(errors="replace").split("\n")
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    # Past the common beginning: the comparison below is slow on long equal texts.
    before, after = before[same:], after[same:]
    found: list[Difference] = []
    for tag, start, end, here, there in SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            continue
        found += [
            Difference(
                file,
                same + max(min(here + offset, len(after) - 1), 0) + 1,
                before[start + offset] if start + offset < end else None,
                after[here + offset] if here + offset < there else None,
            )
            for offset in range(max(end - start, there - here))
        ]
    return found
