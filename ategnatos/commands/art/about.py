"""What a picture file is and who made it, for a person's terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.pictures.inspect import PictureInfo

_LONGEST_PROMPT = 2000


def said(console: Console, found: PictureInfo) -> None:
    """Tell of the file first, then of its making, program by program."""
    for line in (*_file(found), *_making(found)):
        console.print(plain(line), soft_wrap=True)


def _file(found: PictureInfo) -> list[str]:
    profile = found.colour_profile or "none, so sRGB is taken"
    alpha = "no"
    if found.has_alpha:
        alpha = "yes, but every pixel is opaque" if found.fully_opaque else "yes"
    lines = [
        f"{found.width}x{found.height} pixels, {found.format}, {found.bytes:,} bytes",
        f"Colour: {found.mode}, {found.bit_depth} bits a channel, profile {profile}",
        f"Transparency: {alpha}",
    ]
    if found.animated:
        lines.append(f"Animated: {found.frames} frames")
    if found.pixel_scale == 1:
        lines.append("Pixel art at its own size")
    elif found.pixel_scale is not None:
        own = f"{found.width // found.pixel_scale}x{found.height // found.pixel_scale}"
        lines.append(f"Pixel art: {own} pixels of its own, each {found.pixel_scale} wide here")
    lines.append(f"SHA-256: {found.sha256}")
    if found.perceptual is not None:
        lines.append(
            f"Perceptual hashes: {found.perceptual.difference} (edges),"
            f" {found.perceptual.frequency} (shapes)"
        )
    if found.credentials is not None:
        lines.append(
            f"Content credentials (C2PA): {found.credentials.size:,} bytes in its"
            f" {found.credentials.place}; not checked. Any edit of this file would break them."
        )
    return lines


def _making(found: PictureInfo) -> list[str]:
    held = found.metadata
    lines: list[str] = []
    told: set[tuple[str, str]] = set()
    for account in held.get("making", ()):
        # Ours stands in a picture twice, once in the words of other tools.
        if (account["tool"], account["prompt"]) in told:
            continue
        told.add((account["tool"], account["prompt"]))
        lines += ["", f"Made with {account['tool']} (says its {account['keyword']!r})"]
        for name, text in (("Prompt", account["prompt"]), ("Negative", account["negative"])):
            if text:
                cut = text if len(text) <= _LONGEST_PROMPT else f"{text[:_LONGEST_PROMPT]} ..."
                lines.append(f"  {name}: {cut}")
        lines += [
            f"  {name.replace('_', ' ')}: {_told(value)}"
            for name, value in account["settings"].items()
        ]
    if graphs := held.get("comfyui"):
        kinds = {"prompt": "the graph that ran", "workflow": "the editor's file"}
        words = " and ".join(kinds.get(name, name) for name in graphs)
        lines += ["", f"Holds a ComfyUI workflow: {words}."]
    if others := held.get("texts"):
        lines += ["", f"Other texts in it: {', '.join(sorted(others))} (--json shows them)"]
    if problems := held.get("problems"):
        lines += ["", *(f"Problem: {problem}" for problem in problems)]
    if not lines:
        lines = ["", "It says nothing of its making."]
    return lines


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(
            f"{one['name']}" + (f" at {one['weight']:g}" if one.get("weight") is not None else "")
            for one in value
        )
    return f"{value:g}" if isinstance(value, float) else str(value)
