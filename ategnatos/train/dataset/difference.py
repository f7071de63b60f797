"""What differs between two versions of a dataset, field by field."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from ategnatos.train.dataset.version import Picture

if TYPE_CHECKING:
    from ategnatos.train.dataset.version import Version


def between(first: Version, second: Version) -> dict[str, Any]:
    """JSON values: ``added``, ``removed``, ``renamed`` ([old, new]), ``changed`` (picture to
    fields, each [old, new]; captions as their texts) and ``settings`` ([old, new] by name).
    """
    old, new = first.by_name(), second.by_name()
    removed = [name for name in old if name not in new]
    added = [name for name in new if name not in old]
    renamed = []
    gone = {old[name].sha256: name for name in removed}
    for name in list(added):
        before = gone.pop(new[name].sha256, None)
        if before is not None:
            renamed.append([before, name])
            added.remove(name)
            removed.remove(before)
    changed = {}
    for name in sorted(set(old) & set(new)):
        if old[name] != new[name]:
            changed[name] = _fields(old[name], new[name])
    settings = {
        key: [first.settings.get(key), second.settings.get(key)]
        for key in sorted({*first.settings, *second.settings})
        if first.settings.get(key) != second.settings.get(key)
    }
    return {
        "added": added,
        "removed": removed,
        "renamed": renamed,
        "changed": changed,
        "settings": settings,
    }


def sentences(found: dict[str, Any]) -> list[str]:
    """The same for people."""
    lines = [f"  + {name}" for name in found["added"]]
    lines += [f"  - {name}" for name in found["removed"]]
    lines += [f"  {old} is called {new} now" for old, new in found["renamed"]]
    for name, changes in found["changed"].items():
        lines += [f"  {name}: {key}: {old!r} -> {new!r}" for key, (old, new) in changes.items()]
    lines += [f"  {key}: {old!r} -> {new!r}" for key, (old, new) in found["settings"].items()]
    return lines or ["  nothing differs"]


def _fields(old: Picture, new: Picture) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in fields(Picture):
        before, after = getattr(old, one.name), getattr(new, one.name)
        if before == after:
            continue
        if one.name == "captions":
            found["caption"] = [old.caption and old.caption.text, new.caption and new.caption.text]
        elif one.name in {"source", "rights"}:
            found[one.name] = [asdict(before), asdict(after)]
        else:
            found[one.name] = [before, after]
    return found
