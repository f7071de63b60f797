"""Whether one configuration allows anything that another does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ategnatos.grimoire.spend.amounts import plain
from ategnatos.guard.budget.config import FLAG, MINUTES, MONEY, Config, UnitCaps


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs. ``looser``: the new value allows more than the old one."""

    field: str
    old: str
    new: str
    looser: bool

    def __str__(self) -> str:
        return f"{self.field}: {self.old} -> {self.new}"


def differences(old: Config, new: Config) -> list[Difference]:
    """Every field in which ``new`` differs from ``old``."""
    return [one for one in _all(old, new) if one.old != one.new]


def looser(old: Config, new: Config) -> list[Difference]:
    """The fields in which ``new`` allows more than ``old``; empty: ``new`` is only stricter."""
    return [one for one in differences(old, new) if one.looser]


def _all(old: Config, new: Config) -> Iterator[Difference]:
    for name in MONEY:
        yield _cap(name, getattr(old, name), getattr(new, name))
    for name in sorted({*old.max_engine_cost, *new.max_engine_cost}):
        yield _cap(
            f"max_engine_cost.{name}", old.max_engine_cost.get(name), new.max_engine_cost.get(name)
        )
    for name in sorted({*old.units, *new.units}):
        yield from _unit(f"units.{name}", old.units.get(name), new.units.get(name))
    for name in MINUTES:
        before, after = getattr(old, name), getattr(new, name)
        yield Difference(name, str(before), str(after), after > before)
    yield Difference(FLAG, _flag(old), _flag(new), old.require_confirm and not new.require_confirm)


def _cap(name: str, old: int | None, new: int | None) -> Difference:
    more = old is not None and (new is None or new > old)
    return Difference(name, _text(old), _text(new), more)


def _unit(name: str, old: UnitCaps | None, new: UnitCaps | None) -> Iterator[Difference]:
    # A unit without caps of its own is refused: naming one allows, forgetting one forbids.
    if old is None or new is None:
        yield Difference(name, _caps(old), _caps(new), old is None)
        return
    yield _cap(f"{name}.max_per_day", old.max_per_day, new.max_per_day)
    yield _cap(f"{name}.max_total", old.max_total, new.max_total)


def _caps(caps: UnitCaps | None) -> str:
    if caps is None:
        return "not allowed"
    return f"{_text(caps.max_per_day)} a day, {_text(caps.max_total)} in all"


def _text(cap: int | None) -> str:
    return "no cap" if cap is None else plain(cap)


def _flag(config: Config) -> str:
    return "true" if config.require_confirm else "false"
