"""What the verbs on LoRA files share: where one lies, which family it is of, how it is stored."""

from __future__ import annotations

from pathlib import Path

from ategnatos.commands.contract import USAGE
from ategnatos.grimoire.errors import StudioError


def family_of(path: Path) -> str:
    """The family that a file is recognised as, "" where nothing tells."""
    from ategnatos.guard.values.tensor_header import read_header
    from ategnatos.studio.models.recognise import recognise

    return recognise(read_header(path), path.name).family


def stored_as(text: str) -> str:
    """The data type of ``--precision``. Raises StudioError (``usage``)."""
    from ategnatos.train.lora.file import PRECISIONS

    if not text:
        return ""
    if text in PRECISIONS:
        return PRECISIONS[text]
    raise StudioError(
        USAGE,
        f"{text[:20]!r} is no precision; nothing was written.",
        hint=f"Say --precision {', '.join(PRECISIONS)}, or leave it out.",
    )


def rounded(error: float) -> str:
    """What storing cost, in words."""
    if error == 0:
        return "Stored without rounding."
    return f"Stored with an error of at most {error:.1e} of a matrix's largest number."


def plan_only(source: Path, target: Path) -> None:
    """What a dry run checks: that the source can be read and the target is free."""
    from ategnatos.train.lora.file import LoraFile
    from ategnatos.train.lora.writing import check_free

    check_free(target)
    _ = LoraFile(source).layers
