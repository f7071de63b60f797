"""Which engines are installed, what each is, and whether it can work now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ategnatos.engines import installed_engines, load_engine
from ategnatos.grimoire.errors import StudioError


@dataclass(frozen=True, slots=True)
class EngineState:
    """One engine. ``message`` says how it is, ``hint`` what mends it where it is not well."""

    name: str
    ok: bool
    label: str
    message: str
    hint: str

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


def look(name: str, *, closely: bool) -> EngineState:
    """Ask one engine; a plug-in that breaks is a finding, not an error of ours.

    ``closely`` also asks for its health, which may open a model or a connection; without it
    ``ok`` only says that the engine loads.
    """
    try:
        engine = load_engine(name)
        label = engine.label
        if not closely:
            return EngineState(name, True, label, "", "")
        health = engine.health()
    except StudioError as error:
        return EngineState(name, False, "", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - a stranger's plug-in may raise anything
        said = f"It breaks when it is asked how it is: {type(error).__name__}: {error}"
        return EngineState(name, False, "", said, "Report this to the engine's author.")
    return EngineState(name, health.ok, label, health.message, health.hint)


def look_at_all(*, closely: bool) -> tuple[EngineState, ...]:
    """Every installed engine, by name."""
    return tuple(look(name, closely=closely) for name in installed_engines())
