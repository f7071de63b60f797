"""What is asked of a LoRA: prompts by what was trained and how its family is asked, as data.

Beside them come captions of pictures that were set apart for validation, which the training never
saw, and the most common caption with its trigger taken out, which shows a leak.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader
from ategnatos.train.evaluation.record import Prompt

if TYPE_CHECKING:
    from ategnatos.train.dataset.version import Version

EVALUATION_PROMPTS = ErrorCode("evaluation_prompts", "The prompts to look with cannot be used.")

CALLED = ("near", "bare", "far", "held")
"""Kinds of prompts that have the trigger in them."""
KINDS = (*CALLED, "without", "other")
DEFAULT = "default"
MOST = 60
_LONGEST = 1000
_HELD = 2
_LARGEST_FILE = 1 << 20


def chosen(
    wanted: str, *, training: str, family: str, trigger: str, version: Version | None
) -> tuple[Prompt, ...]:
    """The prompts of ``wanted``: ``default``, or a file of one a line (``KIND: TEXT`` or TEXT).

    Raises StudioError (``evaluation_prompts``).
    """
    if wanted != DEFAULT:
        return _numbered(_of_file(Path(wanted), trigger))
    said = _data()["sets"][_way(family)][training]
    found = [(one["kind"], _filled(one["text"], trigger)) for one in said]
    if not trigger:
        # Nothing calls it, so nothing can leak without a call either.
        found = [("near" if kind == "bare" else kind, text) for kind, text in found if text]
    if version is not None:
        found += _of_dataset(version, trigger, [text for _, text in found])
    return _numbered(found)


def settings(family: str) -> dict[str, Any]:
    """Size and steps to look at in that family; empty: the engine's own."""
    return dict(_data()["settings"].get(family.partition("/")[0], {}))


def defaults() -> Mapping[str, Any]:
    """Weights and seeds to look with."""
    return _data()


def why(kind: str) -> str:
    """What prompts of a kind show, as a question."""
    return str(_data()["why"][kind])


def _of_dataset(version: Version, trigger: str, known: Sequence[str]) -> list[tuple[str, str]]:
    """Captions that were not trained on, and the most common one without its trigger."""
    captions = [(one.caption.text, one.split) for one in version.pictures if one.caption]
    apart = sorted({text for text, split in captions if split == "validation"} - set(known))
    found = [("held", text) for text in apart[:_HELD]]
    common = Counter(text for text, split in captions if split != "validation")
    for text, _ in sorted(common.items(), key=lambda one: (-one[1], one[0])):
        bare = without(text, trigger)
        # One word is hardly a description of anything.
        if trigger and bare != text and len(bare.split()) > 1 and bare not in known:
            found.append(("without", bare))
            break
    return found


def without(text: str, trigger: str) -> str:
    """``text`` with the trigger taken out, and what it leaves behind tidied."""
    if not trigger:
        return text
    cut = re.sub(rf"(?<!\w){re.escape(trigger)}(?!\w)", " ", text, flags=re.IGNORECASE)
    cut = re.sub(r"\s+([,.;])", r"\1", " ".join(cut.split()))
    cut = re.sub(r"([,;])(?:\s*[,;])+", r"\1", cut)
    return re.sub(r"^[\s,;.]+|[\s,;]+$", "", cut)


def has(text: str, trigger: str) -> bool:
    """Whether ``text`` calls the trigger."""
    return bool(trigger) and without(text, trigger) != text


def _filled(text: str, trigger: str) -> str:
    if trigger:
        said = text.replace("{trigger}", trigger)
        return f"an {said[2:]}" if text.startswith("a {trigger}") and said[2] in "aeiou" else said
    # "a house by a river, {trigger}" is a house by a river.
    return without(text, "{trigger}") if "{trigger}" in text else text


def _of_file(path: Path, trigger: str) -> list[tuple[str, str]]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise _refused(path, "it is no list of prompts: it is too large")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, f"it cannot be read ({error})") from error
    found = []
    for line in lines:
        text = " ".join(line.split())
        if not text or text.startswith("#"):
            continue
        head, colon, tail = text.partition(":")
        kind = head.strip().lower()
        if colon and kind in KINDS:
            text = tail.strip()
        else:
            kind = "near" if has(text, trigger) or not trigger else "other"
        if not text or len(text) > _LONGEST:
            raise _refused(path, f"{line[:40]!r} is no prompt")
        found.append((kind, _filled(text, trigger)))
    if not found or len(found) > MOST:
        raise _refused(path, f"it holds {len(found)} prompts, and 1 to {MOST} can be looked at")
    return found


def _numbered(found: Sequence[tuple[str, str]]) -> tuple[Prompt, ...]:
    """Each once, in the order of their kinds, with a short name."""
    kinds: dict[str, str] = {}
    for kind, text in found:
        kinds.setdefault(text, kind)
    ordered = sorted(kinds.items(), key=lambda one: KINDS.index(one[1]))
    return tuple(
        Prompt(f"p{number}", kind, text, why(kind))
        for number, (text, kind) in enumerate(ordered, 1)
    )


def _way(family: str) -> str:
    """Which set of prompts a family is asked with."""
    from ategnatos.knowledge import dialects, families

    if family.partition("/")[0] in _data()["sets"]:
        return family.partition("/")[0]
    try:
        style = dialects.find(families.find(family).dialect).style
    except StudioError:
        style = "prose"
    return style if style in _data()["sets"] else "prose"


def _refused(path: Path, why: str) -> StudioError:
    return StudioError(
        EVALUATION_PROMPTS,
        f"The prompts of {path} cannot be used: {why}. Nothing was made.",
        hint="Write one prompt a line, if you like with its kind before it: 'far: owl in snow'."
        f" Kinds: {', '.join(KINDS)}.",
        path=str(path),
    )


@cache
def _data() -> Mapping[str, Any]:
    return loader.read("evaluation_prompts").content
