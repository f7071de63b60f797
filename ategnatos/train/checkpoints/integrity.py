"""Whether a saved file or folder is whole: looked into, never loaded, nothing of it is run.

A trainer writes a save front to back. What it was killed over has a good beginning, the right name
and often the files that are written first; no trainer leaves such a save out when it resumes. So
the ends are looked at: the last tensor's range, a zip file's directory, the file that is written
last.
"""

from __future__ import annotations

import json
import stat
import struct
import zipfile
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.values.tensor_header import KNOWN_TYPES, Header, read_header
from ategnatos.train.checkpoints.numbers import not_finite

# What each trainer writes into a folder to resume from (sd-scripts 0.10 through accelerate;
# SimpleTuner 4.8: its manifest lists all others, and its guard is written last).
_KOHYA = ("model.safetensors", "optimizer.bin", "scheduler.bin", "random_states_0.pkl")
_MANIFEST, _GUARD = "checkpoint_manifest.json", ".guard"
_ZIPS = (".bin", ".pkl", ".pt", ".pth")
_LARGEST_JSON = 16 << 20
_MOST_FILES = 4096
_PICKLED = b"\x80"
# How reading a damaged zip file or pickle ends.
_DAMAGED = (
    zipfile.BadZipFile, struct.error, EOFError, LookupError, NotImplementedError, OverflowError,
    RuntimeError, ValueError,
)  # fmt: skip


def check(path: Path, *, thorough: bool = False) -> str:
    """ "" where a checkpoint or a state is whole, otherwise what is wrong with it, in one clause.

    A safetensors file: its header, every tensor's range inside the file, and numbers that are
    finite, in a sample or, with ``thorough``, all of them. A torch file: the structure of its zip
    file, with ``thorough`` the checksum of each part. A folder: that all of it is there and whole.
    """
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return "it is a link, not a file of its own"
        if stat.S_ISDIR(mode):
            return _folder(path, thorough)
        if not stat.S_ISREG(mode):
            return "it is no ordinary file"
        return _file(path, thorough)
    except FileNotFoundError:
        return "it is not there"
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"


def header_of(path: Path) -> Header | str:
    """The header of a safetensors file, or what is wrong with it."""
    try:
        return read_header(path)
    except StudioError as error:
        return error.message.partition("safetensors file: ")[2].removesuffix(
            ". It was not used."
        ) or str(error.message)


# --- inside -----------------------------------------------------------------------------------


def _file(path: Path, thorough: bool) -> str:
    if path.stat().st_size == 0:
        return "it is empty"
    if path.suffix == ".safetensors":
        return _tensors(path, thorough)
    if path.suffix in _ZIPS:
        return _torch(path, thorough)
    if path.suffix == ".json":
        return _json(path)
    return ""


def _tensors(path: Path, thorough: bool) -> str:
    header = header_of(path)
    if isinstance(header, str):
        return header
    if not header.tensors:
        return "it holds no tensor"
    for name, tensor in header.tensors.items():
        if tensor.dtype not in KNOWN_TYPES:
            return f"the tensor {name[:60]!r} is of the type {tensor.dtype[:12]!r}, which is none"
    bad = not_finite(path, header, thorough=thorough)
    return f"the tensor {bad[:60]!r} holds numbers that are not finite" if bad else ""


def _torch(path: Path, thorough: bool) -> str:
    with path.open("rb") as file:
        begins = file.read(4)
    if begins[:1] == _PICKLED:
        return _old_torch(path)
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if not any(one.filename.endswith("data.pkl") for one in parts):
                return "it is no torch file: it has no data.pkl"
            if any(one.compress_type != zipfile.ZIP_STORED for one in parts):
                return "it is no torch file: its parts are packed"
            for part in parts:
                # Reads the part's own header, where the directory says it is.
                archive.open(part).close()
            bad = archive.testzip() if thorough else None
            return f"its part {bad!r} is damaged" if bad else ""
    except _DAMAGED as error:
        return f"it is cut off or damaged: {error}"


def _old_torch(path: Path) -> str:
    """Torch's format before 1.6, a bare pickle: read as opcodes, which runs nothing of it."""
    import pickletools

    if path.stat().st_size > _LARGEST_JSON:
        return "it is a pickle of an old kind, which cannot be checked"
    try:
        for _ in pickletools.genops(path.read_bytes()):
            pass
    except _DAMAGED as error:
        return f"it is cut off or damaged: {error}"
    return ""


def _json(path: Path) -> str:
    if path.stat().st_size > _LARGEST_JSON:
        return "it is larger than any such file"
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return "it is no JSON"
    return ""


def _folder(path: Path, thorough: bool) -> str:
    there = {one.name for one in path.iterdir()}
    if not there:
        return "it is an empty folder"
    wanted: tuple[str, ...] = ()
    if _MANIFEST in there or _GUARD in there or "training_state.json" in there:
        missing = [name for name in (_MANIFEST, _GUARD) if name not in there]
        if missing:
            return f"{missing[0]} is missing, which is written last: the save broke off"
        listed = _listed(path / _MANIFEST)
        if isinstance(listed, str):
            return listed
        wanted = listed
    elif "train_state.json" in there or path.name.endswith("-state"):
        wanted = _KOHYA
    for name in wanted:
        if not (path / name).is_file():
            return f"{name} is missing: the save broke off"
    files = sorted(one for one in path.rglob("*") if one.is_file())
    if len(files) > _MOST_FILES:
        return "it holds more files than any checkpoint"
    if not any(one.suffix == ".safetensors" for one in files):
        return "it holds no weights"
    for one in files:
        # Marks without content are nobody's data.
        if one.stat().st_size == 0 and one.name.startswith("."):
            continue
        why = check(one, thorough=thorough)
        if why:
            return f"{one.relative_to(path)}: {why}"
    return ""


def _listed(path: Path) -> tuple[str, ...] | str:
    """The files that SimpleTuner's manifest lists, below its folder; or what is wrong with it."""
    why = _json(path)
    if why:
        return f"{path.name}: {why}"
    said = json.loads(path.read_bytes())
    files = said.get("files") if isinstance(said, dict) else None
    if not isinstance(files, list) or not all(isinstance(one, str) for one in files):
        return f"{path.name} lists no files"
    parts = [Path(one).parts for one in files]
    if any(".." in one or Path(*one).is_absolute() for one in parts if one):
        return f"{path.name} names files outside of its folder"
    return tuple(files)
