"""``ategnatos studio reaper``: nothing that is rented outlives its limit, its use or its record."""

from __future__ import annotations

import shlex
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.studio.reaper import Round

app = room()

# How it is kept running, by --install. {program} and {project} are quoted for a shell.
_CRON = "* * * * * {program} studio reaper --once --quiet --project {project}"
_SYSTEMD = """[Unit]
Description=The reaper of rented machines of {name}
After=network-online.target

[Service]
ExecStart={program} studio reaper --project {project}
Restart=always
RestartSec=10

[Install]
WantedBy=default.target
"""


@command(app, "reaper", example="ategnatos studio reaper --once")
def reaper(
    call: Call,
    once: Annotated[bool, typer.Option("--once", help="One round, then end. For cron.")] = False,
    every: Annotated[float, typer.Option("--every", help="Seconds between two rounds.")] = 30.0,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when nothing is rented any more.")
    ] = False,
    install: Annotated[
        str | None, typer.Option("--install", help="Print how to keep it running: cron, systemd.")
    ] = None,
) -> Answer:
    """End what is overdue, abandoned, idle, stuck, unreachable or unknown. Keeps no memory."""
    if not 1 <= every <= 3600:
        raise StudioError(
            USAGE, "--every takes 1 to 3600 seconds; nothing was looked at.", hint="Mend it."
        )
    project = call.project()
    if install is not None:
        return _installed(project, install)
    return follow(call, project, every=every, once=once, until_idle=until_idle)


def follow(
    call: Call, project: Project, *, every: float, once: bool, until_idle: bool, rounds: int = 0
) -> Answer:
    """Rounds until the end that was asked for; a server that restarts meanwhile ends nothing."""
    import threading

    from ategnatos.commands.studio.budget_timer import passing
    from ategnatos.grimoire import locks

    pause = threading.Event()
    said, number = "", 0
    while True:
        number += 1
        last = once or (rounds and number >= rounds)
        try:
            # Once: from cron, which comes no oftener than every minute.
            done = one_round(project, 60.0 if once else every)
        except StudioError as error:
            if last or not (passing(error) or error.code is locks.LOCKED):
                raise
            call.say(f"{error.message} Looking again in {every:g} seconds.")
            done = None
        if done is not None:
            words = _words(done)
            if words != said and not last:
                call.say(words)
                said = words
            if last or (until_idle and not _live(done)):
                return answer(call, done)
        pause.wait(every)


def one_round(project: Project, every: float = 60.0) -> Round:
    """One look at everything, with what this account can see."""
    from ategnatos.providers import installed_providers
    from ategnatos.studio import asking, teardown
    from ategnatos.studio import reaper as room
    from ategnatos.studio.ways import abandoned

    return room.reap(
        project,
        installed_providers(),
        room.provider_of,
        clock=_now,
        period=every,
        ask=lambda rental: asking.ask(project, rental, now=_now()),
        abandoned=lambda rental: abandoned(project, rental),
        ends=teardown.find,
    )


def answer(call: Call, done: Round) -> Answer:
    """A round as an answer: exit 1 where a person has to act."""
    from ategnatos.commands.studio import budget_timer, budget_words
    from ategnatos.studio import watchdog

    for name, why in done.silent.items():
        call.warn(f"{name} did not answer, so what is there counts as billing: {why}")
    for one in done.strangers:
        call.warn(
            f"{one.name} ({one.label}, {one.state.value}) bears our prefix and is not in this"
            " studio's record: another studio of your account may have rented it. If not, take it"
            f" in and end it: ategnatos studio provider adopt {one.name}"
        )
    for finding in done.findings:
        if finding.kind == "soon":
            call.warn(f"{finding.rental.name}: {finding.said}. Save what is on it.")
    stuck = watchdog.needs_person(done.findings)
    rest = [one for one in done.findings if one not in stuck]
    return Answer(
        {
            "machines": [
                {**one.facts(), "why": done.reasons.get(one.rental.name)} for one in done.findings
            ],
            "orders": [
                {"label": one.order.label, "kind": one.kind, "said": one.said}
                for one in done.orders
            ],
            "silent": done.silent,
            "strangers": [_stranger(one) for one in done.strangers],
        },
        _words(done) if rest or not stuck else budget_words.findings(rest) or None,
        failed=budget_timer.person_must_act(stuck) if stuck else None,
    )


def _words(done: Round) -> str:
    lines = [f"{one.order.label}: {one.said}" for one in done.orders]
    for one in done.findings:
        why = done.reasons.get(one.rental.name)
        lines.append(f"{one.rental.name}: {f'{why}: ' if why else ''}{one.said}")
    return "\n".join(lines) or "Nothing is rented."


def _live(done: Round) -> bool:
    waiting = {"waiting", "missing", "unclear", "found", "late"}
    return any(one.kind != "ended" for one in done.findings) or any(
        one.kind in waiting for one in done.orders
    )


def _stranger(one: Any) -> dict[str, Any]:
    return {
        "machine": one.name,
        "label": one.label,
        "state": one.state.value,
        "rate_usd_per_hour": None if one.rate is None else str(one.rate),
    }


def _installed(project: Project, how: str) -> Answer:
    program = shutil.which("ategnatos")
    line = [program] if program else [sys.executable, "-m", "ategnatos"]
    words = shlex.join(line)
    root = shlex.quote(str(project.root))
    if how == "cron":
        # A percent sign ends a command of cron.
        text = _CRON.format(program=words, project=root).replace("%", "\\%")
        steps = "Add this line with 'crontab -e':"
    elif how == "systemd":
        # systemd expands % and reads its own quotes, which shlex's single quotes are too.
        program_text = " ".join(f'"{_systemd(one)}"' for one in line)
        text = _SYSTEMD.format(
            program=program_text,
            project=f'"{_systemd(str(project.root))}"',
            name=project.root.name.replace("%", "%%").replace("\n", " "),
        )
        steps = (
            "Write this to ~/.config/systemd/user/ategnatos-reaper.service, then: systemctl --user"
            " enable --now ategnatos-reaper && loginctl enable-linger. Credentials must be in the"
            " keyring or in ~/.config/ategnatos/secrets: a service has no variables of your shell."
        )
    else:
        raise StudioError(
            USAGE,
            f"There is no {how!r}; nothing was printed.",
            hint="Choose one of: cron, systemd.",
        )
    return Answer({"install": how, "text": text, "steps": steps}, f"{steps}\n\n{text}")


def _systemd(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")


def _now() -> datetime:
    return datetime.now(UTC)
