"""``train watch``: follow a run; who has lost its supervisor gets a new one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

app = room()

_LOOK_SECONDS = 0.5
# Between two lines for somebody who reads a log and no bar.
_SAY_SECONDS = 5.0


@command(app, "watch", example="ategnatos train watch ann")
def watch(
    call: Call,
    name: Annotated[str, typer.Argument(help="A run, or a plan: its newest run.")],
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Seconds to watch at most.")
    ] = None,
) -> Answer:
    """Follow a run to its end; Ctrl-C ends the watching and leaves it training.

    Where its supervisor is gone, a new one takes it up where the last one was.
    """
    from ategnatos.train.run import record

    project = call.project()
    return follow(call, project, record.load(project, name).id, timeout)


def follow(call: Call, project: Project, run_id: str, timeout: float | None = None) -> Answer:
    """Show how it goes until it is over."""
    from datetime import UTC, datetime

    from ategnatos.commands.progress import progress
    from ategnatos.commands.train.run import words
    from ategnatos.engines import Progress
    from ategnatos.guard.actor import actor
    from ategnatos.train.run import control, record, status

    run = record.load(project, run_id)
    if run.state not in record.ENDED and not status.followed(project, run):
        control.take_up(project, run, actor=actor(), now=datetime.now(UTC))
        if run.state != "queued":
            call.say(f"Nobody followed {run_id}: a supervisor takes it up.")
    deadline = None if timeout is None else time.monotonic() + timeout
    said, said_at, heard = "", float("-inf"), 0
    with progress(call, run_id) as on_progress:
        while True:
            run = record.load(project, run_id)
            seen = status.snapshot(project, run)
            for one in seen["findings"][heard:]:
                call.say(f"{one['weight']}: {one['text']}")
            heard = len(seen["findings"])
            told = words.line(seen)
            if on_progress is not None:
                if seen["steps"]:
                    on_progress(Progress(seen["step"], seen["steps"], told))
            elif told != said and time.monotonic() - said_at >= _SAY_SECONDS:
                call.say(told)
                said, said_at = told, time.monotonic()
            if run.state in record.ENDED:
                break
            if deadline is not None and time.monotonic() > deadline:
                return Answer(seen, told, words.next_steps(seen), failed=_still(run_id, timeout))
            time.sleep(_LOOK_SECONDS)
    return Answer(seen, words.page(seen), words.next_steps(seen), failed=_failed(seen))


def _still(run: str, timeout: float | None) -> StudioError:
    from ategnatos.commands.jobs.look import STILL_RUNNING

    return StudioError(
        STILL_RUNNING,
        f"{run} is not over after {timeout:g} s; it goes on as before.",
        hint=f"ategnatos train watch {run}",
        run=run,
    )


def _failed(seen: dict[str, Any]) -> StudioError | None:
    """A run that ended otherwise than well makes the watching of it a failed check."""
    from ategnatos.commands.train.run import words
    from ategnatos.train.run.steps import RUN_FAILED

    if seen["state"] in {"finished", "stopped"}:
        return None
    return StudioError(
        RUN_FAILED,
        f"The run {seen['id']} {seen['says']}. {seen['why']}",
        hint=words.again(seen),
        run=seen["id"],
        state=seen["state"],
    )
