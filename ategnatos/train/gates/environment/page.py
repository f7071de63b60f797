"""The page ``environment.md``: will the machine do, and what mends it where it does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.markdown import escape

if TYPE_CHECKING:
    from ategnatos.train.gates.environment.checks import Check
    from ategnatos.train.gates.environment.recording import Checked

_MARKS = {"ok": "ok", "note": "note", "stop": "**STOP**"}


def page(found: Checked, now: datetime) -> str:
    """The whole page: verdict, mends, every check, the snapshot."""
    kept, data = found.made.kept, found.data
    at = now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    verdict = "GO" if found.fits else "STOP"
    lines = [
        f"# {escape(kept.name)}, environment: {verdict}",
        "",
        f"The machine `{_code(found.machine)}` for {found.made.trainer}, looked at {at}.",
        "",
        "**What it means.** "
        + (
            "Nothing that was looked at stands in the way: a dry run may begin."
            if found.fits
            else "The run could not begin there, or not end. Mend what follows, then look again."
        ),
        "",
    ]
    for level, title in (("stop", "What has to be mended"), ("note", "What to know")):
        told = [one for one in found.checks if one.level == level]
        if told:
            lines += [f"## {title}", "", *_mends(told), ""]
    lines += ["## Everything that was looked at", "", "| what | | found |", "|---|---|---|"]
    lines += [
        f"| {escape(one.what)} | {_MARKS[one.level]} | {escape(one.found)} |"
        for one in found.checks
    ]
    lines += ["", "## The snapshot that the gate holds for", ""]
    lines += [
        f"- {escape(name)}: {escape(str(value))}" for name, value in data["bound"].items() if value
    ]
    lines += [
        "",
        "A change of any of these closes the gate; free memory and disk are looked at anew when a"
        " run begins.",
        "",
        "---",
        "",
        f"Plan version {kept.number}, digest `{kept.digest[:16]}`; binding"
        f" `{data['binding'][:16]}`. This page is written anew by"
        f" `ategnatos train environment {kept.name}`.",
        "",
    ]
    return "\n".join(lines)


def _mends(told: list[Check]) -> list[str]:
    lines = []
    for one in told:
        lines.append(f"- {escape(one.what)}: {escape(one.found)}.")
        if one.mend:
            lines += ["", *(f"      {line}" for line in one.mend.splitlines()), ""]
    return lines


def _code(text: str) -> str:
    return text.replace("`", "'")
