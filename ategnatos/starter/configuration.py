"""The model folder's JSON files: read, and refused where they ask for what is not built here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter.errors import STARTER_WEIGHTS


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of the model. Raises StudioError (``starter_weights``)."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path, str(error)) from error
    if not isinstance(content, dict):
        raise damaged(path, "it holds no object")
    return content


def require(path: Path, config: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Check the settings that this implementation has one way of doing.

    ``expected`` maps a key to the only value that works; a key that the file leaves out has
    that value. Raises StudioError (``starter_weights``): a network computed in another way than
    it was trained would make wrong pictures without a word.
    """
    for key, value in expected.items():
        if config.get(key, value) != value:
            raise damaged(path, f"it has {key} = {config[key]!r}, only {value!r} is supported")


def damaged(path: Path, reason: str) -> StudioError:
    """The refusal for a file of the model that cannot be used."""
    return StudioError(
        STARTER_WEIGHTS,
        f"The starter model cannot be used because of {path.parent.name}/{path.name}: {reason}. "
        "Nothing was made.",
        hint="Install the package again: pip install --force-reinstall ategnatos",
        file=str(path),
    )
