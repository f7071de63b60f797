"""A document as bytes: how it is read strictly, and what is refused."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.schemas.base import Document

DOCUMENT_INVALID = ErrorCode("document_invalid", "A value does not fit the document's schema.")
DOCUMENT_NEWER = ErrorCode("document_newer", "A newer program wrote this document.")

D = TypeVar("D", bound=Document)


class CorruptError(Exception):
    """The bytes are not a document; the message says why, for the caller's refusal."""


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in ``raw``. Raises CorruptError.

    Stricter than ``json.loads``: a key given twice (one value would silently be lost), NaN and
    infinities are refused.
    """
    try:
        payload = json.loads(
            raw.decode(), object_pairs_hook=_distinct, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise CorruptError(str(error) or type(error).__name__) from error
    if not isinstance(payload, dict):
        raise CorruptError("it holds no JSON object")
    return payload


def decode(document: type[D], raw: bytes) -> tuple[D, bool]:
    """The document in ``raw``, brought up to today's schema, and whether that was needed.

    Raises CorruptError, or StudioError (``document_newer``).
    """
    payload = parse(raw)
    migrated = False
    while (found := str(payload.get("_schema_version") or "0")) != document.version:
        if _number(found) > _number(document.version):
            raise StudioError(
                DOCUMENT_NEWER,
                f"The document {document.name!r} has schema version {found}; this program knows"
                f" versions up to {document.version}. It was not read and not changed.",
                hint="Update ategnatos, for instance with 'pip install --upgrade ategnatos'.",
                document=document.name,
                found=found,
                known=document.version,
            )
        step = document.migrations.get(found)
        if step is not None:
            payload = step(payload)
        elif found == "0":
            # Written before versions were: the fields are the same, validation judges them.
            payload = {**payload, "_schema_version": document.version}
        else:
            raise CorruptError(f"no step is known from its schema version {found}")
        migrated = True
    if migrated:
        raw = json.dumps(payload, ensure_ascii=False).encode()
    try:
        return document.model_validate_json(raw), migrated
    except ValidationError as error:
        raise CorruptError(f"it does not fit its schema: {explain(error)}") from error


def encode(document: D) -> tuple[bytes, D]:
    """The bytes to keep (indented JSON, UTF-8, a newline at the end), and what they read as.

    The second differs from ``document`` where a row was put in as a plain dictionary. Raises
    StudioError (``document_invalid``).
    """
    try:
        raw = document.__pydantic_serializer__.to_json(
            document, indent=2, by_alias=True, warnings=False
        )
        if b"NaN" in raw or b"Infinity" in raw:
            parse(raw)
        read_back = type(document).model_validate_json(raw)
    except ValidationError as error:
        raise invalid(document.name, explain(error)) from error
    # UnicodeError: a lone surrogate. PydanticSerializationError is a ValueError.
    except (CorruptError, ValueError, TypeError) as error:
        raise invalid(document.name, str(error)) from error
    return raw + b"\n", read_back


def same_content(one: bytes, other: bytes) -> bool:
    """Whether two encoded documents differ in nothing but their time and revision.

    Those and the schema version are the first three fields, each on its line. A file that was
    formatted by something else counts as different.
    """
    return one.split(b"\n", 4)[4:] == other.split(b"\n", 4)[4:]


def dumps(payload: dict[str, Any], name: str) -> bytes:
    """A JSON object as bytes. Raises StudioError (``document_invalid``) for what JSON lacks."""
    try:
        return json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise invalid(name, str(error)) from error


def invalid(name: str, why: str) -> StudioError:
    """The refusal of a change that the schema does not allow."""
    return StudioError(
        DOCUMENT_INVALID,
        f"The change does not fit the document {name!r}: {why}. Nothing was changed.",
        hint=f"See what is there with 'ategnatos grimoire get {name}' and correct the value.",
        document=name,
    )


def explain(error: ValidationError) -> str:
    """Where and why, at most three places, without the values (they may be secret or long)."""
    places = [
        f"{'.'.join(str(step) for step in item['loc']) or 'the whole'}: {item['msg']}"
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    more = f"; and {len(places) - 3} more" if len(places) > 3 else ""
    return "; ".join(places[:3]) + more


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _number(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError as error:
        raise CorruptError(f"its schema version {version!r} is not a version") from error
