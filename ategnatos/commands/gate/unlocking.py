"""``gate unlock`` and ``gate lock``: some minutes of signing without the passphrase."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the house command."""
    command(app, "unlock", example="ategnatos gate unlock")(unlock)
    command(app, "lock", example="ategnatos gate lock")(lock)


def unlock(
    call: Call,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.02, max=15.0, help="For how long.")
    ] = 15.0,
) -> Answer:
    """Sign in this terminal without the passphrase for 15 minutes, each time with a number.

    The key stays in the memory of a small process. It shows what it is asked to sign on this
    terminal with a number, and signs when you type it.
    """
    from ategnatos.guard.gate import keyfile, signing, unlocked, unlocked_client

    key = keyfile.load()
    mine = unlocked.check_terminal()
    private = signing.unsealed(
        key,
        [f"Unlock the key of {key.name} in this terminal for {minutes:g} minutes."],
        redo="ategnatos gate unlock",
    )
    for one in unlocked_client.unlocked():
        if one["here"]:
            unlocked_client.lock_here()
    now = datetime.now(UTC)
    started = unlocked.start(key, private, mine, minutes=minutes, now=now)
    if not started.memory_closed:
        call.warn("This system did not close the key's memory to other programs of yours.")
    until = started.until.astimezone().strftime("%H:%M:%S")
    return Answer(
        {"until": started.until.isoformat(timespec="seconds"), "pid": started.pid},
        f"Unlocked in this terminal until {until}. 'ategnatos gate lock' ends it.",
    )


def lock(call: Call) -> Answer:
    """End every unlocked key of this account, in whatever terminal."""
    from ategnatos.guard.gate import unlocked_client

    ended = unlocked_client.lock_all()
    words = "No key was unlocked." if not ended else f"Locked ({ended})."
    return Answer({"locked": ended}, words)
