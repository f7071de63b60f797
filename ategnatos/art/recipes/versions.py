"""Two versions of a recipe side by side, and the next version out of one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.art.recipes.model import REMARKS

if TYPE_CHECKING:
    from ategnatos.art.recipes.model import RecipeId

_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same. A side that is not there is said so."""

    where: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is _ABSENT:
            return f"{self.where} came: {_short(self.after)}"
        if self.after is _ABSENT:
            return f"{self.where} went: {_short(self.before)}"
        return f"{self.where}: {_short(self.before)} became {_short(self.after)}"

    def facts(self) -> dict[str, Any]:
        """As JSON values; a side that is not there has no key."""
        sides = {"before": self.before, "after": self.after}
        return {"field": self.where, **{k: v for k, v in sides.items() if v is not _ABSENT}}


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Every field that decides a picture and differs; neither id nor remarks are among them."""
    skipped = {*REMARKS, "recipe_id"}
    return [
        one for one in _differing("", before, after) if one.where.partition(".")[0] not in skipped
    ]


def next_version(
    content: dict[str, Any], new_id: RecipeId, changes: dict[str, Any]
) -> dict[str, Any]:
    """A recipe's JSON under a new id, with locked fields set; None takes one away."""
    made = copy.deepcopy(content)
    made["recipe_id"] = str(new_id)
    for name, value in changes.items():
        if value is None:
            made["locked_fields"].pop(name, None)
        else:
            made["locked_fields"][name] = value
    return made


def _differing(where: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _differing(
                f"{where}.{key}" if where else key,
                before.get(key, _ABSENT),
                after.get(key, _ABSENT),
            )
    elif type(before) is not type(after) or before != after:
        yield Difference(where, before, after)


def _short(value: Any) -> str:
    import json

    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
