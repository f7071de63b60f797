"""Which files are looked at: checkpoints of a run by their ledger's names, or files by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.guard.values.tensor_header import read_header
from ategnatos.train.evaluation.record import Checkpoint

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run

EVALUATION_FILES = ErrorCode("evaluation_files", "There is no LoRA file to look at.")
EVALUATION_WEIGHTS = ErrorCode("evaluation_weights", "The weights to look at cannot be as given.")

DEFAULT = "best,last"
MOST_WEIGHTS = 12
_LIMIT = 4.0


def of_run(project: Project, run: Run, names: str) -> tuple[Checkpoint, ...]:
    """Checkpoints of a run: names of its ledger, steps, ``best``, ``last``, ``final``, or ``all``.

    Raises StudioError (``evaluation_files``, ``checkpoint_unknown``).
    """
    from ategnatos.train.checkpoints import ledger

    known = ledger.read(run.folder)
    wanted = [one.strip() for one in names.split(",") if one.strip()]
    if wanted == ["all"]:
        found = [one for one in known.entries if one.usable]
    else:
        found = [ledger.find(run.folder, one) for one in wanted]
    usable = [one for one in found if one.usable]
    if not usable:
        gone = "; ".join(f"{one.name}: {one.why or 'it holds no weights'}" for one in found)
        raise _none(
            f"the run {run.id} has none that can be used" + (f" ({gone})" if gone else ""),
            f"ategnatos train checkpoints {run.id}",
        )
    files: dict[str, Checkpoint] = {}
    for one in usable:
        path = run.folder / one.weights
        # The final file and the last save are often the same weights under two names.
        files.setdefault(one.sha256, _of_file(project, path, one.name, one.step, one.sha256))
    return tuple(files.values())


def of_files(project: Project, paths: Sequence[Path]) -> tuple[Checkpoint, ...]:
    """Files named by hand; their names tell them apart. Raises StudioError
    (``evaluation_files``, ``header_invalid``).
    """
    found: dict[str, Checkpoint] = {}
    for path in paths:
        if not path.is_file():
            raise _none(f"{path} is no file", "Name .safetensors files with --files A,B.")
        sha256 = sha256_file(path)
        if any(one.sha256 == sha256 for one in found.values()):
            continue
        name = path.stem if path.stem not in found else f"{path.stem}-{sha256[:6]}"
        found[name] = _of_file(project, path.resolve(), name, None, sha256)
    if not found:
        raise _none("none was named", "Name .safetensors files with --files A,B.")
    return tuple(found.values())


def file_of(project: Project, one: Checkpoint) -> Path:
    """Where a checkpoint lies, held to its hash. Raises StudioError (``evaluation_files``)."""
    path = project.root / one.path  # an absolute one stays as it is
    if not path.is_file():
        raise _none(f"{one.name} is gone from {path}", "Bring it back, or evaluate the others.")
    if sha256_file(path) != one.sha256:
        raise _none(
            f"{path} is another file than the one that was looked at",
            "Evaluate it anew: the same command.",
        )
    return path


def parse_weights(text: str) -> tuple[float, ...]:
    """``0,0.5,1`` as weights, rising, each once, with 0 for the model alone.

    Raises StudioError (``evaluation_weights``).
    """
    try:
        given = sorted({round(float(one), 3) for one in text.split(",") if one.strip()} | {0.0})
    except ValueError as error:
        raise _bad_weights(text) from error
    if len(given) < 2 or len(given) > MOST_WEIGHTS or given[0] < 0 or given[-1] > _LIMIT:
        raise _bad_weights(text)
    return tuple(given)


def _of_file(project: Project, path: Path, name: str, step: int | None, sha256: str) -> Checkpoint:
    metadata = read_header(path).metadata
    root = project.root.resolve()
    resolved = path.resolve()
    inside = resolved.is_relative_to(root)
    return Checkpoint(
        name,
        str(resolved.relative_to(root)) if inside else str(resolved),
        sha256 or sha256_file(path),
        step if step is not None else _whole(metadata.get("ss_steps", "")),
        metadata.get("modelspec.trigger_phrase", "").strip(),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _none(why: str, hint: str) -> StudioError:
    return StudioError(
        EVALUATION_FILES,
        f"There is nothing to look at: {why}. Nothing was made.",
        hint=hint,
    )


def _bad_weights(text: str) -> StudioError:
    return StudioError(
        EVALUATION_WEIGHTS,
        f"{text[:60]!r} are no weights to look at; nothing was made.",
        hint=f"Say at least one above 0 and at most {_LIMIT:g}, like --weights 0.5,0.7,0.9,1.0;"
        " the model alone (0) is always looked at.",
        given=text[:60],
    )
