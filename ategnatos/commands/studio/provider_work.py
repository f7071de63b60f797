"""``provider validate``, ``run``, ``push``, ``pull``, ``tunnel``: working on a rented machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.machines.ssh.link import Link
    from ategnatos.machines.ssh.machine import SshMachine

MACHINE_UNFIT = ErrorCode("machine_unfit", "A rented machine lacks what it is needed for.")
REMOTE_FAILED = ErrorCode("remote_failed", "A command on a rented machine ended with an error.")

Name = Annotated[str, typer.Argument(help="The machine, as 'provider status' names it.")]
# The services of a machine that a tunnel may lead to, with their usual ports.
SERVICES = {"comfyui": 8188}


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the noun ``provider``."""
    example = "ategnatos studio provider validate runpod:7h9k2m4n6p --vram-min 24"
    command(app, "validate", example=example)(validate)
    example = "ategnatos studio provider run runpod:7h9k2m4n6p -- nvidia-smi"
    command(app, "run", example=example, open_options=True)(run)
    example = "ategnatos studio provider push runpod:7h9k2m4n6p workspace/datasets/owl data/owl"
    command(app, "push", example=example)(push)
    example = "ategnatos studio provider pull runpod:7h9k2m4n6p results workspace/outputs/results"
    command(app, "pull", example=example)(pull)
    example = "ategnatos studio provider tunnel comfyui runpod:7h9k2m4n6p --port 8189"
    command(app, "tunnel", example=example)(tunnel)


def validate(
    call: Call,
    machine: Annotated[str | None, typer.Argument(help="Not needed for the only one.")] = None,
    gpu: Annotated[str | None, typer.Option("--gpu", help="Part of the GPU's name.")] = None,
    vram_min: Annotated[float, typer.Option("--vram-min", help="GB a GPU, at least.")] = 0.0,
    disk_min: Annotated[float, typer.Option("--disk-min", help="Free GB, at least.")] = 10.0,
) -> Answer:
    """Does it answer, and has it what it was rented for? GPU, driver, disk, Python, network."""
    from ategnatos.studio import validating

    name, link = _way(call, machine)
    found = validating.look(link, name, gpu=gpu, vram_gb=vram_min, disk_gb=disk_min)
    lines = [f"{'ok  ' if one.ok else 'FAIL'}  {one.what}: {one.found}" for one in found.checks]
    bad = [one for one in found.checks if not one.ok]
    failed = None
    if bad:
        failed = StudioError(
            MACHINE_UNFIT,
            f"{name} lacks: " + "; ".join(f"{one.what} ({one.found})" for one in bad) + ". It"
            " costs money all the same.",
            hint=f"Install what is missing, or end it: ategnatos studio provider down {name}",
            machine=name,
            failed=[one.what for one in bad],
        )
    return Answer(
        {"machine": name, "checks": [one.facts() for one in found.checks]},
        "\n".join(lines),
        failed=failed,
    )


def run(
    call: Call,
    machine: Name,
    words: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="Run as it is.")],
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Seconds, then the line is closed.")
    ] = None,
) -> Answer:
    """Run one command on the machine, once, and show what it printed."""
    name, box = _machine(call, machine)
    given = words[1:] if words[:1] == ["--"] else words
    if not given:
        raise StudioError(USAGE, "No command was given; nothing ran.", hint="After '--'.")
    done = box.run(given, timeout=timeout)
    failed = None
    if not done.ok:
        failed = StudioError(
            REMOTE_FAILED,
            f"The command ended with status {done.status} on {name}. {done.errors.strip()[-400:]}",
            hint=f"See where things stand: ategnatos studio reconnect {name}",
            machine=name,
            status=done.status,
            output=done.output,
            errors=done.errors,
        )
    facts = {"machine": name, "status": done.status, "output": done.output, "errors": done.errors}
    return Answer(facts, done.output or None, failed=failed)


def push(
    call: Call,
    machine: Name,
    source: Annotated[Path, typer.Argument(help="A file, or a folder for what is in it.")],
    target: Annotated[str, typer.Argument(help="On the machine, from its home folder.")],
) -> Answer:
    """Bring a file, or what is in a folder, to the machine; goes on where it was cut."""
    name, box = _machine(call, machine)
    box.push(source, target)
    facts = {"machine": name, "source": str(source), "target": target}
    return Answer(facts, f"{source} is on {name} as {target}.")


def pull(
    call: Call,
    machine: Name,
    source: Annotated[str, typer.Argument(help="On the machine, from its home folder.")],
    target: Annotated[Path, typer.Argument(help="Where it goes here.")],
) -> Answer:
    """Bring a file, or what is in a folder, from the machine; goes on where it was cut."""
    name, box = _machine(call, machine)
    box.pull(source, target)
    facts = {"machine": name, "source": source, "target": str(target)}
    return Answer(facts, f"{source} of {name} is here as {target}.")


def tunnel(
    call: Call,
    service: Annotated[str, typer.Argument(help=f"One of: {', '.join(SERVICES)}.")],
    machine: Annotated[str | None, typer.Argument(help="Not needed for the only one.")] = None,
    port: Annotated[int, typer.Option("--port", help="The port here.")] = 8188,
    far_port: Annotated[int | None, typer.Option("--far-port", help="The port there.")] = None,
) -> Answer:
    """Bring a service of the machine to a port of this one, on loopback, and nowhere else."""
    from ategnatos.machines.ssh import forward

    if service not in SERVICES:
        raise StudioError(
            USAGE,
            f"There is no service {service!r}; no tunnel was made.",
            hint=f"One of: {', '.join(SERVICES)}.",
        )
    if not 1 <= port <= 65535 or not 1 <= (far_port or 1) <= 65535:
        raise StudioError(USAGE, "A port is 1 to 65535; no tunnel was made.", hint="Mend it.")
    name, link = _way(call, machine)
    far = far_port or SERVICES[service]
    pid = forward.forward(link.address, near=port, far=far)
    return Answer(
        {"machine": name, "port": port, "far_port": far, "pid": pid},
        f"127.0.0.1:{port} leads to port {far} of {name}, as long as the process {pid} lives.",
        (f"ategnatos studio comfyui check --url http://127.0.0.1:{port}",),
    )


def _way(call: Call, machine: str | None) -> tuple[str, Link]:
    from ategnatos.studio import ways

    rental, order = ways.one(call.project(), machine)
    label = ways.label_of(rental, order)
    return rental.name, ways.link(label, rental.name, say=call.say)


def _machine(call: Call, machine: str) -> tuple[str, SshMachine]:
    from ategnatos.machines.ssh.machine import SshMachine

    name, link = _way(call, machine)
    return name, SshMachine(name, link)


__all__: list[Any] = ["register"]
