"""A writer touches its own component and nothing else; without a scope it touches nothing."""

from __future__ import annotations

import os

from ategnatos.fences.decision import Denied
from ategnatos.fences.fleet.settings import Fleet, load, read_object
from ategnatos.fences.zones import file_name_of, inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FILES = {
    "Read": "file_path",
    "Edit": "file_path",
    "Write": "file_path",
    "NotebookEdit": "notebook_path",
}
_ROOTS = ("source_roots", "test_roots", "shared_dependencies")


def check(given: dict[str, Any], tool: str, wanted: dict[str, Any], root: str) -> None:
    """Raise Denied for a file outside the scope of the agent that asks."""
    fleet = load(root)
    kind = str(given.get("agent_type") or os.environ.get("ATEGNATOS_FLEET_ROLE") or "")
    if tool in _FILES:
        path = os.path.realpath(
            os.path.join(str(given.get("cwd") or root), str(wanted.get(_FILES[tool]) or ""))
        )
        touched = [(path, tool)]
    elif tool == "Bash":
        touched = [(one, "Bash") for one in _written_by_shell(given, wanted, root)]
    else:
        return
    if _is(kind, fleet.without_source):
        _no_source(fleet, kind, touched)
    agent = str(given.get("agent_id") or "")
    contract = _scope(fleet, agent, kind)
    if contract is None:
        if _is(kind, fleet.writers) and (touched or tool == "Bash"):
            raise Denied(
                "scope",
                f"{kind} has no scope.",
                f"Whoever sends it writes {fleet.short(fleet.at('pending-scope.json'))} with "
                '{"contract": "..."} first, then sends it again.',
            )
        return
    name = str(contract.get("component") or "unknown")
    allowed = [*(one for key in _ROOTS for one in _list(contract, key)), *fleet.always_allowed]
    always = [fleet.coordination, fleet.contracts]
    for path, how in touched:
        if any(
            inside(path, os.path.join(fleet.root, one))
            for one in _list(contract, "forbidden_source_roots")
        ):
            raise _outside(fleet, path, name, how)
        if how == "Read" and any(inside(path, one) for one in always):
            continue
        if any(inside(path, os.path.realpath(os.path.join(fleet.root, one))) for one in allowed):
            continue
        if inside(path, fleet.at(f"{os.environ.get('ATEGNATOS_FLEET_SLUG', '')}-handoff.md")):
            continue
        raise _outside(fleet, path, name, how)


def _scope(fleet: Fleet, agent: str, kind: str) -> dict[str, Any] | None:
    """The contract of the agent; its first call claims the scope that was laid out for it."""
    safe = file_name_of(agent)
    if not safe:
        return None
    mine = fleet.at(f"active-scope-{safe}.json")
    if not os.path.exists(mine) and _is(kind, fleet.writers):
        try:
            # One rename: of two agents that ask at once, one has it.
            os.rename(fleet.at("pending-scope.json"), mine)
        except FileNotFoundError:
            return None
    if not os.path.exists(mine):
        return None
    try:
        path = os.path.join(fleet.root, str(read_object(mine)["contract"]))
        contract = read_object(path)
    except (OSError, ValueError, KeyError) as error:
        raise Denied(
            "scope",
            f"The scope of {kind or 'this agent'} cannot be read ({error!r}).",
            "Mend the contract that it names; until then nothing passes.",
        ) from error
    if not any(_list(contract, key) for key in _ROOTS):
        raise Denied("scope", f"The contract {path} allows no folder at all.", "Mend it.")
    return contract


def _no_source(fleet: Fleet, kind: str, touched: list[tuple[str, str]]) -> None:
    """An orchestrator works from contracts and reports; source is for those it sends."""
    for path, how in touched:
        for name in sorted(os.listdir(fleet.contracts)) if os.path.isdir(fleet.contracts) else []:
            if not name.endswith(".json"):
                continue
            contract = read_object(os.path.join(fleet.contracts, name))
            for key in ("source_roots", "test_roots"):
                for one in _list(contract, key):
                    if inside(path, os.path.realpath(os.path.join(fleet.root, one))):
                        raise Denied(
                            "scope",
                            f"{kind} reads no source, and {fleet.short(path)} is source ({how}).",
                            "Where contracts and reports do not suffice, say that the contract is "
                            "underspecified, and stop.",
                        )


def _written_by_shell(given: dict[str, Any], wanted: dict[str, Any], root: str) -> list[str]:
    """Files that a shell line would write, as far as they can be seen."""
    from ategnatos.fences.events import known
    from ategnatos.fences.line import written_by

    folder = str(given.get("cwd") or root)
    return written_by(str(wanted.get("command") or ""), known(), root=root, folder=folder)


def _outside(fleet: Fleet, path: str, name: str, how: str) -> Denied:
    return Denied(
        "scope",
        f"{fleet.short(path)} lies outside what component {name!r} may touch ({how}).",
        "Stay inside it, or report that the contract is underspecified.",
    )


def _is(kind: str, names: list[str]) -> bool:
    return any(kind == one or kind.startswith(one + "-") for one in names)


def _list(contract: dict[str, Any], key: str) -> list[str]:
    found = contract.get(key)
    return [one for one in found if isinstance(one, str) and one] if isinstance(found, list) else []
