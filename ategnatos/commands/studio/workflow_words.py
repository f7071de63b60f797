"""What the workflow commands say to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ategnatos.commands.page import Line, Row, draw
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.engines.comfyui.graph.findings import Finding
    from ategnatos.engines.comfyui.graph.slots import Slot
    from ategnatos.knowledge.templates import Parameter
    from ategnatos.studio.workflows import Stored

_EFFECTS = {
    "refused": ("refused", "bold red"),
    "dropped": ("left out", "bold red"),
    "fails": ("fails", "bold red"),
    "unsafe": ("unsafe", "bold red"),
    "changed": ("changed", "yellow"),
    "note": ("note", "dim"),
}


def draw_list(
    console: Console, built_in: Sequence[dict[str, Any]], own: Sequence[dict[str, Any]]
) -> None:
    """Built-in workflows, then your own."""
    draw(
        console,
        [
            Row(
                ((one["name"], "bold"),),
                [
                    Line(one["about"]),
                    Line(f"ComfyUI {one['min_comfyui']} or newer; {_verified(one)}", "dim"),
                    *([Line(f"for {', '.join(one['families'])}", "dim")] * bool(one["families"])),
                ],
            )
            for one in built_in
        ],
    )
    console.print()
    if not own:
        console.print("You have saved none of your own yet.")
        return
    console.print("Your own:")
    forms = {"ui": "as the editor saves it", "api": "as the server runs it"}
    rows = [
        Row(((one["name"], "bold"),), [Line(f"{one['nodes']} nodes, {forms[one['form']]}")])
        for one in own
    ]
    draw(console, rows)


def _verified(one: dict[str, Any]) -> str:
    if one["verified"]:
        return f"accepted by ComfyUI {one['verified']}"
    return "unverified: it needs a newer server than was recorded, or a package"


def draw_findings(console: Console, name: str, found: Sequence[Finding]) -> None:
    """What a check found, those that stop a run first."""
    if not found:
        console.print(plain(f"{name}: nothing to mend. The server would run it as it is written."))
        return
    rows = []
    for one in found:
        lines = [Line(one.message)]
        if one.allowed and one.effect.value != "note":
            lines.append(Line(f"allowed: {one.allowed}", "dim"))
        if one.mend:
            lines.append(Line(one.mend, "dim", whole=True))
        where = f"{one.node} {one.class_type}".strip() or "workflow"
        rows.append(Row((_EFFECTS[one.effect.value], (where, "bold")), lines))
    draw(console, rows)
    if not any(one.blocks for one in found):
        console.print()
        console.print(plain(f"{name}: the server would run it."))


def draw_slots(console: Console, found: Sequence[Slot]) -> None:
    """Every value of a graph by its path."""
    rows = []
    for one in found:
        text = repr(one.value) if one.value != "" else "(empty)"
        lines = [Line(text if len(text) < 200 else f"{text[:197]}...")]
        facts = ", ".join(part for part in (one.role, one.kind, one.allowed) if part)
        if facts:
            lines.append(Line(facts, "dim"))
        rows.append(Row(((one.path, "bold"), (one.class_type, "dim")), lines))
    draw(console, rows)


def draw_parameters(console: Console, parameters: Sequence[dict[str, Any]]) -> None:
    """The parameters of a built-in."""
    draw(
        console,
        [
            Row(
                ((one["name"], "bold"), (one["type"], "dim")),
                [Line(one["about"]), Line(one["default_words"], "dim")],
            )
            for one in parameters
        ],
    )


def parameter(one: Parameter) -> dict[str, Any]:
    """A parameter as facts."""
    if one.origin or one.kind == "file":
        words = "comes from the family"
    elif one.default is not None:
        words = f"otherwise {one.default!r}"
    else:
        words = "may be left out" if one.optional else "must be given"
    return {
        "name": one.name,
        "type": one.kind,
        "about": one.about,
        "default": one.default,
        "from_family": one.origin or None,
        "optional": one.optional,
        "min": one.least,
        "max": one.most,
        "options": list(one.options),
        "default_words": words,
    }


def count(stored: Stored) -> int:
    """How many nodes a workflow has."""
    return len(stored.ui["nodes"]) if stored.ui is not None else len(stored.api or {})


def class_names(stored: Stored) -> set[str]:
    """The node classes a workflow names, subgraphs and the editor's own left out."""
    from ategnatos.knowledge.node_packages import editor_only

    if stored.api is not None and stored.ui is None:
        return {str(node["class_type"]) for node in stored.api.values()}
    ui = stored.ui or {}
    subgraphs = (ui.get("definitions") or {}).get("subgraphs") or []
    nodes = [node for sheet in (ui, *subgraphs) for node in sheet.get("nodes") or ()]
    inner = {str(one.get("id")) for one in subgraphs}
    return {str(node.get("type")) for node in nodes} - inner - editor_only()
