"""ComfyUI on this machine's disk: a checkout, the portable archive, or Comfy Desktop."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.studio.comfyui import facts

COMFYUI_MISSING = ErrorCode("comfyui_missing", "No ComfyUI was found on this machine.")
COMFYUI_FOLDER = ErrorCode("comfyui_folder", "The folder that was named holds no ComfyUI.")

ENVIRONMENT = "ATEGNATOS_COMFYUI"
_MARKS_NEEDED = 4
_LARGEST_SETTINGS = 1 << 20


@dataclass(frozen=True, slots=True)
class Installation:
    """One ComfyUI.

    ``kind`` is ``checkout``, ``portable`` or ``desktop``. ``code`` holds ``main.py``; ``base``
    holds models, custom nodes and pictures (the same folder but for Desktop). ``python`` is
    its own interpreter, None where none was found. ``version`` "" where it does not say.
    """

    kind: str
    code: Path
    base: Path
    python: Path | None
    version: str

    @property
    def models(self) -> Path:
        """The folder of all model folders."""
        return self.base / "models"

    @property
    def manager(self) -> Path | None:
        """The folder of ComfyUI-Manager, where it is installed as a custom node."""
        for name in ("ComfyUI-Manager", "comfyui-manager"):
            if (self.base / "custom_nodes" / name).is_dir():
                return self.base / "custom_nodes" / name
        return None

    def as_data(self) -> dict[str, str | None]:
        """For machines."""
        return {
            "kind": self.kind,
            "folder": str(self.code),
            "base": str(self.base),
            "python": str(self.python) if self.python else None,
            "version": self.version,
        }


def find(
    named: Path | None = None,
    *,
    remembered: str = "",
    environment: Mapping[str, str] | None = None,
    beside: Path | None = None,
) -> list[Installation]:
    """Every installation, the likeliest first; ``named`` is then the only one.

    Looked for in: ATEGNATOS_COMFYUI, what the studio ``remembered``, the folder ``beside`` the
    studio, the usual folders, Comfy Desktop's settings. Raises StudioError (``comfyui_folder``)
    where ``named`` is none.
    """
    if named is not None:
        found = look(named.expanduser())
        if found is None:
            raise StudioError(
                COMFYUI_FOLDER,
                f"{named} holds no ComfyUI: main.py and the files beside it are not there."
                " Nothing was done.",
                hint="Name the folder that holds ComfyUI's main.py, or see what is found with"
                " 'ategnatos studio comfyui detect'.",
                folder=str(named),
            )
        return [found]
    variables = os.environ if environment is None else environment
    first = [variables.get(ENVIRONMENT, ""), remembered]
    near = [str(beside / "ComfyUI"), str(beside.parent / "ComfyUI")] if beside else []
    candidates = [*first, *near, *facts.places().folders]
    seen: dict[Path, Installation] = {}
    for text in candidates:
        if text and (one := look(Path(text).expanduser())) is not None:
            seen.setdefault(one.code.resolve(), one)
    for desktop in _desktops():
        seen.setdefault(desktop.code.resolve(), desktop)
    return list(seen.values())


def one(
    named: Path | None = None, *, remembered: str = "", beside: Path | None = None
) -> Installation:
    """The installation to use. Raises StudioError (``comfyui_folder``, ``comfyui_missing``)."""
    found = find(named, remembered=remembered, beside=beside)
    if not found:
        raise StudioError(
            COMFYUI_MISSING,
            "No ComfyUI was found on this machine; nothing was done.",
            hint=f"Install one with 'ategnatos studio comfyui install', or name its folder with"
            f" --folder or {ENVIRONMENT}.",
        )
    return found[0]


def look(folder: Path) -> Installation | None:
    """The ComfyUI in ``folder``, or in the ``ComfyUI`` folder of a portable archive in it."""
    # It is recorded, and started from another folder.
    folder = folder.absolute()
    try:
        if _is_code(folder):
            kind, python = "checkout", _python(folder)
            portable = _portable_python(folder.parent)
            if portable is not None:
                kind, python = "portable", portable
            return Installation(kind, folder, folder, python, version_of(folder))
        inner = folder / "ComfyUI"
        if _is_code(inner) and _portable_python(folder) is not None:
            return look(inner)
    except OSError:
        # A folder of another person: not ours to start, so not found.
        return None
    return None


def version_of(code: Path) -> str:
    """The version that ``comfyui_version.py`` states; "" where it does not."""
    try:
        text = (code / "comfyui_version.py").read_text("utf-8", errors="replace")[:4096]
    except OSError:
        return ""
    found = re.search(r"__version__\s*=\s*[\"']([^\"']{1,40})[\"']", text)
    return found[1] if found else ""


def manager_version(installation: Installation) -> str:
    """The version of the Manager's folder; "" where there is none or it does not say."""
    folder = installation.manager
    if folder is None:
        return ""
    try:
        text = (folder / "pyproject.toml").read_text("utf-8", errors="replace")[:65536]
    except OSError:
        return ""
    found = re.search(r"^version\s*=\s*[\"']([^\"']{1,40})[\"']", text, re.MULTILINE)
    return found[1] if found else ""


def _is_code(folder: Path) -> bool:
    if not (folder / "main.py").is_file():
        return False
    marks = facts.places().checkout_marks
    return sum((folder / mark).exists() for mark in marks) >= _MARKS_NEEDED


def _portable_python(folder: Path) -> Path | None:
    # The archive's own spelling: "embeded".
    python = folder / "python_embeded" / "python.exe"
    return python if python.is_file() else None


def _python(folder: Path) -> Path | None:
    for relative in facts.places().pythons:
        python = folder / relative
        if python.is_file() and os.access(python, os.X_OK):
            # Not resolved: a virtual environment is its link's place, not its target.
            return Path(os.path.normpath(python))
    return None


def _desktops() -> Iterable[Installation]:
    for text in facts.places().desktop_settings:
        base = _base_path(Path(text).expanduser())
        if base is None:
            continue
        for program in facts.places().desktop_programs:
            code = Path(program).expanduser()
            if _is_code(code):
                yield Installation("desktop", code, base, _python(base), version_of(code))
                break


def _base_path(settings: Path) -> Path | None:
    try:
        if settings.stat().st_size > _LARGEST_SETTINGS:
            return None
        said = json.loads(settings.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    base = said.get("basePath") if isinstance(said, dict) else None
    return Path(base) if isinstance(base, str) and base and Path(base).is_dir() else None
