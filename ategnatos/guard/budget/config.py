"""The caps as they stand in ``grimoire/cost-config.json``: read strictly, compared, written.

A value that is not exactly what its field takes is refused by the field's name. Nothing is
guessed: a cap that was misread is a cap that does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.spend.amounts import plain
from ategnatos.guard.budget import values

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

BUDGET_INVALID = ErrorCode("budget_invalid", "The budget's file holds a value that is no cap.")
BUDGET_MISSING = ErrorCode("budget_missing", "The studio has no budget file.")

FILE = "cost-config.json"


@dataclass(frozen=True, slots=True)
class UnitCaps:
    """Caps of a ledger that is not money, in millionths of its unit. None: no cap."""

    max_per_day: int | None
    max_total: int | None


@dataclass(frozen=True, slots=True)
class Config:
    """Every cap. Money is in millionths of a dollar; None is "no cap", said on purpose.

    ``max_hourly_rate`` is what all rented machines together may cost an hour;
    ``max_daily_cost`` counts one UTC day; ``max_engine_cost`` is over the studio's life, by
    engine. ``max_runtime_minutes`` is the longest that a machine may be rented at once,
    ``auto_teardown_minutes`` how long where nobody said.
    """

    max_hourly_rate: int | None = 3_000_000
    max_total_cost: int | None = 50_000_000
    max_daily_cost: int | None = 25_000_000
    max_job_cost: int | None = 10_000_000
    max_engine_cost: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, UnitCaps] = field(default_factory=dict)
    max_runtime_minutes: int = 480
    auto_teardown_minutes: int = 60
    require_confirm: bool = True


MONEY = ("max_hourly_rate", "max_total_cost", "max_daily_cost", "max_job_cost")
MINUTES = ("max_runtime_minutes", "auto_teardown_minutes")
FLAG = "require_confirm"
TABLES = ("max_engine_cost", "units")
NAMES = tuple(one.name for one in fields(Config))


def path_of(project: Project) -> Any:
    """Where the budget's file lies."""
    return project.grimoire / FILE


def read(project: Project) -> Config:
    """The file as it stands, approved or not. Raises StudioError (``budget_missing``,
    ``budget_invalid``).
    """
    path = path_of(project)
    try:
        with path.open("rb") as file:
            raw = file.read(values.MAX_BYTES + 1)
    except OSError as error:
        raise StudioError(
            BUDGET_MISSING,
            f"{path} cannot be read ({error.strerror}), so there is no budget. Nothing that"
            " costs money is done without one.",
            hint="Run 'ategnatos init' in the studio's folder: it writes the file where it is"
            " missing.",
            path=str(path),
        ) from error
    return parse(raw)


def parse(raw: bytes) -> Config:
    """The configuration that the file's bytes say. Raises StudioError (``budget_invalid``)."""
    try:
        return _config(values.loads(raw))
    except values.BadValueError as bad:
        raise invalid(bad) from bad


def invalid(bad: values.BadValueError) -> StudioError:
    """The refusal of one value, by its field's name."""
    return StudioError(
        BUDGET_INVALID,
        f"{bad.field}: {bad.why}. The budget is not understood, so nothing that costs money is"
        " done.",
        hint=f"Mend {bad.field} in grimoire/{FILE}; 'ategnatos studio budget show' says whether"
        " it is understood.",
        field=bad.field,
    )


def with_value(config: Config, name: str, text: str) -> Config:
    """``config`` with one field changed, both as typed: ``max_engine_cost.pixellab``, ``5.00``.

    ``none`` takes a cap away. Raises StudioError (``budget_invalid``).
    """
    try:
        return _with_value(config, name, text)
    except values.BadValueError as bad:
        raise StudioError(
            BUDGET_INVALID,
            f"{bad.field}: {bad.why}. The budget is unchanged.",
            hint="See the fields and their values with 'ategnatos studio budget show'.",
            field=bad.field,
        ) from bad


def _with_value(config: Config, name: str, text: str) -> Config:
    head, _, rest = name.partition(".")
    if head in TABLES and rest:
        return _with_entry(config, head, rest, text)
    if head in TABLES:
        raise values.BadValueError(
            head, f"it is a table; name what in it, like {head}.pixellab" + _UNIT_PART[head]
        )
    if head not in NAMES or rest:
        raise values.BadValueError(name, f"there is no such field; there are {', '.join(NAMES)}")
    if head == FLAG:
        return replace(config, require_confirm=values.typed_flag(head, text))
    if head in MINUTES:
        changes: dict[str, Any] = {head: values.minutes(head, values.typed(head, text))}
        return _checked(replace(config, **changes))
    changes = {head: None if text == "none" else values.amount(head, values.typed(head, text))}
    return replace(config, **changes)


