"""``ategnatos studio reconnect``: after the line broke, where things stand and where to go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.grimoire.errors import StudioError

app = room()

# A machine that was rented a while ago is up, or it is not: nobody waits here for its start.
PATIENCE_SECONDS = 60.0


@command(app, "reconnect", example="ategnatos studio reconnect runpod:7h9k2m4n6p")
def reconnect(
    call: Call,
    machine: Annotated[str | None, typer.Argument(help="Not needed for the only one.")] = None,
) -> Answer:
    """Find the machine again, read what it finished, and say where to go on."""
    import shlex

    from ategnatos.machines.ssh import dead_man, phases, tmux
    from ategnatos.machines.ssh.dead_man import Limits
    from ategnatos.providers import load_provider
    from ategnatos.studio import moving_in, ways

    project = call.project()
    rental, order = ways.one(project, machine)
    now = datetime.now(UTC)
    label = ways.label_of(rental, order)
    if ways.read(label) is None:
        left = datetime.fromisoformat(rental.due_at) - now
        limits = Limits(max(1, int(left.total_seconds() // 60)))
        with ways.being_made(project, label), _said_here(rental.name):
            _, notes = moving_in.move_in(
                project,
                load_provider(rental.provider),
                rental,
                label,
                limits,
                actor=_actor(),
                clock=lambda: datetime.now(UTC),
                say=call.say,
                patience=PATIENCE_SECONDS,
            )
        for text in notes:
            call.warn(text)
    link = ways.link(label, rental.name, say=call.say)
    found = phases.read(link)
    place = phases.go_on(found)
    heard: dict[str, Any] | None = None
    try:
        said = dead_man.hear(link)
        heard = {"alive": said.alive, "idle_seconds": said.idle_seconds, "due": said.due}
        if not said.alive:
            # The machine was restarted: its script is not one of those that come back.
            left = datetime.fromisoformat(rental.due_at) - now
            limits = Limits(max(1, int(left.total_seconds() // 60)))
            own = load_provider(rental.provider).terms().self_end
            dead_man.begin(link, limits, self_end=own)
            call.warn("The dead-man script did not run there any more, and was started again.")
    except StudioError as error:
        call.warn(error.message)
    lines = [f"{one.name:<8} {one.state}" + _status(one.status) for one in found]
    if place is None:
        lines.append("Every phase is done. Bring the results here, then end it: it bills on.")
    else:
        verb = {"running": "still runs", "waiting": "is next"}.get(place.state, "is to be repeated")
        lines.append(f"The phase {place.name} {verb}.")
    line = shlex.join(tmux.attach_line(link.address))
    attach = f"cd {shlex.quote(str(link.address.home))} && {line}"
    lines.append(f"To sit in its session: {attach}")
    return Answer(
        {
            "machine": rental.name,
            "phases": [
                {"name": one.name, "state": one.state, "status": one.status, "log": one.logged}
                for one in found
            ],
            "go_on": None if place is None else {"phase": place.name, "state": place.state},
            "dead_man": heard,
            "attach": attach,
            "due_at": rental.due_at,
        },
        "\n".join(lines),
        (f"ategnatos studio provider down {rental.name}",)
        if place is None
        else (f"ategnatos studio provider phase {place.name} {rental.name}",),
    )


@contextmanager
def _said_here(name: str) -> Iterator[None]:
    """What is to be done where a machine that was rented before does not let us in."""
    from ategnatos.studio.moving_in import MACHINE_NOT_UP

    try:
        yield
    except StudioError as error:
        if error.code is MACHINE_NOT_UP:
            error.hint = (
                f"It bills all the same. Reconnect again in a minute: ategnatos studio reconnect"
                f" {name}. Or end it: ategnatos studio provider down {name}"
            )
        raise


def _status(status: int | None) -> str:
    return "" if status is None else f" ({status})"


def _actor() -> str:
    from ategnatos.guard.actor import actor

    return actor()
