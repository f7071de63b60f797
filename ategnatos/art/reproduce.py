"""Make a candidate once more: what differs is said before, and how far it agrees afterwards.

The lock of a picture is what its settings record beside the request: weights by hash, the graph,
versions. Other weights are another picture, so they stop it. Other versions may or may not be:
that is what a person wants to know, so they are said and the picture is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.engines import ENGINE_CANNOT, LockedEngine
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes, write_atomic
from ategnatos.grimoire.jobs import database, store

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.engines import Engine, Image, ProgressCallback, Request
    from ategnatos.grimoire.project import Project

NOT_MADE_HERE = ErrorCode("not_made_here", "The picture was not made by an engine of this studio.")
LOCK_DIFFERS = ErrorCode("lock_differs", "What made the picture is not what is here now.")
REPRODUCTION_BILLED = ErrorCode(
    "reproduction_billed", "Making the picture once more would be billed."
)

EVENT_KIND = "art.reproduced"
FOLDER = "reproduced"

# How far a second making agrees with the first.
BYTES, PIXELS, SETTINGS, NOTHING = "bytes", "pixels", "settings", "nothing"
# What says who made it and with which program, not how.
_ABOUT_THE_MAKER = ("versions", "made_by")


@dataclass(frozen=True, slots=True)
class LockDifference:
    """One thing that is not as it was. ``decides`` tells whether it surely changes the picture."""

    name: str
    was: str
    now: str
    decides: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be made once more, and what differs from the first time."""

    job: store.Job
    candidate: store.Candidate
    request: Request
    differences: tuple[LockDifference, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reproduced:
    """How far the second making agrees: one of bytes, pixels, settings, nothing.

    ``changed_pixels`` of ``pixels`` differ, by at most ``most`` of 255; None where the first
    picture is not there to compare with. ``path`` is the new one, where it is another file.
    """

    agreement: str
    sha256: str
    changed_pixels: int | None
    pixels: int
    most: int | None
    differing_settings: tuple[str, ...]
    path: Path | None


def plan(project: Project, engine: Engine, job: store.Job, one: store.Candidate) -> Plan:
    """Hold the lock of ``one`` against what is here. Makes no pixel.

    Raises StudioError (``reproduction_billed``, ``input_lost``, ``engine_unavailable``, ...).
    """
    from ategnatos.art.vary import request_of

    request = replace(request_of(project, job), seed=one.seed, count=1)
    price = engine.estimate(request)
    if price.amount_usd or price.units:
        raise StudioError(
            REPRODUCTION_BILLED,
            f"{engine.name} bills for {one.reference} each time; nothing was sent.",
            hint="Order a new take, with its price agreed to: ategnatos art generate ... --again",
        )
    try:
        exact, _ = engine.plan(request)
        now = engine.lock(exact) if isinstance(engine, LockedEngine) else {}
    except StudioError as error:
        if error.code is not ENGINE_CANNOT:
            raise
        gone = LockDifference("engine", f"made {one.reference}", error.message, decides=True)
        return Plan(job, one, request, (gone,), ())
    found = _differences(one.settings, now)
    unknown = tuple(name for name, was, here in _weights(one.settings, now) if not (was and here))
    return Plan(job, one, exact, tuple(found), unknown)


def check(planned: Plan) -> None:
    """Raise StudioError (``lock_differs``) where something surely makes another picture of it."""
    decisive = [one for one in planned.differences if one.decides]
    if not decisive:
        return
    told = "; ".join(f"{one.name}: was {one.was}, is {one.now}" for one in decisive)
    raise StudioError(
        LOCK_DIFFERS,
        f"{planned.candidate.reference} cannot come out the same: {told}. Nothing was made.",
        hint="Bring back what made it, or see what comes of it with --anyway.",
        candidate=planned.candidate.reference,
        differences=[asdict(one) for one in planned.differences],
    )


def make(
    project: Project,
    engine: Engine,
    planned: Plan,
    *,
    actor: str,
    now: Callable[[], datetime],
    on_progress: ProgressCallback | None = None,
) -> Reproduced:
    """Make it once more, compare, and write the outcome into the journal."""
    from ategnatos.art import steps

    image = steps.made_by(engine, planned.request, on_progress).images[0]
    found = compared(project, planned, image)
    journal.append(
        project,
        EVENT_KIND,
        actor=actor,
        references={"candidate": planned.candidate.reference, "sha256": planned.candidate.sha256},
        data={
            "agreement": found.agreement,
            "made_sha256": found.sha256,
            "changed_pixels": found.changed_pixels,
            "settings": list(found.differing_settings),
            "differences": [asdict(one) for one in planned.differences],
        },
        now=now(),
    )
    return found


def compared(project: Project, planned: Plan, image: Image) -> Reproduced:
    """How far ``image`` agrees with the candidate; a picture of its own is kept beside it."""
    from ategnatos.art import steps

    one, job = planned.candidate, planned.job
    differing = tuple(
        name
        for name in sorted({*one.settings, *image.settings} - set(_ABOUT_THE_MAKER))
        if one.settings.get(name) != image.settings.get(name)
    )
    # The same settings are written in the words of then, so that only the picture decides.
    same = image if differing else replace(image, settings=one.settings)
    png = steps.labelled(job, one.number, same)
    digest = sha256_bytes(png)
    pixels = image.width * image.height
    if digest == one.sha256:
        return Reproduced(BYTES, digest, 0, pixels, 0, differing, None)
    changed, most = _pixels_apart(project.root / one.path, one.sha256, png)
    agreement = PIXELS if changed == 0 else SETTINGS if not differing else NOTHING
    path = project.outputs / FOLDER / f"{job.name}-{one.number}-{digest[:12]}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, png)
    return Reproduced(agreement, digest, changed, pixels, most, differing, path)


def of(project: Project, job_id: int, number: int) -> tuple[store.Job, store.Candidate]:
    """The candidate and its job. Raises StudioError (``job_unknown``, ``not_made_here``)."""
    from ategnatos.art.importing import ENGINE

    with database.connect(project) as db:
        one = store.get_candidate(db, job_id, number)
        job = store.get(db, job_id)
    if job.engine == ENGINE:
        raise StudioError(
            NOT_MADE_HERE,
            f"{one.reference} was imported, so nobody here can make it again; nothing was done.",
            hint=f"See what its file says: ategnatos art info {project.root / one.path}",
            candidate=one.reference,
        )
    return job, one


def _differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[LockDifference]:
    found = [
        LockDifference(name, before[:16], here[:16], decides=True)
        for name, before, here in _weights(was, now)
        if before and here and before != here
    ]
    graphs = was.get("graph_sha256"), now.get("graph_sha256")
    if all(graphs) and graphs[0] != graphs[1]:
        found.append(
            LockDifference("graph", str(graphs[0])[:16], str(graphs[1])[:16], decides=True)
        )
    before, here = was.get("versions") or {}, now.get("versions") or {}
    found += [
        LockDifference(name, before.get(name, "unknown"), here.get(name, "unknown"), decides=False)
        for name in sorted({*before, *here})
        if before.get(name) != here.get(name)
    ]
    return found


def _weights(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name of each file of weights, and its hash then and now, "" where it is not known."""
    before, here = _hashes(was), _hashes(now)
    names = dict.fromkeys((*before, *here))
    return [(name, before.get(name, ""), here.get(name, "")) for name in names]


def _hashes(lock: Mapping[str, Any]) -> dict[str, str]:
    files = [*(lock.get("loras") or ()), *(lock.get("weights") or ())]
    named = {str(one.get("name")): str(one.get("sha256") or "") for one in files}
    return {"model": str(lock.get("model_sha256") or ""), **named}


def _pixels_apart(path: Path, sha256: str, png: bytes) -> tuple[int | None, int | None]:
    """How many pixels differ and by how much at most; None where there is nothing to compare."""
    import numpy as np

    from ategnatos.pictures.decode import decode_picture

    if not path.is_file() or sha256_bytes(path.read_bytes()) != sha256:
        return None, None
    first, second = (
        np.asarray(decode_picture(source).image.convert("RGBA"), np.int16) for source in (path, png)
    )
    if first.shape != second.shape:
        return max(first.shape[0] * first.shape[1], second.shape[0] * second.shape[1]), 255
    apart = np.abs(first - second).max(axis=2)
    return int((apart > 0).sum()), int(apart.max())