_UNIT_PART = {"max_engine_cost": "", "units": "-generations.max_per_day"}


def _with_entry(config: Config, table: str, rest: str, text: str) -> Config:
    name = f"{table}.{rest}"
    if table == "max_engine_cost":
        values.identifier(name, rest)
        engines = dict(config.max_engine_cost)
        if text == "none":
            engines.pop(rest, None)
        else:
            engines[rest] = values.amount(name, values.typed(name, text))
        return replace(config, max_engine_cost=engines)
    unit, _, cap = rest.rpartition(".")
    if cap not in {"max_per_day", "max_total"}:
        raise values.BadValueError(name, "a unit has max_per_day and max_total")
    values.identifier(name, unit)
    before = config.units.get(unit, UnitCaps(None, None))
    number = None if text == "none" else values.amount(name, values.typed(name, text))
    changes: dict[str, Any] = {cap: number}
    return replace(config, units={**config.units, unit: replace(before, **changes)})


def _config(found: dict[str, Any]) -> Config:
    unknown = sorted(set(found) - set(NAMES))
    if unknown:
        raise values.BadValueError(unknown[0], "there is no such field")
    missing = [name for name in NAMES if name not in found]
    if missing:
        raise values.BadValueError(missing[0], "it is missing; null says that there is no cap")
    engines = values.table("max_engine_cost", found["max_engine_cost"])
    units = values.table("units", found["units"])
    money = {
        name: None if found[name] is None else values.amount(name, found[name]) for name in MONEY
    }
    return _checked(
        Config(
            **money,
            max_engine_cost={
                name: values.amount(f"max_engine_cost.{name}", value)
                for name, value in engines.items()
            },
            units={name: _unit(f"units.{name}", value) for name, value in units.items()},
            max_runtime_minutes=values.minutes(MINUTES[0], found[MINUTES[0]]),
            auto_teardown_minutes=values.minutes(MINUTES[1], found[MINUTES[1]]),
            require_confirm=values.flag(FLAG, found[FLAG]),
        )
    )


def _checked(config: Config) -> Config:
    if config.auto_teardown_minutes > config.max_runtime_minutes:
        raise values.BadValueError(
            "auto_teardown_minutes",
            f"{config.auto_teardown_minutes} is longer than max_runtime_minutes"
            f" ({config.max_runtime_minutes})",
        )
    return config


def _unit(name: str, value: Any) -> UnitCaps:
    found = values.table(name, value)
    for key in ("max_per_day", "max_total"):
        if key not in found:
            raise values.BadValueError(f"{name}.{key}", "it is missing; null says: no cap")
    for key in found:
        if key not in {"max_per_day", "max_total"}:
            raise values.BadValueError(f"{name}.{key}", "there is no such field")
    return UnitCaps(
        *(
            None if found[key] is None else values.amount(f"{name}.{key}", found[key])
            for key in ("max_per_day", "max_total")
        )
    )


def canonical(config: Config) -> dict[str, Any]:
    """The configuration as JSON values, amounts as exact text; the same caps, the same value."""

    def text(amount: int | None) -> str | None:
        return None if amount is None else plain(amount)

    return {
        **{name: text(getattr(config, name)) for name in MONEY},
        "max_engine_cost": {name: plain(cap) for name, cap in config.max_engine_cost.items()},
        "units": {
            name: {"max_per_day": text(caps.max_per_day), "max_total": text(caps.max_total)}
            for name, caps in config.units.items()
        },
        **{name: getattr(config, name) for name in (*MINUTES, FLAG)},
    }


def from_canonical(found: dict[str, Any]) -> Config:
    """The inverse of :func:`canonical`. Raises BadValueError."""

    def number(value: Any) -> Any:
        if isinstance(value, str):
            return Decimal(value) if values.NUMBER.fullmatch(value) else value
        if isinstance(value, dict):
            return {key: number(inner) for key, inner in value.items()}
        return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value

    return _config(number(values.table("config", found)))


def fingerprint(config: Config) -> str:
    """SHA-256 of the canonical configuration, in hex: what an approval names."""
    from ategnatos.grimoire.files import canonical_json, sha256_bytes

    return sha256_bytes(canonical_json(canonical(config)))


def text_of(config: Config) -> bytes:
    """The file: one field a line, amounts as plain numbers, ending in a newline."""

    def written(value: Any, indent: str) -> str:
        if isinstance(value, dict):
            if not value:
                return "{}"
            inner = ",\n".join(
                f'{indent}  "{key}": {written(one, indent + "  ")}' for key, one in value.items()
            )
            return f"{{\n{inner}\n{indent}}}"
        if isinstance(value, bool):
            return "true" if value else "false"
        return "null" if value is None else str(value)

    return (written(canonical(config), "") + "\n").encode("ascii")
