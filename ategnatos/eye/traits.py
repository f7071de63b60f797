"""What can be counted about a judged picture: words, settings, models and LoRAs, colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.eye.wording import singular, tokens
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.grimoire.jobs import database, store
from ategnatos.guard.gate import book
from ategnatos.guard.gate.record import Standing
from ategnatos.knowledge.taste import Knowledge, knowledge

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

WORD, SETTING, COMBO, PALETTE = "word", "setting", "combo", "palette"
_SETTINGS = ("steps", "cfg", "sampler", "strength")


@dataclass(frozen=True, slots=True)
class Trait:
    """One countable thing: its kind and its name, such as ``word`` ``outlined``."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class JudgedPicture:
    """A candidate with a verdict that counts, the event that gave it, and its traits.

    ``coloured`` tells whether its file was there to be measured.
    """

    candidate: str
    event: str
    approved: bool
    traits: frozenset[Trait]
    coloured: bool


def judged_pictures(project: Project) -> list[JudgedPicture]:
    """Every picture whose verdict counts, oldest first. Broken verdicts are none.

    Raises StudioError (``journal_corrupt`` and those of the job store).
    """
    if not database.exists(project):
        return []
    given = book.read(project)
    with database.connect(project) as db:
        return list(_pictures(project, db, given))


def _pictures(project: Project, db: Database, given: book.Book) -> Iterator[JudgedPicture]:
    jobs: dict[int, store.Job] = {}
    known = knowledge()
    for one in store.all_candidates(db):
        found = given.of(one.reference, one.sha256)
        if found is None or found.standing is Standing.BROKEN:
            continue
        if one.job not in jobs:
            jobs[one.job] = store.get(db, one.job)
        colours = _colours(project, one, known)
        traits = {*_words(jobs[one.job], known), *_settings(jobs[one.job], one), *(colours or ())}
        approved = found.event.data.get("verdict") == store.APPROVED
        yield JudgedPicture(
            one.reference, found.event.id, approved, frozenset(traits), colours is not None
        )


def _words(job: store.Job, known: Knowledge) -> Iterator[Trait]:
    for word in tokens(job.asked):
        if len(word) > 2 and word not in known.stop_words and not word.isdigit():
            yield Trait(WORD, singular(word))
    for clause in job.asked.split(","):
        words = [word for word in tokens(clause) if word not in known.stop_words]
        if 2 <= len(words) <= known.longest:
            yield Trait(WORD, " ".join(words))


def _settings(job: store.Job, one: store.Candidate) -> Iterator[Trait]:
    used: Mapping[str, Any] = {**job.request, **one.settings}
    for name in _SETTINGS:
        value = used.get(name)
        if value is not None:
            shown = f"{value:g}" if isinstance(value, float) else str(value)
            yield Trait(SETTING, f"{name} {shown}")
    yield Trait(SETTING, f"size {one.width}x{one.height}")
    loras = sorted(
        f"{lora.get('name')}@{float(lora.get('weight', 1)):g}"
        for lora in job.request.get("loras") or ()
    )
    model = str(used.get("model") or job.engine)
    parts = [model, *loras]
    if used.get("cfg") is not None:
        parts.append(f"CFG {float(used['cfg']):g}")
    yield Trait(COMBO, " + ".join(parts))
    if loras:
        yield Trait(COMBO, " + ".join([model, *loras]))
        for lora in loras:
            yield Trait(COMBO, f"LoRA {lora}")
    yield Trait(COMBO, f"model {model}")


def _colours(project: Project, one: store.Candidate, known: Knowledge) -> frozenset[Trait] | None:
    """The traits of its palette; None where the file is gone, changed or shows nothing."""
    from ategnatos.pictures.palette import measure

    path = project.root / one.path
    if not path.is_file() or sha256_file(path) != one.sha256:
        return None
    try:
        palette = measure(path, known.palette)
    except StudioError:
        # Not a picture that can be opened here: it counts for words and settings alone.
        return None
    if palette is None:
        return None
    return frozenset(Trait(PALETTE, name) for name in palette.traits(known.palette))
