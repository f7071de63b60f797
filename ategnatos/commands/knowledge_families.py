"""``ategnatos knowledge families``: model families with settings, licences and files."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.page import Line, Row, draw

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.knowledge.families import Family, Variant

_COMMERCIAL = {
    "yes": ("commercial use: yes", "green"),
    "conditions": ("commercial use: under conditions", "yellow"),
    "no": ("commercial use: no", "red"),
    "unknown": ("commercial use: read the licence first", "yellow"),
}
_NEGATIVE = {
    "useful": "a negative prompt counts",
    "inert": "a negative prompt has no effect",
    "none": "no negative prompt",
}


def register(app: typer.Typer) -> None:
    """Put the command on ``app``."""
    command(app, "families", example="ategnatos knowledge families z-image/turbo")(families)


def families(
    call: Call,
    name: Annotated[
        str | None, typer.Argument(help="A family, or family/variant. Default: all.")
    ] = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only those whose licence allows commercial use.")
    ] = False,
) -> Answer:
    """Model families: settings, prompt style, licence, files and where they come from."""
    from ategnatos.knowledge import families as known

    if name is None:
        found = [known.family(one) for one in known.names()]
        variants = [one for family in found for one in family.variants.values()]
        if commercial:
            variants = [one for one in variants if one.licence.commercial == "yes"]
        return Answer(
            {"families": [_brief(one) for one in variants]},
            lambda console: _draw_all(console, found, variants),
            ("ategnatos knowledge families z-image/turbo",),
        )
    family = known.family(name.partition("/")[0].strip().lower())
    chosen = [known.find(name)] if "/" in name else list(family.variants.values())
    if commercial:
        chosen = [one for one in chosen if one.licence.commercial == "yes"]
    return Answer(
        {
            "family": family.name,
            "title": family.title,
            "about": family.about,
            "default": family.default,
            "date": family.date,
            "sources": list(family.sources),
            "variants": [_whole(one) for one in chosen],
        },
        lambda console: _draw_one(console, family, chosen),
        (f"ategnatos studio workflow get txt2img --family {chosen[0].key}",)
        if chosen and "txt2img" in chosen[0].templates
        else (),
    )


def _brief(one: Variant) -> dict[str, Any]:
    return {
        "key": one.key,
        "title": one.title,
        "kind": one.kind,
        "dialect": one.dialect,
        "tasks": list(one.templates),
        "commercial": one.licence.commercial,
        "licence": one.licence.name,
        "min_comfyui": one.min_comfyui,
    }


def _whole(one: Variant) -> dict[str, Any]:
    return {"key": one.key, **asdict(one)}


def _draw_all(console: Console, found: list[Family], variants: list[Variant]) -> None:
    rows = []
    for family in found:
        own = [one for one in variants if one.family == family.name]
        if not own:
            continue
        lines = [Line(family.about)]
        for one in own:
            words, style = _COMMERCIAL[one.licence.commercial]
            star = " (what the bare name means)" if one.name == family.default else ""
            lines.append(Line(f"{one.key}{star}: {one.licence.name}; {words}", style))
        rows.append(Row(((family.name, "bold"),), lines))
    draw(console, rows)


def _draw_one(console: Console, family: Family, chosen: list[Variant]) -> None:
    console.print(f"{family.title}. {family.about}", soft_wrap=True)
    console.print(
        f"checked {family.date}; {'; '.join(family.sources)}", style="dim", soft_wrap=True
    )
    console.print()
    draw(console, [Row(((one.key, "bold"),), _lines(one)) for one in chosen])


def _lines(one: Variant) -> list[Line]:
    """One variant for a person: settings, prompt, licence, files."""
    sizes, licence = one.sizes, one.licence
    settings = [f"{one.steps} steps", f"guidance {one.cfg:g}", f"{one.sampler}/{one.scheduler}"]
    settings += [f"shift {one.shift:g}"] if one.shift is not None else []
    words, style = _COMMERCIAL[licence.commercial]
    limits = list(licence.conditions)
    if licence.revenue_limit_usd:
        limits.append(f"free below ${licence.revenue_limit_usd:,} revenue a year")
    if licence.territory:
        limits.append(f"needs an agreement in {', '.join(licence.territory)}")
    if licence.outputs:
        limits.append(f"pictures: {licence.outputs}")
    lines = [
        Line(f"{one.title} ({one.kind})"),
        Line(", ".join(settings)),
        Line(
            f"{sizes.width} x {sizes.height}, sides in steps of {sizes.multiple} from"
            f" {sizes.least} to {sizes.most}"
        ),
        Line(f"prompt: {one.dialect}; {_NEGATIVE[one.negative]}"),
        Line(f"{licence.name}; {words}", style),
        *(Line(f"  {limit}", style) for limit in limits),
        Line(f"  {licence.page} (as of {licence.read}, from: {licence.source})", "dim"),
        Line(f"ComfyUI {one.min_comfyui} or newer; makes: {', '.join(one.templates) or 'nothing'}"),
        *(
            Line(
                f"file: {file.folder}/{file.name}"
                + ("" if file.confirmed else " (its address is not confirmed)"),
                "dim",
            )
            for file in one.files.values()
        ),
    ]
    if one.lora is not None:
        lora = f"LoRA: {one.lora.node} at {one.lora.strength:g}"
        lora += f"; train on {one.lora.train_on}" if one.lora.train_on else ""
        lines.append(Line(lora + (f"; {one.lora.note}" if one.lora.note else "")))
    return [*lines, *(Line(note) for note in one.notes)]
