"""``provider phase``: work on a rented machine that outlives the line, a step at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.machines.ssh.link import Link
    from ategnatos.machines.ssh.phases import Phase


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the noun ``provider``."""
    example = "ategnatos studio provider phase comfyui runpod:7h9k2m4n6p"
    command(app, "phase", example=example, dry_run=True)(phase)


def phase(
    call: Call,
    name: Annotated[
        str, typer.Argument(help="setup, data, comfyui, train, or a name of your own.")
    ],
    machine: Annotated[str | None, typer.Argument(help="Not needed for the only one.")] = None,
    script: Annotated[
        Path | None, typer.Option("--script", help="A shell script that may be run again.")
    ] = None,
    brings: Annotated[
        Path | None, typer.Option("--from", help="With data: the folder to bring there first.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also if it is done already.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start it, and do not wait for its end.")
    ] = False,
    log: Annotated[
        bool, typer.Option("--log", help="Only look: how it stands, and what it printed.")
    ] = False,
) -> Answer:
    """Run one step of a machine's set-up there, once; it goes on when the line breaks."""
    from ategnatos.machines.ssh import phases as far
    from ategnatos.machines.ssh.machine import SshMachine
    from ategnatos.studio import phases, ways

    if brings is not None and (name != "data" or script is not None or log):
        raise StudioError(
            USAGE,
            "--from goes with the phase data and its own script; nothing was started.",
            hint="ategnatos studio provider phase data --from workspace/datasets/owl",
        )
    rental, order = ways.one(call.project(), machine)
    label = ways.label_of(rental, order)
    link = ways.link(label, rental.name, say=call.say)
    box = SshMachine(rental.name, link)
    if log:
        return _looked(link, rental.name, name)
    text = _given(script) if script is not None else phases.script(name, box.facts)
    if call.dry_run:
        return Answer({"machine": rental.name, "phase": name, "script": text}, text)
    if brings is not None:
        if not brings.is_dir():
            raise StudioError(
                USAGE, f"{brings} is no folder; nothing was brought.", hint="Name one."
            )
        call.say(
            f"{brings} is on {rental.name} as {phases.DATA}/{phases.bring(link, brings, box.push)}."
        )
        again = True
    if detach:
        found = far.start(link, name, text, again=again)
    else:
        found = phases.carry_out(link, name, text, again=again, say=call.say)
    words = {"done": "is done", "running": "runs there, also when the line breaks"}
    return Answer(
        _facts(rental.name, found),
        f"The phase {name} on {rental.name} {words.get(found.state, found.state)}.",
        _next(rental.name, found),
    )


def fresh(phase: list[str] | None) -> list[str]:
    """The phases to go through. Raises StudioError (``no_phase_script``, ``usage``)."""
    from ategnatos.studio import phases

    if phase is None:
        return ["setup"]
    if phase == ["none"]:
        return []
    for one in phase:
        if one not in phases.OURS or one == "data":
            raise StudioError(
                USAGE,
                f"--phase {one} is nothing for a machine that is new; nothing was rented.",
                hint="Choose setup, comfyui, or none; more with 'ategnatos studio provider phase'.",
            )
    return phase


def set_up(
    call: Call, label: str, name: str, steps: list[str]
) -> tuple[list[dict[str, Any]], StudioError | None]:
    """Go through the phases; one that fails is reported, and the machine stays."""
    from ategnatos.machines.ssh.machine import SshMachine
    from ategnatos.studio import phases, ways

    link = ways.link(label, name, say=call.say)
    done: list[dict[str, Any]] = []
    for one in steps:
        call.say(f"{name}: {one}")
        try:
            text = phases.script(one, SshMachine(name, link).facts)
            found = phases.carry_out(link, one, text, say=call.say)
        except StudioError as error:
            done.append({"phase": one, "state": "failed", "said": error.message})
            return done, StudioError(
                error.code,
                f"{name} is up and bills, and the phase {one} did not get done: {error.message}",
                hint=f"Try it again: ategnatos studio provider phase {one} {name}. Or end it:"
                f" ategnatos studio provider down {name}",
                machine=name,
                phase=one,
            )
        done.append({"phase": one, "state": found.state})
    return done, None


def _looked(link: Link, machine: str, name: str) -> Answer:
    from ategnatos.machines.ssh import phases as far

    (found,) = far.read(link, [name])
    piece = far.tail(link, name, found.logged)
    text = piece.decode("utf-8", "replace")
    said = f" with status {found.status}" if found.status is not None else ""
    return Answer(
        {**_facts(machine, found), "text": text},
        f"{text}\nThe phase {name} on {machine}: {found.state}{said}.".lstrip("\n"),
    )


def _given(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudioError(
            USAGE,
            f"{path} cannot be read as a script ({error}); nothing was started.",
            hint="Name a text file.",
        ) from error


def _facts(machine: str, found: Phase) -> dict[str, Any]:
    return {
        "machine": machine,
        "phase": found.name,
        "state": found.state,
        "status": found.status,
        "log": found.logged,
    }


def _next(machine: str, found: Phase) -> tuple[str, ...]:
    """What is usually done then."""
    from ategnatos.machines.ssh.phases import PHASES

    if found.state != "done":
        return (f"ategnatos studio provider phase {found.name} {machine} --log",)
    if found.name == "comfyui":
        return (f"ategnatos studio provider tunnel comfyui {machine}",)
    if found.name in PHASES[:-1]:
        after = PHASES[PHASES.index(found.name) + 1]
        return (f"ategnatos studio provider phase {after} {machine}",)
    return (f"ategnatos studio provider down {machine}",)
