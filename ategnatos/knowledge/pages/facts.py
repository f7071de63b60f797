"""Single facts out of the data files, so that a search answers without a page being read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.knowledge.pages.finding import Entry
from ategnatos.knowledge.pages.reaching import contents, rows, said, values

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Kind:
    """``where`` comes before a row's key. ``title`` and ``tells`` are paths; a told one has the
    words before its value, or a form for each object found. ``command`` shows more.
    """

    file: str
    rows: str
    where: str
    title: tuple[str, ...]
    tells: tuple[tuple[str, str], ...]
    command: str


KINDS = (
    Kind(
        "picture_faults", "faults", "fault", ("title", "signs"),
        (("title", ""), ("cause", ""), ("fix", "\n- ")),
        "ategnatos knowledge show train/training/failure-modes",
    ),
    Kind(
        "failures", "failures", "failure", ("title", "{key}", "patterns.0.text"),
        (("title", ""), ("cause", ""), ("fix", "\n- ")),
        "ategnatos knowledge diagnose LOGFILE",
    ),
    Kind(
        "run_findings", "findings", "finding", ("title", "{key}"),
        (("title", ""), ("means", ""), ("do", "\n- ")),
        "ategnatos knowledge show train/training/failure-modes",
    ),
    Kind(
        "glossary", "terms", "word", ("{key}",),
        (("means", ""),), "ategnatos knowledge show {see}",
    ),
    Kind(
        "families", "", "family", ("title", "{key}", "aliases"),
        (
            ("description", ""), ("licence.name", "Licence: "),
            ("licence.commercial", "Commercial use: "), ("licence.conditions", "On condition: "),
            ("variants.*", "{title}: {steps} steps, cfg {cfg}, negative prompt {negative}"),
        ),
        "ategnatos knowledge families {key}",
    ),
    Kind(
        "asset_specs", "specs", "size", ("title", "{key}"),
        (
            ("about", ""), ("outputs.*", "{name} {width}x{height}"), ("formats", "Files: "),
            ("constraints", "Mind: "), ("source", "Source: "),
        ),
        "ategnatos art brief specs {key}",
    ),
    Kind(
        "plan_fields", "fields", "value", ("{key}",),
        (("means", ""), ("why", "How to choose: "), ("wrong", "If it is wrong: ")),
        "ategnatos knowledge show train/training/parameters-guide",
    ),
    Kind(
        "optimizers", "optimizers", "optimizer", ("title", "{key}"),
        (("rate", "Learning rate: "), ("good_for", "Good for: "), ("against", "Against it: ")),
        "ategnatos knowledge show train/training/optimizers",
    ),
    Kind(
        "node_packages", "packages", "package", ("title", "name"),
        (("name", "ategnatos studio comfyui nodes --install "), ("classes", "Nodes: ")),
        "ategnatos knowledge show studio/comfyui/node-registry",
    ),
    Kind(
        "comfyui_launch", "symptoms", "last words", ("text", "means"),
        (("means", ""), ("do", "")),
        "ategnatos knowledge show studio/comfyui/compatibility",
    ),
    Kind(
        "comfyui_security", "advisories", "hole", ("id", "package"),
        (("means", ""), ("do", "")),
        "ategnatos knowledge show studio/comfyui/security",
    ),
    Kind(
        "gpus", "gpus", "card", ("name", "aliases"),
        (("memory_gb", "Memory in GB: "), ("generation", ""), ("compute", "Compute capability: ")),
        "ategnatos knowledge show train/environment/vram-calculator",
    ),
)  # fmt: skip


def entries() -> Iterator[Entry]:
    """Every row of every kind."""
    for kind in KINDS:
        for key, row in rows(contents(kind.file, None), kind.rows):
            if isinstance(row, dict):
                yield _entry(kind, key, row)


def _entry(kind: Kind, key: str, row: dict[str, Any]) -> Entry:
    title = ", ".join(filter(None, (_title(path, key, row) for path in kind.title)))
    named = key if not key.isdigit() else _title(kind.title[0], key, row)
    return Entry(
        f"{kind.where} {named}",
        title,
        "\n".join(filter(None, (_told(row, *one) for one in kind.tells))),
        kind.command.format_map({**row, "key": key}),
    )


def _title(path: str, key: str, row: dict[str, Any]) -> str:
    if path == "{key}":
        return key.replace("_", " ")
    return ", ".join(said(one) for one in values(row, path))


def _told(row: dict[str, Any], path: str, form: str) -> str:
    found = [one for one in values(row, path) if one not in (None, "", [])]
    if not found:
        return ""
    if form.startswith("\n"):
        return "\n".join(f"{form[1:]}{one}" for one in found[0])
    if "{" in form:
        return "; ".join(form.format_map(one) for one in found)
    return form + ", ".join(said(one) for one in found)
