"""The provider that can end a machine, found by its entry point."""

from __future__ import annotations

from collections.abc import Callable

from ategnatos.guard.budget.teardown import ENTRY_POINT_GROUP, Teardown
from ategnatos.knowledge import plug_ins
from ategnatos.providers.names import canonical

# Gives the provider of that name, or None and why it cannot be used.
Find = Callable[[str], tuple[Teardown | None, str]]


def find(provider: str) -> tuple[Teardown | None, str]:
    """The installed provider called ``provider``, or None and the reason in words."""
    own = canonical(provider)
    found = [one for one in plug_ins.declared(ENTRY_POINT_GROUP) if one.name == own]
    if not found:
        return None, f"no provider called {provider!r} is installed"
    try:
        built = found[0].load()()
    except Exception as error:  # noqa: BLE001 - a stranger's plug-in may raise anything
        return None, f"the provider {provider!r} does not load ({type(error).__name__}: {error})"
    if not isinstance(built, Teardown):
        return None, f"the provider {provider!r} cannot end machines"
    return built, ""
