"""Where model files lie: ComfyUI's folders, folders that its settings name, and others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.studio.comfyui import facts
from ategnatos.studio.comfyui.installs import Installation

NO_MODELS_FOLDER = ErrorCode("no_models_folder", "There is no folder to look for models in.")
KIND_UNKNOWN = ErrorCode("model_kind_unknown", "There is no kind of model of that name.")

ENVIRONMENT = "ATEGNATOS_MODELS"
_LARGEST_YAML = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of model files. ``kind`` "" where it does not say: the files decide."""

    folder: Path
    kind: str


def places(
    named: Path | None, installation: Installation | None, environment: Mapping[str, str]
) -> list[Place]:
    """Every folder to look in. ``named`` and ATEGNATOS_MODELS are folders like ComfyUI's
    ``models``, each the only one where given. Raises StudioError (``no_models_folder``).
    """
    root = named or (Path(environment[ENVIRONMENT]) if environment.get(ENVIRONMENT) else None)
    if root is not None:
        root = root.expanduser().absolute()
        if not root.is_dir():
            raise _none(f"{root} is no folder")
        return list(_below(root))
    if installation is None:
        raise _none("no ComfyUI was found, and no folder was named")
    return [*_below(installation.models), *_extra(installation)]


def root(
    named: Path | None, installation: Installation | None, environment: Mapping[str, str]
) -> Path:
    """The folder into whose subfolders new files go. Raises StudioError (``no_models_folder``)."""
    if named is not None or environment.get(ENVIRONMENT):
        return (named or Path(environment[ENVIRONMENT])).expanduser().absolute()
    if installation is None:
        raise _none("no ComfyUI was found, and no folder was named")
    return installation.models


def folder_of(kind: str) -> str:
    """The folder below ``models`` for a kind (``lora``) or a folder's own name (``loras``).

    Raises StudioError (``model_kind_unknown``).
    """
    folders = facts.places().model_folders
    if kind in folders:
        return folders[kind][0]
    if any(kind in names for names in folders.values()):
        return kind
    raise StudioError(
        KIND_UNKNOWN,
        f"There is no kind of model called {kind[:60]!r}; nothing was done.",
        hint=f"The kinds are: {', '.join(folders)}.",
        known=list(folders),
    )


def files(place: Place) -> Iterator[Path]:
    """The model files in a place, subfolders and linked folders included, each folder once."""
    suffixes = tuple(facts.places().model_suffixes)
    seen: set[tuple[int, int]] = set()
    for top, folders, names in os.walk(place.folder, followlinks=True):
        here = os.stat(top)  # noqa: PTH116
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(suffixes) and not name.startswith("."):
                yield Path(top, name)


def _below(models: Path) -> Iterator[Place]:
    """The folders of known kinds, then all others, whose files may be anything."""
    known: set[Path] = set()
    for kind, names in facts.places().model_folders.items():
        for name in names:
            if (models / name).is_dir():
                known.add(models / name)
                yield Place(models / name, kind)
    others = (path for path in sorted(models.glob("*")) if path.is_dir() and path not in known)
    for path in others:
        if path.name not in {"configs", "ultralytics"} and not path.name.startswith("."):
            yield Place(path, "")


def _extra(installation: Installation) -> Iterator[Place]:
    """Folders that ``extra_model_paths.yaml`` names (``utils/extra_config.py`` of ComfyUI)."""
    kinds = {name: kind for kind, names in facts.places().model_folders.items() for name in names}
    for name in ("extra_model_paths.yaml", "extra_models_config.yaml"):
        for section in _sections(installation.base / name):
            base = Path(os.path.expandvars(str(section.get("base_path", "")))).expanduser()
            for key, value in section.items():
                if key in {"base_path", "is_default", "custom_nodes"} or not isinstance(value, str):
                    continue
                for line in value.split("\n"):
                    folder = (installation.base / base / line.strip()) if line.strip() else None
                    if folder is not None and folder.is_dir():
                        yield Place(folder, kinds.get(key, ""))


def _sections(path: Path) -> list[dict[str, Any]]:
    import yaml

    try:
        if path.stat().st_size > _LARGEST_YAML:
            return []
        said = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        # ComfyUI itself does not start with a broken one; that is said by its log.
        return []
    return [one for one in said.values() if isinstance(one, dict)] if isinstance(said, dict) else []


def _none(why: str) -> StudioError:
    return StudioError(
        NO_MODELS_FOLDER,
        f"There is no folder to look for models in: {why}. Nothing was done.",
        hint=f"Name one with --models DIR or {ENVIRONMENT}, or install ComfyUI:"
        " 'ategnatos studio comfyui install'.",
    )
