"""What a safety check found, and how bad it is as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.studio.comfyui.servers import Server
    from ategnatos.studio.comfyui.tunnel import Tunnel

COMFYUI_UNSAFE = ErrorCode("comfyui_unsafe", "The ComfyUI server did not pass the safety check.")


class Level(StrEnum):
    """How bad a finding is."""

    PASS = "pass"  # noqa: S105
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: what it means, and what to do where something is to be done."""

    level: Level
    name: str
    text: str
    do: str = ""


@dataclass(slots=True)
class Verdict:
    """All findings about one address."""

    url: str
    reach: str
    findings: list[Finding] = field(default_factory=list)
    server: Server | None = None
    tunnel: Tunnel | None = None

    def add(self, level: Level, name: str, text: str, do: str = "") -> None:
        """Note a finding."""
        self.findings.append(Finding(level, name, text, do))

    def level(self, *, strict: bool = False) -> Level:
        """The worst; with ``strict`` a warning is a failure."""
        found = {one.level for one in self.findings}
        if Level.FAIL in found or (strict and Level.WARN in found):
            return Level.FAIL
        return Level.WARN if Level.WARN in found else Level.PASS

    def refusal(self, *, strict: bool = False) -> StudioError | None:
        """What a check that did not pass is reported as."""
        if self.level(strict=strict) is not Level.FAIL:
            return None
        grave = (Level.FAIL, Level.WARN) if strict else (Level.FAIL,)
        first = next(one for one in self.findings if one.level in grave)
        return StudioError(
            COMFYUI_UNSAFE,
            f"{self.url} did not pass: {first.text}",
            hint=first.do or "See the findings with 'ategnatos studio comfyui check'.",
            url=self.url,
            finding=first.name,
        )
