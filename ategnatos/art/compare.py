"""Two to four pictures beside each other, and exactly what differs in how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art import iterations
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import binding_hash, write_atomic
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.prompts.diff import Difference, marked, word_diff

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.store import Candidate, Job
    from ategnatos.grimoire.project import Project
    from ategnatos.prompts.tree import Notation

COMPARISON = ErrorCode("comparison", "Two to four different pictures are compared.")

LABELS = "ABCD"


@dataclass(frozen=True, slots=True)
class Side:
    """One picture: its letter, what it is called, and how it was made."""

    label: str
    name: str
    job: Job
    picture: Candidate


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting by the letter of each picture; None where a picture has none."""

    name: str
    values: dict[str, Any]

    @property
    def differs(self) -> bool:
        """Whether the pictures do not all have the same value."""
        values = list(self.values.values())
        return any(value != values[0] for value in values)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``settings`` are all of them; the words of each further picture against those of A."""

    sides: tuple[Side, ...]
    settings: tuple[Setting, ...]
    words: dict[str, tuple[Difference, ...]]
    negative_words: dict[str, tuple[Difference, ...]]


def compare(sides: Sequence[Side], notations: Sequence[Notation]) -> Comparison:
    """What differs between the pictures. ``notations`` are how the prompt of each is written.

    Raises StudioError (``comparison``).
    """
    if not 2 <= len({one.picture.reference for one in sides}) == len(sides) <= len(LABELS):
        raise StudioError(
            COMPARISON,
            "A comparison takes two to four different pictures; nothing was drawn.",
            hint="Name them: ategnatos art compare 'j1#1' 'j2#3'",
            given=[one.picture.reference for one in sides],
        )
    made_with = {one.label: _made_with(one) for one in sides}
    names = list(dict.fromkeys(name for facts in made_with.values() for name in facts))
    settings = tuple(
        Setting(name, {label: facts.get(name) for label, facts in made_with.items()})
        for name in names
    )
    first = sides[0]
    words, negative = {}, {}
    for one, notation in zip(sides[1:], notations[1:], strict=True):
        words[one.label] = tuple(word_diff(first.job.asked, one.job.asked, notation))
        negative[one.label] = tuple(
            word_diff(first.job.request["negative"], one.job.request["negative"], notation)
        )
    return Comparison(tuple(sides), settings, words, negative)


def write_sheet(project: Project, found: Comparison) -> Path:
    """Draw the pictures with their letters and what differs; the path of the PNG.

    Raises StudioError as the contact sheet does, and ``file_gone``, ``bytes_changed``.
    """
    from ategnatos.art.verdicts import verify_bytes
    from ategnatos.pictures.sheet import SheetItem, contact_sheet

    for one in found.sides:
        verify_bytes(project, one.picture)
    items = [
        SheetItem(
            picture=project.root / one.picture.path,
            label=one.label,
            caption=f"{one.name}  ·  seed {one.picture.seed}",
            badge=one.picture.verdict,
        )
        for one in found.sides
    ]
    sheet = contact_sheet(
        items,
        title="  and  ".join(f"{one.label}: {one.name}" for one in found.sides),
        subtitle="  ·  ".join(_told(found)) or "They were made in the same way.",
        footer=found.sides[0].job.asked,
    )
    shown = [[one.label, one.picture.reference, one.picture.sha256] for one in found.sides]
    path = resolve(project, Zone.WORKSPACE, f"outputs/comparisons/{binding_hash(shown)}.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, sheet)
    return path


def _told(found: Comparison) -> list[str]:
    """What differs, in the fewest words: the sheet has three lines for it."""
    told = [
        f"{label}: {marked(list(words))}"
        for label, words in found.words.items()
        if any(one.kind != "same" for one in words)
    ]
    for setting in found.settings:
        if setting.differs and setting.name != "seed":
            values = " / ".join("none" if v is None else _short(v) for v in setting.values.values())
            told.append(f"{setting.name} {values}")
    return told


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 24 else f"{text[:16]}…"


def _made_with(side: Side) -> dict[str, Any]:
    facts = {"engine": side.job.engine, **iterations.settings(side.job)}
    facts["seed"] = side.picture.seed
    loras = facts.pop("loras", {})
    facts |= {f"LoRA {name}": weight for name, weight in loras.items()}
    facts |= {
        f"{name} sha256": digest
        for name, digest in iterations.hashes(side.picture.settings).items()
        if name not in {"init", "init_image", "mask"}
    }
    facts.pop("count", None)
    return facts
