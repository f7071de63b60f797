"""Import a hand-written ``studio.md`` or ``eye.md`` of the earlier layout into its document.

The original is kept first, byte for byte. Every line of it ends up in the document: as a field,
as a field of its own name where the schema has none, or in ``notes``. A second run imports
nothing twice; a row that is recorded otherwise already is a conflict, and then nothing changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ategnatos.grimoire import documents, handwritten, history, locks, schemas, views
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, read_bytes, sha256_bytes, write_atomic
from ategnatos.grimoire.handwritten import slug
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.eye import CATEGORIES

MIGRATE_NOTHING = ErrorCode("migrate_nothing", "There is no hand-written file to import.")
MIGRATE_UNKNOWN = ErrorCode("migrate_unknown", "The document has no hand-written layout.")
MIGRATE_CONFLICT = ErrorCode("migrate_conflict", "The record already says something else.")
MIGRATE_UNREADABLE = ErrorCode("migrate_unreadable", "The hand-written file is no UTF-8 text.")

_ENDPOINT = re.compile(r"(?:https?://)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9][A-Za-z0-9.-]*):(\d{1,5})\b")

_EARLIER_HEADER = re.compile(r"\A<!-- GENERATED[^\n]*-->\n(<!-- Use /[^\n]*-->\n)?")

# Headings of the hand-written tables whose field has another name.
_RENAMED = {"cost_hr": "cost_per_hour", "cost_per_hr": "cost_per_hour", "cost": "cost_per_hour"}
_TABLES = {"models": "models", "loras": "loras", "active_instances": "active_instances"}


@dataclass(slots=True)
class Migrated:
    """What an import did (or would do, where ``kept`` is None).

    ``imported`` counts what went where. ``notes`` are the lines that fitted nowhere else: they
    are in the document's ``notes``. ``named`` says which rows were given an id they lacked.
    """

    document: str
    source: Path
    kept: Path | None = None
    imported: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)


def migrate(
    project: Project,
    name: str,
    *,
    source: Path | None = None,
    dry_run: bool = False,
    now: datetime | None = None,
) -> Migrated:
    """Import ``source`` (default: ``grimoire/<name>.md``) into the document ``name``.

    Raises StudioError: ``migrate_unknown``, ``migrate_nothing`` (no such file, or it is a view
    of ours), ``migrate_unreadable``, ``migrate_conflict``, ``document_invalid``, ``locked``,
    ``disk_full``, ``write_failed``; the document and the file then stand as before.
    """
    schema = schemas.load(name)
    if name not in _PARSERS:
        raise StudioError(
            MIGRATE_UNKNOWN,
            f"The document {name!r} was never written by hand, so nothing can be imported.",
            hint=f"These can: {', '.join(_PARSERS)}.",
            document=name,
        )
    view = views.path_of(project, name)
    with locks.hold(project, f"document-{name}"):
        content = _content(source or view, name)
        result = Migrated(name, source or view)
        fresh = _PARSERS[name](_text(content, result.source), result)
        raw, model, _ = documents.load(project, schema)
        payload = documents.as_payload(model)
        _merge(payload, fresh, name)
        merged = documents.validate(type(model), payload)
        if dry_run:
            return result
        result.kept = (
            history.folder_of(project, name) / f"handwritten-{sha256_bytes(content)[:16]}.md"
        )
        with explained(result.kept, "Nothing was imported."):
            result.kept.parent.mkdir(parents=True, exist_ok=True)
        if not result.kept.exists():
            write_atomic(result.kept, content, 0o444)
        whole_page = result.source == view
        documents.store(
            project,
            merged,
            raw,
            now=now,
            only_changes=not whole_page,
            replace_handwritten=whole_page,
        )
    return result


def names() -> list[str]:
    """The documents that have a hand-written layout."""
    return list(_PARSERS)


def _content(path: Path, name: str) -> bytes:
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        raise StudioError(
            MIGRATE_NOTHING,
            f"{path} does not exist, so there is nothing to import.",
            hint=f"Name the hand-written file: ategnatos grimoire migrate {name} --from FILE.",
            path=str(path),
        ) from None
    if views.split(content)[0] is not None:
        raise StudioError(
            MIGRATE_NOTHING,
            f"{path} is rendered from the record, so there is nothing to import from it.",
            hint=f"See 'ategnatos grimoire check {name}' for edits made in it by hand.",
            path=str(path),
        )
    return content


def _text(content: bytes, path: Path) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudioError(
            MIGRATE_UNREADABLE,
            f"{path} is not UTF-8 text (byte {error.start}); nothing was imported.",
            hint="Save it as UTF-8 in an editor, then run the same command again.",
            path=str(path),
        ) from error
    # The one or two lines that the earlier implementation put above what it generated.
    return _EARLIER_HEADER.sub("", text, count=1)


def _studio(text: str, result: Migrated) -> dict[str, Any]:
    read = handwritten.reader(generated=False)
    fresh: dict[str, Any] = {"environment": {}, "models": [], "loras": [], "active_instances": []}
    for section in handwritten.sections(text, "Studio"):
        kind = slug(section.heading)
        if kind in _TABLES:
            rows, left = handwritten.table(section, read)
            fresh[_TABLES[kind]] += [_row(row) for row in rows]
        elif kind == "environment":
            labels, left = handwritten.facts(section, read)
            _environment(fresh["environment"], labels)
        else:
            left = [line for line in section.lines if line.strip()]
        if section.heading and (left or kind not in {*_TABLES, "environment"}):
            left = [f"## {section.heading}", *left]
        result.notes += left
    for number, row in enumerate(fresh["active_instances"], start=1):
        if not row.get("id"):
            row["id"] = f"imported-{number}"
            result.named.append(row["id"])
    for list_name in ("models", "loras"):
        for row in fresh[list_name]:
            row.setdefault("name", "")
    result.imported = {
        "environment": len(fresh["environment"]),
        **{name: len(fresh[name]) for name in _TABLES.values()},
    }
    fresh["notes"] = "\n".join(result.notes)
    return fresh


def _row(row: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for heading, cell in row.items():
        key = _RENAMED.get(slug(heading), slug(heading))
        # Two headings may make one name: the second keeps its own spelling.
        found[heading if not key or key in found else key] = cell
    return found


def _environment(environment: dict[str, Any], labels: dict[str, str]) -> None:
    for label, value in labels.items():
        key = slug(label)
        if key != "comfyui" or key in environment:
            environment[label if not key or key in environment else key] = value
            continue
        comfyui: dict[str, Any] = {"location": value}
        endpoint = _ENDPOINT.search(value)
        if endpoint is not None and 1 <= int(endpoint[2]) <= 65535:
            comfyui |= {"host": endpoint[1].strip("[]"), "port": int(endpoint[2])}
        environment["comfyui"] = comfyui


def _eye(text: str, result: Migrated) -> dict[str, Any]:
    read = handwritten.reader(generated=False)
    titles = {slug(title): category for category, title in CATEGORIES.items()}
    fresh: list[dict[str, Any]] = []
    for section in handwritten.sections(text, "Taste Profile"):
        if not section.heading:
            result.notes += [line for line in section.lines if line.strip()]
            continue
        category = titles.get(slug(section.heading), section.heading)
        found, left = handwritten.preferences(section, category, read)
        fresh += found
        if left or (category == section.heading and not found):
            result.notes += [f"## {section.heading}", *left]
        result.imported[category] = result.imported.get(category, 0) + len(found)
    return {"earlier": fresh, "notes": "\n".join(result.notes)}


def _merge(payload: dict[str, Any], fresh: dict[str, Any], name: str) -> None:
    """Put what is new into ``payload``; refuse where both say something and differ."""
    from ategnatos.grimoire.schemas.studio import ComfyUI

    conflicts: list[str] = []
    defaults = {"comfyui": ComfyUI().model_dump()}

    def into(old: dict[str, Any], new: dict[str, Any], where: str, default: dict[str, Any]) -> None:
        for key, value in new.items():
            there = old.get(key)
            if isinstance(value, dict) and isinstance(there, dict):
                into(there, value, f"{where}{key}.", default.get(key, {}))
            elif there in (None, "", default.get(key)):
                old[key] = value
            elif value not in ("", there):
                conflicts.append(f"{where}{key}")

    for key, value in fresh.items():
        if isinstance(value, dict):
            into(payload.setdefault(key, {}), value, f"{key}.", defaults)
        elif key == "notes":
            if value and value not in payload.get(key, ""):
                payload[key] = "\n".join(filter(None, [payload.get(key, ""), value]))
        else:
            conflicts += _merge_rows(payload[key], value, key)
    if conflicts:
        raise StudioError(
            MIGRATE_CONFLICT,
            f"The record of {name!r} already says something else about"
            f" {', '.join(conflicts[:5])}{' and more' if len(conflicts) > 5 else ''};"
            " nothing was imported.",
            hint="Make the two agree, with 'ategnatos grimoire set' or in the hand-written file,"
            " then run the same command again.",
            document=name,
            conflicts=conflicts,
        )


def _merge_rows(rows: list[dict[str, Any]], new: list[dict[str, Any]], where: str) -> list[str]:
    conflicts: list[str] = []
    before = list(rows)
    for row in new:
        same_name = [old for old in before if _identity(old) == _identity(row)]
        if any(all(old.get(key) == value for key, value in row.items()) for old in same_name):
            continue
        if same_name:
            conflicts.append(f"{where}[{_identity(row)[-1]}]")
        else:
            rows.append(row)
    return conflicts


def _identity(row: dict[str, Any]) -> tuple[str, ...]:
    if "text" in row:
        return (str(row.get("category", "")), str(row["text"]))
    return (str(row.get("id") or row.get("name", "")),)


_PARSERS: dict[str, Callable[[str, Migrated], dict[str, Any]]] = {"studio": _studio, "eye": _eye}
