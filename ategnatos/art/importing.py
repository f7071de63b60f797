"""Adopt pictures that were made elsewhere: kept byte for byte, recorded as candidates.

One file is one job, known by its hash: the same file again is the same job, under whatever name
it comes. So an import that was cut short is finished by running it again. What the file says of its
making is recorded as what it says; who may use it is unknown until somebody says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import content, journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.jobs import database, saga, store

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.pictures.inspect import PictureInfo

NOTHING_TO_IMPORT = ErrorCode("nothing_to_import", "There is no picture to import at that path.")
IMPORT_NO_WORDS = ErrorCode("import_no_words", "The imported picture says no prompt to change.")
TOO_MANY_FILES = ErrorCode("import_too_many", "The folder holds more files than one import takes.")

ENGINE = "import"
RECIPE_ID = "import"
EVENT_KIND = "art.imported"
UNKNOWN_RIGHTS = "unknown"

MOST_FILES = 100_000
_LONGEST_NAME = 400
# Stands before the file's name where the file says no prompt.
_NO_PROMPT = "imported:"
_LORA_TAG = re.compile(r"<(?:lora|lyco):[^<>]{0,300}>")
_LONGEST_PROMPT = 20_000
# What the database's own whole numbers hold; ComfyUI takes seeds of twice that.
_SEED_LIMIT = 2**63
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})


@dataclass(frozen=True, slots=True)
class Origin:
    """What a person says of the pictures: where they come from, and who may use them."""

    source: str = ""
    rights: str = UNKNOWN_RIGHTS


@dataclass(frozen=True, slots=True)
class Adopted:
    """One file that is in the record now. ``fresh`` is False where it was there before.

    ``tool`` is what the file says made it, "" where it says nothing.
    """

    file: str
    candidate: str
    path: Path
    sha256: str
    tool: str
    prompt: str
    fresh: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """One file that was left where it is, and why."""

    file: str
    reason: str


def pictures_in(path: Path) -> tuple[list[Path], list[Skipped]]:
    """The files to look at below ``path`` (or itself), sorted; links are not followed.

    Raises StudioError (``nothing_to_import``, ``import_too_many``).
    """
    if path.is_file():
        return [path], []
    if not path.is_dir():
        raise StudioError(
            NOTHING_TO_IMPORT,
            f"There is no file or folder {shown(path)}; nothing was imported.",
            hint="Name a picture, or a folder with pictures.",
            path=shown(path),
        )
    found: list[Path] = []
    skipped: list[Skipped] = []
    for one in _walk(path):
        if one.suffix.lower() not in _SUFFIXES:
            continue
        if one.is_symlink() or not one.is_file():
            skipped.append(Skipped(shown(one), "it is a link or no file; links are not followed"))
            continue
        found.append(one)
        if len(found) > MOST_FILES:
            raise StudioError(
                TOO_MANY_FILES,
                f"{shown(path)} holds more than {MOST_FILES:,} pictures; nothing was imported.",
                hint="Import its folders one by one.",
            )
    if not found:
        raise StudioError(
            NOTHING_TO_IMPORT,
            f"{shown(path)} holds no picture file; nothing was imported.",
            hint=f"Looked for: {', '.join(sorted(_SUFFIXES))}.",
            path=shown(path),
        )
    return found, skipped


def adopt(
    project: Project,
    db: Database,
    path: Path,
    origin: Origin,
    *,
    actor: str,
    now: Callable[[], datetime],
    dry_run: bool = False,
) -> Adopted:
    """Keep the picture at ``path`` and record it; where it is recorded already, say as what.

    With ``dry_run`` nothing is written and a new one has no candidate yet. Raises StudioError
    (``picture_*`` for what is no whole picture, and what the content store refuses).
    """
    from ategnatos.pictures.decode import source_bytes
    from ategnatos.pictures.formats import known_formats
    from ategnatos.pictures.inspect import picture_info

    data = source_bytes(path)
    digest = sha256_bytes(data)
    standing = store.find_binding(db, RECIPE_ID, digest[:16], ENGINE)
    kept = [] if standing is None else store.candidates(db, standing.id)
    if standing is not None and kept and _stands(project, kept[0], digest):
        if not dry_run and origin.rights != UNKNOWN_RIGHTS:
            _say_rights(project, db, standing, origin, actor, now)
        return _told(project, path, standing, kept[0], fresh=False)
    info = picture_info(path, data=data)
    request = _request(path, digest, info, origin)
    suffix = known_formats()[info.format].suffixes[0].lstrip(".")
    if dry_run:
        place = content.candidate_path(project, RECIPE_ID, digest[:16], ENGINE, 0, suffix)
        return _would(path, place, digest, request)
    # The file before the row that names it.
    stored = content.put_candidate(project, RECIPE_ID, digest[:16], ENGINE, 0, data, suffix)
    job, new = store.record(
        db,
        kind="image",
        engine=ENGINE,
        recipe_id=RECIPE_ID,
        base=digest[:16],
        take=0,
        binding=digest[:16],
        asked=request["prompt"],
        request=request,
        now=store.iso(now()),
        warnings=request["imported"]["problems"],
        saga=saga.load("imported"),
    )
    candidate = store.Candidate(
        job=job.id,
        number=1,
        path=stored.path.relative_to(project.root).as_posix(),
        sha256=digest,
        bytes=len(data),
        width=info.width,
        height=info.height,
        seed=request["seed"] or 0,
        settings=_settings(request, info),
    )
    fresh = not store.candidates(db, job.id)
    if fresh:
        # A job without its picture was left by a process that died; it may have told the journal.
        if new or not _is_told(project, job):
            _journal(project, job, candidate, actor, now)
        with database.writing(db):
            store.put_candidates(db, job.id, [candidate], warnings=job.warnings)
    else:
        # It was there, and its file was not: now it is back.
        store.mark_restored(db, [(job.id, 1)])
    return _told(project, path, job, candidate, fresh=fresh)


def for_engine(job: store.Job, engine: str, family: str | None) -> store.Job:
    """An imported picture's job as if ``engine`` had been asked for it: its words, nothing else.

    Its settings are those of a model that is not here. Raises StudioError (``import_no_words``)
    where the file says no prompt.
    """
    prompt = re.sub(r"\s+", " ", _LORA_TAG.sub(" ", job.asked)).strip(" ,")
    if job.asked.startswith(_NO_PROMPT) or not prompt:
        raise StudioError(
            IMPORT_NO_WORDS,
            f"{job.name} was imported and its file says no prompt, so there are no words to change;"
            " nothing was made.",
            hint="Say what it shows: ategnatos art generate 'WORDS' --init FILE, with the file that"
            f" 'ategnatos art show {job.name}' names.",
            job=job.name,
        )
    unsaid = dict.fromkeys(("model", "width", "height", "steps", "cfg", "sampler", "strength"))
    request = {**job.request, **unsaid, "prompt": prompt}
    if family is not None:
        request["family"] = family
    return replace(job, engine=engine, asked=prompt, request=request)


def shown(path: Path) -> str:
    """A path as text that any record and terminal takes, whatever bytes its name is made of."""
    text = os.fsencode(path).decode("utf-8", "replace")
    clean = "".join(one if one.isprintable() else "\ufffd" for one in text)
    return clean if len(clean) <= _LONGEST_NAME else f"...{clean[-_LONGEST_NAME:]}"


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder, followlinks=False):
        # Hidden folders hold thumbnails and trash, not work.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(here, name)


def _request(path: Path, digest: str, info: PictureInfo, origin: Origin) -> dict[str, Any]:
    """The file's own account in the form of a canonical request, so that all else can read it."""
    accounts = info.metadata.get("making") or []
    silent: dict[str, Any] = {"tool": "", "prompt": "", "negative": "", "settings": {}}
    best = accounts[0] if accounts else silent
    said = best["settings"]
    name = shown(Path(path.name))
    return {
        "prompt": (best["prompt"] or f"{_NO_PROMPT} {name}")[:_LONGEST_PROMPT],
        "negative": best["negative"][:_LONGEST_PROMPT],
        "model": said.get("model"),
        "seed": _held(said.get("seed")),
        "count": 1,
        "width": info.width,
        "height": info.height,
        "steps": said.get("steps"),
        "cfg": said.get("cfg"),
        "sampler": said.get("sampler"),
        "init": None,
        "strength": said.get("strength"),
        "mask": None,
        "loras": [],
        "imported": {
            "sha256": digest,
            "file": name,
            "from": shown(path.absolute().parent),
            "format": info.format,
            "tool": best["tool"],
            "says": {key: value for key, value in said.items() if key != "version"},
            "version": said.get("version"),
            "source": origin.source,
            "rights": origin.rights,
            "credentials": None if info.credentials is None else info.credentials.sha256,
            "problems": list(info.metadata.get("problems") or ()),
        },
    }


