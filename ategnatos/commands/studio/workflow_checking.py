"""``studio workflow check|convert|diff|slots``: what a server would make of a workflow."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.studio import workflow_given as given
from ategnatos.commands.studio.workflow_given import (
    FamilyOption,
    InfoOption,
    OutOption,
    RemoteOption,
    ServerOption,
    SetOption,
    Source,
)
from ategnatos.grimoire.errors import ErrorCode, StudioError

WORKFLOW_FAILS = ErrorCode("workflow_check_failed", "The server would not run this workflow.")


def register(app: typer.Typer) -> None:
    """Put the commands of this module on ``app``."""
    command(app, "check", example="ategnatos studio workflow check portrait")(check)
    command(app, "convert", example="ategnatos studio workflow convert portrait -o g.json")(convert)
    command(app, "diff", example="ategnatos studio workflow diff portrait other.png")(diff)
    command(app, "slots", example="ategnatos studio workflow slots portrait")(slots)


def check(
    call: Call,
    name: Source,
    family: FamilyOption = None,
    settings: SetOption = None,
    server: ServerOption = None,
    allow_remote: RemoteOption = False,
    object_info: InfoOption = None,
) -> Answer:
    """Would the server run it, all of it, as written? Nothing is sent to be run."""
    from ategnatos.commands.studio import workflow_words as words
    from ategnatos.engines.comfyui.graph import preflight

    stored, facts, min_version = given.graph_of(call, name, family, settings)
    classes, version = given.classes(call, stored, server, allow_remote, object_info)
    graph, models = stored.api, None
    if graph is None:
        conversion = given.converted(call, stored, classes, partial=False)
        graph, models = conversion.graph, conversion.models
    found = preflight.check(graph, classes, min_version=min_version, version=version, models=models)
    stops = [one for one in found if one.blocks]
    failed = None
    if stops:
        failed = StudioError(
            WORKFLOW_FAILS,
            f"{len(stops)} thing{'s' if len(stops) > 1 else ''} to mend before {name} can run."
            " Nothing was sent.",
            hint=next((one.mend for one in stops if one.mend), "Mend what is listed above."),
            findings=[one.as_json() for one in stops],
        )
    data = {**facts, "ready": not stops, "findings": [one.as_json() for one in found]}
    return Answer(data, lambda console: words.draw_findings(console, name, found), failed=failed)


def convert(
    call: Call,
    name: Source,
    out: OutOption = None,
    server: ServerOption = None,
    allow_remote: RemoteOption = False,
    object_info: InfoOption = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Also where values of unknown nodes are lost.")
    ] = False,
) -> Answer:
    """From the editor's format to the graph that a server runs."""
    from ategnatos.studio import workflows

    stored = workflows.read(given.project_or_none(call), name)
    if stored.ui is None:
        call.warn(f"{name} is in the API format already.")
        graph, notes = stored.best, []
    else:
        classes, _ = given.classes(call, stored, server, allow_remote, object_info)
        conversion = given.converted(call, stored, classes, partial=partial)
        graph, notes = conversion.graph, conversion.notes
    for note in notes:
        call.warn(note)
    if out is not None:
        given.write(out, graph)
        return Answer(
            {"path": str(out), "nodes": len(graph)},
            f"Converted: {len(graph)} nodes, written to {out}.",
            (f"ategnatos studio workflow check {out}",),
        )
    return Answer({"graph": graph, "nodes": len(graph)}, json.dumps(graph, indent=2))


def diff(
    call: Call,
    before: Source,
    after: Annotated[str, typer.Argument(help="The other one.")],
    server: ServerOption = None,
    allow_remote: RemoteOption = False,
    object_info: InfoOption = None,
) -> Answer:
    """What differs between two workflows; a node that only got another id does not count."""
    from ategnatos.engines.comfyui.graph.diff import diff as differences

    graphs = [given.api(call, one, server, allow_remote, object_info) for one in (before, after)]
    changes = differences(graphs[0], graphs[1])
    return Answer(
        {
            "same": not changes,
            "changes": [
                {
                    "kind": one.kind,
                    "node": one.node,
                    "class_type": one.class_type,
                    "input": one.input,
                    "before": one.before,
                    "after": one.after,
                }
                for one in changes
            ],
        },
        "\n".join(one.words for one in changes) or "They are the same.",
    )


def slots(
    call: Call,
    name: Source,
    server: ServerOption = None,
    allow_remote: RemoteOption = False,
    object_info: InfoOption = None,
) -> Answer:
    """The values of a workflow that may be set; of a built-in, its parameters."""
    from ategnatos.commands.studio import workflow_words as words
    from ategnatos.engines.comfyui.graph.slots import slots as of_graph
    from ategnatos.knowledge import templates

    if name in templates.names():
        parameters = [words.parameter(one) for one in templates.template(name).parameters.values()]
        return Answer(
            {"parameters": parameters}, lambda console: words.draw_parameters(console, parameters)
        )
    graph = given.api(call, name, server, allow_remote, object_info)
    found = of_graph(graph, given.classes_or_none(call, graph, server, allow_remote, object_info))
    return Answer(
        {"slots": [one.as_json() for one in found]},
        lambda console: words.draw_slots(console, found),
    )
