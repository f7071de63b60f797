"""Change a document by hand: a path, and a value given as text.

Text stays text wherever the schema allows text: "12.10" is not a number, "null" is not a null.
Where the field is not text (a port, a list), the same words are read as JSON. The schema
decides, never the look of the value.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from ategnatos.grimoire import documents, fields, journal, schemas
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.project import Project

DOCUMENT_EVIDENCE = ErrorCode("document_evidence", "The document is evidence; no hand changes it.")
VALUE_NOT_JSON = ErrorCode("value_not_json", "The value was announced as JSON and is none.")

Alter = Callable[[dict[str, Any], Any], None]


class Kind(StrEnum):
    """How the words of a value are to be read; ``auto`` asks the schema."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change by hand did, or would do: the values at ``path`` before and after."""

    document: str
    path: str
    before: Any
    after: Any


def set_value(
    project: Project,
    name: str,
    path: str,
    text: str,
    *,
    actor: str,
    kind: Kind = Kind.AUTO,
    new: bool = False,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Changed:
    """Set the field at ``path``; ``new`` allows a field the document does not have yet.

    Raises StudioError: ``document_evidence``, ``value_not_json``, those of
    :mod:`ategnatos.grimoire.fields`, and those of :func:`ategnatos.grimoire.documents.edit`.
    """

    def alter(payload: dict[str, Any], value: Any) -> None:
        fields.put(payload, path, value, new=new)

    readings = _readings(text, kind)
    return _change(project, name, path, "set", alter, readings, actor, dry_run, now)


def append_value(
    project: Project,
    name: str,
    path: str,
    text: str,
    *,
    actor: str,
    kind: Kind = Kind.AUTO,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Changed:
    """Append to the list at ``path``. Raises StudioError as :func:`set_value`."""

    def alter(payload: dict[str, Any], value: Any) -> None:
        fields.add(payload, path, value)

    readings = _readings(text, kind)
    return _change(project, name, path, "append", alter, readings, actor, dry_run, now)


def remove_value(
    project: Project,
    name: str,
    path: str,
    *,
    actor: str,
    key: str = "",
    value: str = "",
    dry_run: bool = False,
    now: datetime | None = None,
) -> Changed:
    """Remove a row or an unknown field, or the rows whose ``key`` shows ``value``.

    ``before`` of the answer is the list of what was removed. Raises StudioError as
    :func:`set_value`; ``document_invalid`` for a field that the schema needs.
    """
    removed: list[Any] = []

    def alter(payload: dict[str, Any], _: Any) -> None:
        removed[:] = fields.take_out(payload, path, key, value)

    _change(project, name, path, "remove", alter, [None], actor, dry_run, now)
    return Changed(name, path, removed, None)


def _change(
    project: Project,
    name: str,
    path: str,
    action: str,
    alter: Alter,
    readings: list[Any],
    actor: str,
    dry_run: bool,
    now: datetime | None,
) -> Changed:
    schema = schemas.load(name)
    if not schema.by_hand:
        raise StudioError(
            DOCUMENT_EVIDENCE,
            f"The entries of {name!r} are evidence of what was done, so they cannot be set by"
            " hand. Nothing was changed.",
            hint=f"Use {schema.modify_with}, which records what really happened.",
            document=name,
        )
    seen: list[Any] = [None, None]

    def transform(payload: dict[str, Any]) -> dict[str, Any]:
        refusal: StudioError | None = None
        for value in readings:
            altered = copy.deepcopy(payload)
            alter(altered, value)
            try:
                documents.validate(schema, altered)
            except StudioError as error:
                refusal = error
                continue
            seen[0], seen[1] = _at(payload, path), _at(altered, path)
            return altered
        assert refusal is not None
        raise refusal

    if dry_run:
        transform(documents.as_payload(documents.read(project, schema)))
    else:
        documents.replace(project, name, transform, now=now)
        journal.append(
            project,
            "document_changed",
            actor=actor,
            references={"document": name},
            data={"action": action, "path": path},
            now=now,
        )
    return Changed(name, path, seen[0], seen[1])


def _readings(text: str, kind: Kind) -> list[Any]:
    """What the words may mean, the first that the schema takes is meant."""
    if kind is Kind.TEXT:
        return [text]
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if kind is Kind.AUTO:
            return [text]
        raise StudioError(
            VALUE_NOT_JSON,
            f"The value is not JSON: {error}. Nothing was changed.",
            hint="Leave --type out to store the words as they are, or correct the JSON.",
        ) from error
    return [value] if kind is Kind.JSON else [text, value]


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _at(payload: dict[str, Any], path: str) -> Any:
    try:
        return fields.get(payload, path)
    except StudioError:
        return None
