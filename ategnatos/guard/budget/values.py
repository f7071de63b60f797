"""The values of the budget's file, each taken for exactly what it is or refused by name."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from ategnatos.grimoire.spend.amounts import LARGEST, PLACES, millionths

MAX_BYTES = 64 * 1024
NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_KEY = re.compile(r'"([^"\n]{1,80})"\s*:')
LONGEST_MINUTES = 366 * 24 * 60


class BadValueError(Exception):
    """One value of one field cannot be taken; ``why`` reads after the field's name."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class _NoNumber:
    """What the file says in a number's place and JSON has no number for (NaN, Infinity)."""

    def __init__(self, text: str) -> None:
        self.text = text


def loads(raw: bytes) -> dict[str, Any]:
    """The file's object, numbers as Decimal, nothing converted. Raises BadValueError."""
    if len(raw) > MAX_BYTES:
        raise BadValueError("the file", f"it is longer than {MAX_BYTES // 1024} KiB")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadValueError("the file", f"it is not UTF-8 text ({error.reason})") from error
    try:
        found = json.loads(
            text,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_NoNumber,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        before = _KEY.findall(text, 0, error.pos)
        said = f"line {error.lineno}, column {error.colno} is no JSON ({error.msg})"
        if not before:
            raise BadValueError("the file", said) from error
        # '1,000' breaks the JSON after its comma: the field before it is the one to mend.
        raise BadValueError(
            before[-1], f"here or right after it, {said}; write numbers without commas: 1000.00"
        ) from error
    except RecursionError as error:
        raise BadValueError("the file", "it is nested too deeply") from error
    if not isinstance(found, dict):
        raise BadValueError("the file", "it holds no JSON object")
    return found


def amount(field: str, value: Any) -> int:
    """A cap in millionths. Takes a Decimal alone: no text, no bool. Raises BadValueError."""
    number = _decimal(field, value)
    if number.is_signed():
        raise BadValueError(field, f"{_shown(value)} is below zero")
    if number > LARGEST:
        raise BadValueError(field, f"it is more than {LARGEST:f}; null says that there is no cap")
    if number != number.quantize(Decimal(1).scaleb(-PLACES)):
        raise BadValueError(field, f"{_shown(value)} has more than {PLACES} decimal places")
    return millionths(number)


def minutes(field: str, value: Any) -> int:
    """Whole minutes, 1 to a year. Raises BadValueError."""
    number = _decimal(field, value)
    if not 1 <= number <= LONGEST_MINUTES or number != number.to_integral_value():
        raise BadValueError(
            field, f"{_shown(value)} is not a whole number of minutes from 1 to {LONGEST_MINUTES}"
        )
    return int(number)


def flag(field: str, value: Any) -> bool:
    """``true`` or ``false``, never the words in quotes. Raises BadValueError."""
    if not isinstance(value, bool):
        raise BadValueError(field, f"{_shown(value)} is not true or false (without quotes)")
    return value


def table(field: str, value: Any) -> dict[str, Any]:
    """An object whose keys are names. Raises BadValueError."""
    if not isinstance(value, dict):
        raise BadValueError(field, f"{_shown(value)} is not an object such as {{}}")
    for key in value:
        identifier(f"{field}.{key}", key)
    return value


def identifier(field: str, name: str) -> None:
    """Refuse a name of an engine or unit that is none. Raises BadValueError."""
    if not _IDENTIFIER.fullmatch(name):
        raise BadValueError(field, "a name has lower-case letters, digits, '-' and '_', at most 64")


def typed(field: str, text: str) -> Decimal:
    """A number as a person types it: ``1000`` or ``2.50``. Raises BadValueError."""
    if not NUMBER.fullmatch(text):
        raise BadValueError(
            field, f"{text!r} is no number such as 2.50 (no sign, no commas, no currency)"
        )
    return Decimal(text)


def typed_flag(field: str, text: str) -> bool:
    """``true`` or ``false`` as typed. Raises BadValueError."""
    if text not in {"true", "false"}:
        raise BadValueError(field, f"{text!r} is not true or false")
    return text == "true"


def _decimal(field: str, value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str):
        raise BadValueError(field, f"{_shown(value)} is text; write a plain number, no quotes")
    raise BadValueError(field, f"{_shown(value)} is no number")


def _number(text: str) -> Any:
    try:
        return Decimal(text)
    except InvalidOperation:
        return _NoNumber(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            _twice(key)
        found[key] = value
    return found


def _twice(key: str) -> NoReturn:
    raise BadValueError(key, "it stands in the file twice")


def _shown(value: Any) -> str:
    if isinstance(value, _NoNumber):
        text = value.text
    elif isinstance(value, Decimal):
        text = str(value)
    elif isinstance(value, str):
        text = f'"{value}"'
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    else:
        text = "a list" if isinstance(value, list) else "an object"
    return text if len(text) <= 40 else f"{text[:37]}..."
