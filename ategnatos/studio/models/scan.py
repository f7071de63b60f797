"""The inventory: every model file with its hash, kind, family and what is wrong with it.

A hash is computed once: it holds as long as size, time and inode are the same. A scan that is
interrupted has recorded what it finished.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.values.tensor_header import read_header
from ategnatos.studio.models import lora_facts, recognise, wrong_content
from ategnatos.studio.models.places import Place, files

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.models import ModelFile

_CHUNK = 4 << 20
# Recorded at least this often, so that an interrupted scan of many gigabytes loses little.
_SAVE_SECONDS = 10.0
_PICKLES = frozenset({".ckpt", ".pt", ".pth", ".bin"})

# Bytes done, bytes in all, the file that is read.
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class Scanned:
    """Names of what changed. ``hashed_bytes`` were read; the rest was known."""

    files: list[ModelFile] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    hashed_bytes: int = 0


def scan(
    project: Project,
    where: Iterable[Place],
    *,
    now: Callable[[], datetime],
    hashes: bool = True,
    progress: Progress = lambda done, whole, name: None,
) -> Scanned:
    """Look at every file of ``where`` and write the inventory down.

    A file on record that lies in one of the folders and is there no more is taken off; files
    elsewhere stay on record. Raises StudioError as :func:`ategnatos.grimoire.documents.edit`.
    """
    from ategnatos.grimoire import documents

    before = {one.path: one for one in documents.read(project, "models").files}
    places = list(where)
    found = {str(path): place for place in reversed(places) for path in files(place)}
    result = Scanned()
    pending = {path: _stat(path) for path in sorted(found)}
    wanting = [p for p, facts in pending.items() if _needs_hash(before.get(p), facts, hashes)]
    whole = sum(pending[path][0] for path in wanting)
    saved = time.monotonic()
    fresh: list[ModelFile] = []
    for path, facts in pending.items():
        old = before.get(path)
        if old is not None and _same(old, facts) and path not in wanting:
            result.files.append(old)
            continue
        digest = old.sha256 if old is not None and _same(old, facts) else ""
        if path in wanting:
            done, name = result.hashed_bytes, Path(path).name
            # Bound to this file's values: the callback is used before the loop goes on.
            digest = hash_file(
                Path(path),
                lambda n, d=done, f=name: progress(d + n, whole, f),  # type: ignore[misc]
            )
            result.hashed_bytes += facts[0]
        entry = describe(Path(path), found[path], facts, digest, old)
        (result.changed if old is not None else result.new).append(entry.name)
        result.files.append(entry)
        fresh.append(entry)
        if time.monotonic() - saved > _SAVE_SECONDS:
            _save(project, fresh, (), now)
            fresh, saved = [], time.monotonic()
    folders = [place.folder for place in places]
    lost = [one for path, one in before.items() if path not in pending and _inside(path, folders)]
    result.gone = [one.name for one in lost]
    _save(project, fresh, [one.path for one in lost], now)
    return result


def describe(
    path: Path, place: Place, facts: tuple[int, int, int], digest: str, old: ModelFile | None = None
) -> ModelFile:
    """The entry of one file; what a person or a download wrote into ``old`` is kept."""
    from ategnatos.grimoire.schemas.models import ModelFile

    size, modified, inode = facts
    try:
        name = str(path.relative_to(place.folder))
    except ValueError:
        name = path.name
    entry = ModelFile(
        name=name, kind=place.kind, path=str(path), bytes=size, modified_ns=modified,
        inode=inode, sha256=digest,
    )  # fmt: skip
    if old is not None:
        entry.licence, entry.source = old.licence, old.source
    _look_inside(path, entry)
    _look_up(path.name, entry)
    return entry


def hash_file(path: Path, progress: Callable[[int], None] = lambda done: None) -> str:
    """SHA-256 as hex; ``progress`` is told the bytes read. Raises OSError."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
            done += len(piece)
            progress(done)
    return digest.hexdigest()


