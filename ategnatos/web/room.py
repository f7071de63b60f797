"""``ategnatos web``: start the page, or find the one that runs already."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()

PORT = 8888


@command(app, "web", example="ategnatos web --open")
def web(
    call: Call,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="On which port of this machine.")
    ] = PORT,
    open_it: Annotated[
        bool, typer.Option("--open", help="Open it in your browser; the code you type yourself.")
    ] = False,
) -> Answer:
    """Serve the studio's page to browsers on this machine, until Ctrl-C.

    The link that lets a person decide is written to their terminal and nowhere else. Started
    without a terminal, by an agent or a script, the page can be looked at and decides nothing.
    """
    from ategnatos.web import running

    project = call.project()
    found = running.find(project)
    if found is not None:
        return _found(call, found, open_it=open_it)
    with running.prepared(project, port) as page:
        for line in page.announcement:
            call.say(line)
        if call.json:
            running.print_started(call.command, page)
        if open_it:
            running.open_browser(page.address)
        page.serve()
    return Answer({"address": page.address, "ended": True}, "The page has ended.")


def _found(call: Call, page: dict[str, object], *, open_it: bool) -> Answer:
    from ategnatos.web import running

    address = str(page["address"])
    told = running.knock(page)
    if open_it:
        running.open_browser(address)
    where = (
        "A code for you stands in the terminal that it was started in."
        if told
        else "It was started without a terminal, so it is read-only. To decide there, end it"
        f" (kill {page['pid']}) and start it in your own terminal."
    )
    return Answer(
        {"address": address, "pid": page["pid"], "running": True, "read_only": not told},
        f"The page of this studio runs already: {address}\n{where}",
    )
