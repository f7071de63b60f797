"""Put a LoRA file where an engine looks for it: whole under its name, never over another file."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import (
    explained,
    sha256_file,
    sync_file,
    sync_folder,
    temporary_name,
)
from ategnatos.grimoire.zones import Zone, resolve

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

LORA_PLACE = ErrorCode("lora_place", "The LoRA cannot be put where the engine looks for it.")

OWN_ENGINES = frozenset({"starter"})
"""Engines that read a LoRA wherever it lies."""


def folder_for(project: Project, engine: str, loras: Path | None) -> Path:
    """Where ``engine`` finds LoRAs: ``loras`` is ComfyUI's folder of them, None where there is
    no ComfyUI here. Raises StudioError (``lora_place``).
    """
    if engine in OWN_ENGINES:
        return resolve(project, Zone.WORKSPACE, "models/loras", for_writing=True)
    if loras is not None:
        return loras
    raise StudioError(
        LORA_PLACE,
        f"Where {engine} looks for LoRAs is not known here; nothing was written.",
        hint="Name the folder that holds its models with --models DIR (it has a folder 'loras'),"
        " or run this on the machine where ComfyUI is.",
        engine=engine,
    )


def put(source: Path, target: Path, sha256: str) -> bool:
    """Copy ``source`` to ``target``; True where it was not there yet. The same bytes there are
    fine.

    Raises StudioError (``lora_place``) for another file of that name or other bytes than
    ``sha256``, ``disk_full``, ``write_failed``; then nothing is there.
    """
    if target.exists():
        if sha256_file(target) == sha256:
            return False
        raise _taken(target)
    with explained(target, "The LoRA was not put in place."):
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / temporary_name()
        try:
            with source.open("rb") as read, temporary.open("xb") as written:
                shutil.copyfileobj(read, written, 1 << 20)
                written.flush()
                sync_file(written.fileno())
            if sha256_file(temporary) != sha256:
                raise StudioError(
                    LORA_PLACE,
                    f"{source} is not the file that was chosen: its bytes are others. Nothing was"
                    " put in place.",
                    hint="Bring the file back from a backup, or evaluate what is there anew.",
                    path=str(source),
                )
            try:
                # A link and no rename: what somebody put there meanwhile stays.
                os.link(temporary, target)
            except FileExistsError:
                if sha256_file(target) != sha256:
                    raise _taken(target) from None
                return False
            sync_folder(target.parent)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
    return True


def _taken(target: Path) -> StudioError:
    return StudioError(
        LORA_PLACE,
        f"Another file is at {target} already; it was not overwritten.",
        hint="Take another name with --as NAME, or move that file away.",
        path=str(target),
    )
