"""Packs of custom nodes: what is installed, and which names may be handed on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.shown import shown
from ategnatos.studio.comfyui.installs import Installation

PACK_INVALID = ErrorCode("pack_invalid", "The text names no pack of nodes.")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,120}", re.ASCII)
_LARGEST = 65536


@dataclass(frozen=True, slots=True)
class Pack:
    """A folder below ``custom_nodes``; ``version`` and ``url`` "" where it does not say."""

    name: str
    version: str
    url: str

    def as_data(self) -> dict[str, str]:
        """For machines."""
        return {"name": self.name, "version": self.version, "url": self.url}


def installed(installation: Installation) -> list[Pack]:
    """The packs on disk, by name; a switched-off one (``.disabled``) is left out."""
    folder = installation.base / "custom_nodes"
    found = sorted(p for p in folder.glob("*") if p.is_dir() and not p.name.startswith((".", "__")))
    return [
        Pack(path.name, _stated(path / "pyproject.toml", "version"), _remote(path))
        for path in found
        if path.suffix != ".disabled"
    ]


def checked_name(text: str) -> str:
    """A name of the registry, or an https URL of a repository. Raises StudioError
    (``pack_invalid``, and ``url_invalid`` and others of a URL).
    """
    if text.startswith("https://"):
        from ategnatos.guard.values.urls import parse_url

        return str(parse_url(text, field="The pack's URL"))
    if not _NAME.fullmatch(text):
        raise StudioError(
            PACK_INVALID,
            f"{shown(text)} names no pack of nodes; nothing was installed.",
            hint="Use its name in the registry (https://registry.comfy.org), or the https URL of"
            " its repository.",
        )
    return text


def _stated(path: Path, key: str) -> str:
    text = _read(path)
    found = re.search(rf"^{key}\s*=\s*[\"']([^\"'\n]{{1,120}})[\"']", text, re.MULTILINE)
    return found[1] if found else ""


def _remote(path: Path) -> str:
    found = re.search(r"^\s*url\s*=\s*(\S+)", _read(path / ".git" / "config"), re.MULTILINE)
    # A URL may carry a token.
    return re.sub(r"//[^/@]*@", "//", found[1]) if found else ""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", errors="replace")
    except OSError:
        return ""