def stat_facts(path: Path) -> tuple[int, int, int]:
    """Size in bytes, time of change in ns, inode: what a kept hash depends on. Raises OSError."""
    return _stat(str(path))


def _look_inside(path: Path, entry: ModelFile) -> None:
    suffix = path.suffix.lower()
    try:
        wrong = wrong_content.of_file(path)
        if wrong:
            entry.problem = f"it is {wrong}"
        elif suffix in {".safetensors", ".sft"}:
            _read_header(path, entry)
        elif suffix in _PICKLES:
            entry.facts = {"format": "pickle: loading it can run programs; prefer safetensors"}
    except StudioError as error:
        entry.problem = error.message
    except OSError as error:
        entry.problem = f"it cannot be read ({error.strerror or error})"


def _read_header(path: Path, entry: ModelFile) -> None:
    header = read_header(path)
    known = recognise.recognise(header, path.name)
    if entry.kind and known.kind and known.kind != entry.kind and not _akin(entry.kind, known.kind):
        entry.problem = f"it lies among the {entry.kind} files and is a {known.kind}"
    entry.kind = known.kind or entry.kind
    entry.family, entry.how = known.family, known.how
    if known.kind == "lora":
        facts = lora_facts.read(header.metadata)
        entry.triggers, entry.facts = list(facts.triggers), facts.facts
        entry.licence = entry.licence or facts.facts.get("licence", "")
    elif licence := header.metadata.get("modelspec.license"):
        entry.licence = entry.licence or licence[:200]


def _akin(one: str, other: str) -> bool:
    """Kinds that share tensor names, so that a folder knows better than the file."""
    return {one, other} <= {"checkpoint", "diffusion_model", "model_patch"} or {one, other} <= {
        "text_encoder",
        "clip_vision",
    }


def _look_up(name: str, entry: ModelFile) -> None:
    """Family, licence and source of a published file, by its name."""
    from ategnatos.knowledge import families

    for variant in families.every_variant():
        for file in variant.files.values():
            if file.name.rpartition("/")[2] == name:
                entry.source = entry.source or file.url
                if entry.kind in {"checkpoint", "diffusion_model"}:
                    entry.family = entry.family or variant.family
                    entry.licence = entry.licence or variant.licence.name
                return


def _save(
    project: Project, fresh: list[ModelFile], gone: Iterable[str], now: Callable[[], datetime]
) -> None:
    from ategnatos.grimoire import documents

    leaving, coming = set(gone), {one.path: one for one in fresh}
    with documents.edit(project, "models") as document:
        kept = [o for o in document.files if o.path not in leaving and o.path not in coming]
        document.files = sorted([*kept, *coming.values()], key=lambda one: (one.kind, one.name))
        if leaving or coming or not document.scanned_at:
            document.scanned_at = now().isoformat(timespec="seconds")


def _stat(path: str) -> tuple[int, int, int]:
    facts = Path(path).stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino


def _same(entry: ModelFile, facts: tuple[int, int, int]) -> bool:
    return (entry.bytes, entry.modified_ns, entry.inode) == facts


def _needs_hash(entry: ModelFile | None, facts: tuple[int, int, int], hashes: bool) -> bool:
    return hashes and (entry is None or not _same(entry, facts) or not entry.sha256)


def _inside(path: str, folders: Iterable[Path]) -> bool:
    return any(folder in Path(path).parents for folder in folders)


def by_name(entries: Iterable[ModelFile], names: Iterable[str]) -> Mapping[str, list[ModelFile]]:
    """For each name the entries it means: the whole name, the file's name, or it without its
    suffix.
    """
    found: dict[str, list[ModelFile]] = {name: [] for name in names}
    for entry in entries:
        last = Path(entry.name).name
        for name in found:
            if name in {entry.name, last, Path(last).stem, entry.path}:
                found[name].append(entry)
    return found
