"""What a person reads of recipes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

# What a person reads of a long list before it says "and N more".
_SHOWN = 48


def draw_list(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    """Every recipe in one line, its levers below."""
    if not rows:
        _line(console, "There are no recipes yet. Make one: ategnatos art recipe new --help")
    for row in rows:
        if not row["sound"]:
            _line(console, f"{row['recipe']}  does not hold: {row['problem']}")
            continue
        count = row["outputs"]
        used = "used, so it stays as it is" if row["used"] else "not used yet"
        _line(
            console,
            f"{row['recipe']}  {count} output{'' if count == 1 else 's'}"
            f" by {', '.join(row['engine_keys'])}  ({used})",
        )
        for name, values in row["levers"].items():
            _line(console, f"  --{name.replace('_', '-')}  {', '.join(values)}")


def draw_recipe(console: Console, facts: dict[str, Any]) -> None:
    """One recipe, whole."""
    content = facts["content"]
    used = "was used and stays as it is" if facts["used"] else "was not used yet"
    _line(console, f"{facts['recipe']}  ({facts['kind']}; {used})")
    if facts["about"]:
        _line(console, f"  {facts['about']}")
    _line(console, f"  {facts['bindings']} bindings, {facts['outputs']} outputs in all:")
    for name, values in facts["levers"].items():
        _line(console, f"    --{name.replace('_', '-')}  {', '.join(values)}")
    _line(console, "  locked:")
    for name, value in content["locked_fields"].items():
        _line(console, f"    {name}: {_short(value)}")
    for key, entry in content["prompt_templates_by_backend"].items():
        before = f", after a concept by {entry['concept']}" if entry.get("concept") else ""
        _line(console, f"  asked of {key}{before}:")
        for name, value in entry.items():
            if name != "concept":
                _line(console, f"    {name}: {_short(value)}")
    _line(console, f"  makes: {', '.join(facts['output_kinds'])}")
    states = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in facts["made"].items())
    _line(console, f"  so far: {states or 'nothing'}")
    _line(console, f"  hash {facts['sha256'][:16]}")


def draw_rows(console: Console, facts: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """Every binding with its hash."""
    _line(console, f"{facts['recipe']}: {facts['bindings']} bindings, {facts['count']} outputs")
    for row in rows[:_SHOWN]:
        levers = " ".join(f"{name}={value}" for name, value in row["levers"].items())
        there = "made" if row["on_disk"] else "not made"
        _line(console, f"  {row['binding']}  {levers}  {row['engine_key']}  {there}")
    if len(rows) > _SHOWN:
        _line(console, f"  and {len(rows) - _SHOWN} more (--json names them all)")


def draw_candidates(console: Console, recipe_id: str, rows: Sequence[dict[str, Any]]) -> None:
    """Every candidate of a recipe in one line."""
    count = len(rows)
    _line(console, f"{recipe_id}: {count} candidate{'' if count == 1 else 's'}")
    for row in rows:
        levers = " ".join(f"{name}={value}" for name, value in row["levers"].items())
        concept = "concept, " if row["concept"] else ""
        _line(
            console,
            f"  {row['candidate']}  {row['binding']}  {levers}  {row['engine_key']}"
            f"  seed {row['seed']}  {concept}{row['verdict'] or 'no verdict yet'}",
        )


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(console: Console, text: str) -> None:
    console.print(plain(text), soft_wrap=True, markup=False, highlight=False)
