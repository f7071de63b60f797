"""``provider sky``: a training or a ComfyUI on whichever cloud is cheapest, through SkyPilot."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import ROUND_UP
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.commands.studio.provider_options import (
    Because,
    Confirm,
    Overriding,
    number,
    stay_of,
)
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.providers.sky.task import Bounds
    from ategnatos.studio.renting.plan import Plan

SKY_INSTALL = ErrorCode("sky_install", "SkyPilot could not be installed.")
SKY_FAILED = ErrorCode("sky_failed", "The program sky did not do what it was asked.")

_FOR = ("comfyui", "train")


def register(app: typer.Typer) -> None:
    """Add the noun ``sky`` to the noun ``provider``."""
    sky = room("Many clouds through SkyPilot, a program in an environment of its own.")
    example = "ategnatos studio provider sky install --cloud aws --cloud gcp"
    command(sky, "install", example=example, dry_run=True)(install)
    example = "ategnatos studio provider sky task owl --gpu L4 --most 0.90 --run train.sh"
    command(sky, "task", example=example, dry_run=True)(task)
    example = "ategnatos studio provider sky up workspace/sky/owl.yaml --hours 2 --confirm"
    command(sky, "up", example=example, dry_run=True)(up)
    example = "ategnatos studio provider sky logs ateg-r7f3c2-a1"
    command(sky, "logs", example=example)(logs)
    app.add_typer(sky, name="sky")


def install(
    call: Call,
    cloud: Annotated[
        list[str] | None,
        typer.Option("--cloud", help="A cloud to install for, like aws; may be given again."),
    ] = None,
) -> Answer:
    """Make an environment of its own for SkyPilot, and install it there. Nothing is rented."""
    import subprocess
    import sys

    from ategnatos.providers.sky import program

    there = program.found()
    if there is not None and not call.dry_run:
        return Answer({"program": str(there), "installed": False}, f"It is here: {there}")
    names = [one for one in cloud or [] if one.isalnum() and one.isascii()]
    if names != (cloud or []):
        raise StudioError(USAGE, "--cloud takes names like aws or gcp.", hint="Mend it.")
    extras = f"[{','.join(names)}]" if names else ""
    folder = program.own_folder()
    steps = [
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "pip"), "install", f"skypilot{extras}=={program.VERSION}"],
    ]
    lines = [" ".join(one) for one in steps]
    if call.dry_run:
        return Answer({"steps": lines}, "\n".join(lines))
    for step in steps:
        call.say(" ".join(step))
        done = subprocess.run(step, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            words = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
            raise StudioError(
                SKY_INSTALL,
                f"SkyPilot is not installed: {words[-400:]}",
                hint=f"Run it yourself to see more: {' '.join(step)}",
            )
    return Answer(
        {"program": str(folder / "bin" / "sky"), "installed": True},
        f"SkyPilot {program.VERSION} is in {folder}.",
        (f"{folder / 'bin' / 'sky'} check",),
    )


def task(
    call: Call,
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    gpu: Annotated[str, typer.Option("--gpu", help="As SkyPilot writes it: L4, A100:2.")],
    most: Annotated[str, typer.Option("--most", help="USD an hour that it may cost, at most.")],
    purpose: Annotated[
        str, typer.Option("--for", help="train: a script of yours; comfyui: a server.")
    ] = "train",
    run: Annotated[
        Path | None, typer.Option("--run", help="With train: the script that is the work.")
    ] = None,
    setup: Annotated[
        Path | None, typer.Option("--setup", help="A script that prepares the machine for it.")
    ] = None,
    mount: Annotated[
        list[str] | None,
        typer.Option("--mount", help="THERE=HERE: a file or folder to bring; again for more."),
    ] = None,
    cloud: Annotated[
        list[str] | None, typer.Option("--cloud", help="aws, gcp/us-central1; any of them.")
    ] = None,
    spot: Annotated[bool, typer.Option("--spot", help="Machines that may be taken away.")] = False,
    disk: Annotated[int, typer.Option("--disk", help="GB of disk.")] = 80,
    idle: Annotated[int, typer.Option("--idle-minutes", help="It ends when idle so long.")] = 30,
) -> Answer:
    """Write a task for SkyPilot, and have SkyPilot read it where it is installed."""
    from ategnatos.grimoire.files import write_atomic
    from ategnatos.providers.sky import program
    from ategnatos.providers.sky.task import Task, bounds

    project = call.project()
    if purpose not in _FOR or (purpose == "train") is not (run is not None):
        raise StudioError(
            USAGE,
            "--for takes train, which needs --run, or comfyui, which has none; nothing is written.",
            hint="ategnatos studio provider sky task --help",
        )
    wanted = Task(
        name=name,
        gpus=gpu,
        most=number("--most", most),
        setup=_setup(purpose, gpu, setup),
        run="" if run is None else _read(run),
        mounts=_mounts(mount or []),
        clouds=tuple(cloud or ()),
        spot=spot,
        disk_gb=disk,
        idle_minutes=idle,
    )
    text = wanted.text()
    bounds(text)
    path = project.workspace / "sky" / f"{name}.yaml"
    if call.dry_run:
        return Answer({"task": text, "file": str(path), "dry_run": True}, text)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text.encode(), 0o644)
    read = program.found() is not None
    if read:
        program.check(path)
    else:
        call.warn("SkyPilot is not installed here, so it has not read the task yet.")
    return Answer(
        {"task": text, "file": str(path), "read_by_skypilot": read},
        f"{path} is written" + (", and SkyPilot takes it." if read else "."),
        (f"ategnatos studio provider sky up {path}",),
    )


def up(
    call: Call,
    file: Annotated[Path, typer.Argument(help="A task, from 'sky task' or your own.")],
    hours: Annotated[
        str | None,
        typer.Option("--hours", help="It is ended then. Default: auto_teardown_minutes."),
    ] = None,
    confirm: Confirm = False,
    override: Overriding = False,
    because: Because = "",
) -> Answer:
    """Launch a task under the budget: its whole time at its highest price is reserved first."""
    from ategnatos.commands.studio import provider_up
    from ategnatos.guard.actor import actor
    from ategnatos.guard.budget import approved
    from ategnatos.providers.sky import Sky, program
    from ategnatos.providers.sky.task import bounds
    from ategnatos.studio import ways
    from ategnatos.studio.renting import create

    text = _read(file)
    found = bounds(text)
    project = call.project()
    now = datetime.now(UTC)
    config = (
        approved.load(project) if call.dry_run else approved.load(project, now=now, actor=actor())
    )
    stay = stay_of(project, hours, max(1, found.disk_gb))
    plan = _plan(file.stem, text, found, int((stay.hours * 60).to_integral_value(ROUND_UP)))
    facts = provider_up.facts_of(plan, config)
    provider_up.price(call, project, config, plan, facts, now, confirm=confirm, override=override)
    if call.dry_run:
        return Answer({**facts, "dry_run": True}, f"Would launch {file}: {plan.price()}.")
    program.check(file)
    leave = provider_up.leave_for(
        project, config, plan, now, override=override, because=because, redo=_redo(file, plan)
    )
    sky = Sky()
    sky.say = call.say
    with ways.being_made(project, plan.label):
        rented = create.rent(
            project,
            config,
            sky,
            plan,
            actor=actor(),
            clock=lambda: datetime.now(UTC),
            say=call.say,
            override=leave,
        )
        # SkyPilot lets in its own key; the one that was made for this machine opens nothing.
        ways.forget(plan.label)
    name = rented.rental.name
    return Answer(
        {
            **facts,
            "machine": name,
            "label": plan.label,
            "due_at": rented.rental.due_at,
            "reserved_usd": facts["price_usd"],
            "idle_minutes": found.idle_minutes,
        },
        f"{name} is launched, {plan.price()}. It is ended at {rented.rental.due_at} at the latest,"
        f" by SkyPilot itself after {found.idle_minutes} idle minutes.",
        (
            f"ategnatos studio provider sky logs {plan.label}",
            "ategnatos studio reaper",
            f"ategnatos studio provider down {name}",
        ),
    )


def logs(
    call: Call,
    cluster: Annotated[str, typer.Argument(help="Its name, as 'sky up' said it.")],
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Until the work ends, or only what is.")
    ] = True,
) -> Answer:
    """What the work on a cluster prints. Ctrl-C ends the looking, never the work."""
    from ategnatos.providers.sky import program

    name = cluster.removeprefix("sky:")
    if not name or name.startswith("-"):
        raise StudioError(USAGE, f"{cluster!r} names no cluster.", hint="See 'provider status'.")
    line = ["logs", "--follow" if follow else "--no-follow", name]
    done = program.run(line, 7 * 86400.0, call.say)
    failed = None
    if done.status != 0:
        failed = StudioError(
            SKY_FAILED,
            f"sky logs ended with status {done.status}: {done.last[:300]}",
            hint=f"ategnatos studio provider status sky:{name}",
            status=done.status,
        )
    return Answer({"cluster": name, "status": done.status, "text": done.text}, None, failed=failed)


def _plan(name: str, text: str, found: Bounds, minutes: int) -> Plan:
    from ategnatos.providers.sky import Sky
    from ategnatos.providers.values import Offer
    from ategnatos.studio.renting.plan import Plan, new_run

    offer = Offer(
        provider=Sky.name,
        id=name,
        gpu=found.gpus,
        gpu_count=found.count,
        vram_gb=0.0,
        price=found.most,
        bid=found.spot,
        disk_gb=float(found.disk_gb),
        details={"task": text},
    )
    return Plan(offer, minutes, new_run(os.urandom), 1, found.disk_gb)


def _redo(file: Path, plan: Plan) -> str:
    import shlex
    from decimal import Decimal

    hours = (Decimal(plan.minutes) / 60).normalize()
    return f"ategnatos studio provider sky up {shlex.quote(str(file))} --hours {hours:f} --confirm"


def _setup(purpose: str, gpu: str, given: Path | None) -> str:
    """The script that prepares the machine, and what it needs before that."""
    from ategnatos.studio import phases

    parts = [phases.script("setup")]
    if purpose == "comfyui":
        parts.append(phases.comfyui_for(gpu.partition(":")[0]))
    if given is not None:
        parts.append(_read(given))
    # Each in a shell of its own: what one sets or leaves does not touch the next.
    return "\n".join(f"(\n{one.rstrip()}\n) || exit 1" for one in parts) + "\n"


def _mounts(given: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for one in given:
        far, sign, near = one.partition("=")
        if not (far and sign and near):
            raise StudioError(
                USAGE,
                f"--mount {one} is not THERE=HERE; nothing was written.",
                hint="Like --mount data/owl=workspace/datasets/owl",
            )
        found[far] = Path(near)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StudioError(
            USAGE, f"{path} cannot be read ({error}); nothing was done.", hint="Name a text file."
        ) from error


__all__: list[Any] = ["register"]