def _settings(request: dict[str, Any], info: PictureInfo) -> dict[str, Any]:
    """What is known of the picture, as an engine's settings are."""
    held = request["imported"]
    names = ("prompt", "negative", "model", "seed", "steps", "cfg", "sampler", "strength")
    return {
        "engine": ENGINE,
        **{name: request[name] for name in names},
        # What a file says of a hash is a claim about a model that nobody here has seen.
        "model_sha256": None,
        "model_hash": held["says"].get("model_hash"),
        "loras": [
            {"name": one["name"], "sha256": "", "weight": one["weight"]}
            for one in held["says"].get("loras") or ()
        ],
        "width": info.width,
        "height": info.height,
        "made_by": held["tool"] or "unknown",
        "imported": {key: held[key] for key in ("file", "tool", "source", "rights")},
    }


def _held(seed: Any) -> int | None:
    """The seed, where the database's whole numbers hold it; ``says`` keeps the one of the file."""
    return seed if isinstance(seed, int) and 0 <= seed < _SEED_LIMIT else None


def _stands(project: Project, one: store.Candidate, digest: str) -> bool:
    return one.sha256 == digest and (project.root / one.path).is_file()


def _say_rights(
    project: Project,
    db: Database,
    job: store.Job,
    origin: Origin,
    actor: str,
    now: Callable[[], datetime],
) -> None:
    """Write down rights that were unknown until now; what was said once is not changed."""
    held = job.request["imported"]
    if held["rights"] != UNKNOWN_RIGHTS:
        return
    journal.append(
        project,
        "art.rights_said",
        actor=actor,
        references={"job": job.name, "sha256": [held["sha256"]]},
        data={"rights": origin.rights, "source": origin.source or held["source"]},
        now=now(),
    )
    said = {**held, "rights": origin.rights, "source": origin.source or held["source"]}
    store.restate(db, job.id, {**job.request, "imported": said})


def _is_told(project: Project, job: store.Job) -> bool:
    events = journal.read(project, kinds={EVENT_KIND})
    return any(event.references.get("job") == job.name for event in events)


def _journal(
    project: Project,
    job: store.Job,
    candidate: store.Candidate,
    actor: str,
    now: Callable[[], datetime],
) -> None:
    held = job.request["imported"]
    journal.append(
        project,
        EVENT_KIND,
        actor=actor,
        references={"job": job.name, "sha256": [candidate.sha256]},
        data={key: held[key] for key in ("file", "from", "tool", "source", "rights")},
        now=now(),
    )


def _told(
    project: Project, path: Path, job: store.Job, one: store.Candidate, *, fresh: bool
) -> Adopted:
    return Adopted(
        shown(path),
        one.reference,
        project.root / one.path,
        one.sha256,
        job.request["imported"]["tool"],
        job.asked,
        fresh,
        tuple(job.warnings) if fresh else (),
    )


def _would(path: Path, place: Path, digest: str, request: dict[str, Any]) -> Adopted:
    held = request["imported"]
    return Adopted(
        shown(path),
        "",
        place,
        digest,
        held["tool"],
        request["prompt"],
        True,
        tuple(held["problems"]),
    )
