"""Which model files ComfyUI sees, by its own folder names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ategnatos.studio.comfyui import facts
from ategnatos.studio.comfyui.installs import Installation
from ategnatos.studio.comfyui.web import Question, ask

# Folders that ComfyUI lists and that hold no model files.
_NO_MODELS = frozenset({"custom_nodes", "configs"})


def of_server(url: str, *, patience: float = 10.0) -> dict[str, list[str]] | None:
    """Folder to file names, as the server lists them; None where no ComfyUI answers."""
    reply = ask([Question(f"{url}/models")], patience=patience)[0]
    folders = _texts(reply.body) if reply.status == 200 else None
    if folders is None:
        return None
    asked = [one for one in folders if one not in _NO_MODELS and "/" not in one]
    replies = ask([Question(f"{url}/models/{one}") for one in asked], patience=patience)
    seen = {
        folder: _texts(answer.body) or []
        for folder, answer in zip(asked, replies, strict=True)
        if answer.status == 200
    }
    return {folder: sorted(names) for folder, names in seen.items() if names}


def of_disk(installation: Installation) -> dict[str, list[str]]:
    """The same from the folders below ``models``, subfolders included."""
    suffixes = tuple(facts.places().model_suffixes)
    seen: dict[str, list[str]] = {}
    for folder in sorted(p for p in installation.models.glob("*") if p.is_dir()):
        if folder.name in _NO_MODELS:
            continue
        names = [
            str(Path(top, name).relative_to(folder))
            for top, _, files in os.walk(folder)
            for name in files
            if name.lower().endswith(suffixes)
        ]
        if names:
            seen[folder.name] = sorted(names)
    return seen


def _texts(body: bytes) -> list[str] | None:
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return None
    return found
