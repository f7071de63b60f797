"""What the workflow commands are given: a name or a file, a family, settings, a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Call
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.graph.convert import Conversion
    from ategnatos.engines.comfyui.graph.node_classes import Catalogue
    from ategnatos.grimoire.project import Project
    from ategnatos.studio.workflows import Stored

WORKFLOW_INCOMPLETE = ErrorCode(
    "workflow_incomplete", "Values of a workflow have no names without the server's node list."
)
SETTING_FORM = ErrorCode("workflow_setting_form", "A setting is not of the form name=value.")

Source = Annotated[
    str, typer.Argument(metavar="WORKFLOW", help="A name of 'workflow list', or a file.")
]
ServerOption = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="Default: the studio's ComfyUI."),
]
RemoteOption = Annotated[
    bool, typer.Option("--allow-remote", help="Ask a server beyond this machine all the same.")
]
InfoOption = Annotated[
    Path | None,
    typer.Option("--object-info", metavar="FILE", help="A saved /object_info."),
]
FamilyOption = Annotated[
    str | None,
    typer.Option("--family", metavar="FAMILY", help="A model family, such as z-image/turbo."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of a built-in; may be repeated."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it there.")
]


def graph_of(
    call: Call, name: str, family: str | None, settings: list[str] | None
) -> tuple[Stored, dict[str, Any], str | None]:
    """A built-in rendered, or your own read; facts about it, and the oldest server it needs."""
    from ategnatos.engines.comfyui.graph import templates as rendering
    from ategnatos.knowledge import families, templates
    from ategnatos.studio import workflows

    variant = families.find(family) if family else None
    tasks = {templates.template(one).task for one in templates.names()}
    if name in templates.names() or (variant is not None and name in tasks):
        rendered = rendering.render(name, variant, _parameters(settings, name, variant))
        for warning in rendered.warnings:
            call.warn(warning)
        facts = {
            "name": rendered.template.name,
            "family": variant.key if variant else None,
            "parameters": rendered.parameters,
        }
        return (
            workflows.Stored(rendered.template.name, None, rendered.graph),
            facts,
            rendered.min_comfyui,
        )
    if family or settings:
        raise StudioError(
            SETTING_FORM,
            f"--family and --set fill built-in workflows, and {name!r} is none; nothing was done.",
            hint="See 'ategnatos studio workflow list'.",
        )
    return workflows.read(project_or_none(call), name), {"name": name}, None


def _parameters(settings: list[str] | None, name: str, variant: Any) -> dict[str, Any]:
    from ategnatos.engines.comfyui.graph import templates as rendering

    if not settings:
        return {}
    parameters = rendering.named(name, variant).parameters
    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise StudioError(
                SETTING_FORM,
                f"{setting!r} is not of the form name=value; nothing was done.",
                hint="Write --set steps=8, or --set 'prompt=a lighthouse'.",
            )
        kind = parameters[key].kind if key in parameters else ""
        found[key] = text if kind in ("text", "choice", "file", "image") else _json_or_text(text)
    return found


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def api(
    call: Call, name: str, server: str | None, allow_remote: bool, object_info: Path | None
) -> dict[str, Any]:
    stored, _, _ = graph_of(call, name, None, None)
    if stored.api is not None:
        return stored.api
    known, _ = classes(call, stored, server, allow_remote, object_info)
    graph: dict[str, Any] = converted(call, stored, known, partial=False).graph
    return graph


def converted(call: Call, stored: Stored, classes: Catalogue, *, partial: bool) -> Conversion:
    from ategnatos.engines.comfyui.graph.convert import to_api

    conversion = to_api(stored.ui, classes)
    if conversion.incomplete and not partial:
        raise StudioError(
            WORKFLOW_INCOMPLETE,
            f"The server has no class for {', '.join(conversion.incomplete[:5])}, and the file"
            " does not name the values of such nodes. It was not converted: they would be lost.",
            hint="Check it against a server that has these nodes, or add --partial to leave the"
            " values out.",
            nodes=conversion.incomplete,
        )
    return conversion


def classes(
    call: Call,
    stored: Stored,
    server: str | None,
    allow_remote: bool,
    object_info: Path | None,
) -> tuple[Catalogue, str | None]:
    from ategnatos.commands.studio import workflow_words as words
    from ategnatos.engines.comfyui.graph import ask

    if object_info is not None:
        return ask.from_file(object_info), None
    from platformdirs.unix import Unix

    from ategnatos.engines.comfyui.address import find_address

    project = project_or_none(call)
    record: dict[str, object] | None = None
    if project is not None:
        from ategnatos.grimoire import documents

        record = documents.read(project, "studio").environment.comfyui.model_dump()
    address = find_address(record, server=server, allow_remote=allow_remote)
    folder = Path(Unix("ategnatos").user_cache_dir) / "comfyui"
    kept = ask.from_server(address, words.class_names(stored), folder)
    return kept.classes, kept.version


def classes_or_none(
    call: Call,
    graph: dict[str, Any],
    server: str | None,
    allow_remote: bool,
    object_info: Path | None,
) -> Catalogue | None:
    """The classes where a server or a file tells them; slots can be shown without."""
    from ategnatos.engines.comfyui.graph.ask import OBJECT_INFO_UNREACHED
    from ategnatos.studio.workflows import Stored

    try:
        return classes(call, Stored("", None, graph), server, allow_remote, object_info)[0]
    except StudioError as error:
        if error.code is not OBJECT_INFO_UNREACHED or server is not None:
            raise
        call.warn("No server answers, so what may stand in each slot is not shown.")
        return None


def project_or_none(call: Call) -> Project | None:
    from ategnatos.grimoire.project import NO_PROJECT

    try:
        return call.project()
    except StudioError as error:
        if error.code is NO_PROJECT and call.project_option is None:
            return None
        raise


def write(path: Path, content: dict[str, Any]) -> None:
    from ategnatos.grimoire.files import write_atomic

    write_atomic(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
