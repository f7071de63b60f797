"""Decide, file by file, what ``init`` does: nothing is read twice and nothing written here.

The rule: a file that nobody touched since we laid it down is ours; every other file is the
user's, is never changed, and gets the new text beside it as ``<name>.new``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.studio.pack import PackFile
from ategnatos.studio.pack_record import PackRecord
from ategnatos.studio.reading import bytes_or_none

PLACE_TAKEN = ErrorCode("place_taken", "Something that is no file has the place of a pack file.")


class Action(StrEnum):
    """What happens to one file of the pack."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    KEPT = "kept"  # the user's own text
    BESIDE = "beside"  # the user's own text stays, ours is laid beside it
    OUTDATED = "outdated"  # ours, and an upgrade would replace it
    UPDATED = "updated"
    REMOVED = "removed"  # ours, and no longer part of the pack


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to the file at ``path``; ``old`` and ``new`` are its texts where known."""

    path: str
    action: Action
    old: bytes | None = None
    new: bytes | None = None

    @property
    def writes(self) -> str | None:
        """The path that this step writes, relative to the root; None if it writes none."""
        if self.action is Action.BESIDE:
            return f"{self.path}.new"
        return self.path if self.action in {Action.CREATED, Action.UPDATED} else None

    def diff(self) -> str:
        """A unified diff from the text in the studio to that of the pack; "" where equal."""
        old = (self.old or b"").decode(errors="replace").splitlines(keepends=True)
        new = (self.new or b"").decode(errors="replace").splitlines(keepends=True)
        lines = difflib.unified_diff(old, new, f"{self.path} (yours)", f"{self.path} (pack)")
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def plan(
    root: Path, files: Iterable[PackFile], record: PackRecord, *, upgrade: bool
) -> tuple[Step, ...]:
    """One step a file of the pack, and one for each file that has left it.

    Raises StudioError (``place_taken``, ``read_failed``).
    """
    steps = []
    known = set()
    for one in files:
        known.add(one.path)
        here = _text(root, one.path)
        action = _action(here, one.content, record.files.get(one.path), upgrade=upgrade)
        steps.append(Step(one.path, action, here, one.content))
    for path, digest in record.files.items():
        if path in known or not upgrade:
            continue
        here = _text(root, path)
        if here is not None:
            ours = sha256_bytes(here) == digest
            steps.append(Step(path, Action.REMOVED if ours else Action.KEPT, here))
    return tuple(steps)


def _action(here: bytes | None, new: bytes, recorded: str | None, *, upgrade: bool) -> Action:
    if here is None:
        return Action.CREATED
    if here == new:
        return Action.UNCHANGED
    if sha256_bytes(here) == recorded:
        return Action.UPDATED if upgrade else Action.OUTDATED
    # Offered once, on the first init or when the pack's text changes; never again after that.
    offered = recorded == sha256_bytes(new)
    if not offered and (upgrade or recorded is None):
        return Action.BESIDE
    return Action.KEPT


def _text(root: Path, path: str) -> bytes | None:
    place = root / path
    for folder in place.relative_to(root).parents:
        if (root / folder).exists() and not (root / folder).is_dir():
            raise _taken(root / folder, "a folder")
    if place.exists() and not place.is_file():
        raise _taken(place, "a file")
    return bytes_or_none(place)


def _taken(place: Path, wanted: str) -> StudioError:
    return StudioError(
        PLACE_TAKEN,
        f"{place} has to be {wanted} and is something else; nothing was written.",
        hint=f"Move it away, for example with: mv '{place}' '{place}.old'. Then run it again.",
        path=str(place),
    )
