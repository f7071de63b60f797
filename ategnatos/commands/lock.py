"""``ategnatos lock``: who uses which server, GPU or run; take one by hand, give it back, free it.

A command ends at once, so what holds a lock taken by hand is: the process named with --for; or
the shell of the terminal it was typed in; or, where there is no terminal (an agent, cron), a
lease that runs out. Work of this program holds its locks itself and needs none of these.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.guard.locks.holder import Holder
    from ategnatos.guard.locks.process import Process
    from ategnatos.guard.locks.store import Facts

LOCK_NOT_YOURS = ErrorCode("lock_not_yours", "Only its holder may give a lock back.")
FORCE_TOKEN = ErrorCode("force_token", "Taking a lock away needs the token of its holder.")
PROCESS_UNKNOWN = ErrorCode("process_unknown", "There is no such process on this machine.")

LEASE_MINUTES = 30
LONGEST_LEASE_MINUTES = 24 * 60

app = room("Who uses which GPU, server or training run.")

Resource = Annotated[
    str, typer.Argument(help="comfyui:HOST:PORT, gpu:PROVIDER:ID or training:RUN.")
]


@command(app, "acquire", example="ategnatos lock acquire gpu:local:0 --timeout 60", dry_run=True)
def acquire(
    call: Call,
    resource: Resource,
    timeout: Annotated[
        float, typer.Option(help="Wait so many seconds for it; 0 does not wait.")
    ] = 30.0,
    holder: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who holds it, for others to read.")
    ] = None,
    process: Annotated[
        int | None,
        typer.Option("--for", metavar="PID", help="Hold it until this process ends."),
    ] = None,
    lease: Annotated[
        int | None,
        typer.Option(
            metavar="MINUTES",
            help="Hold it until released, at most so long. Without a terminal: 30 minutes.",
        ),
    ] = None,
    extend: Annotated[
        int | None,
        typer.Option("--extend", metavar="TOKEN", help="Begin the lease of that token anew."),
    ] = None,
) -> Answer:
    """Take a lock by hand: until released, until a process ends, or for a time.

    In a terminal it is held until that terminal closes; elsewhere for 30 minutes.
    """
    from ategnatos.guard import locks
    from ategnatos.guard.actor import actor
    from ategnatos.guard.locks.names import parse_resource
    from ategnatos.guard.locks.store import Store
    from ategnatos.guard.values.numbers import parse_real, parse_whole

    name = parse_resource(resource)
    minutes = parse_whole(
        LEASE_MINUTES if lease is None else lease, field="--lease", maximum=LONGEST_LEASE_MINUTES
    )
    wait = parse_real(timeout, field="--timeout", maximum=86400)
    store = Store.of_account()
    if extend is not None:
        return _extended(call, store, name, extend, minutes)
    owner = _owner(process, lease)
    facts = store.look(name)
    if call.dry_run:
        free = facts.holder is None or bool(facts.holder.gone(_now()))
        return Answer(
            {"resource": name, "would_hold": free, **_told(facts)},
            f"{name} is free and would be taken." if free else f"{name} is not free.",
        )
    held = locks.acquire(
        name,
        who=holder or actor(),
        process=owner,
        # Nobody beats for a lock taken by hand: a watcher elsewhere gives its process a day.
        lease=60.0 * (minutes if owner is None else LONGEST_LEASE_MINUTES),
        timeout=wait,
        progress=call.say,
        warn=call.warn,
    )
    how = (
        f"for {minutes} minutes, or until it is released"
        if owner is None
        else f"until it is released, or PID {owner.pid} ends"
    )
    return Answer(
        {"resource": name, "token": held.token, "holder": held.holder.facts()},
        f"{name} is held {how}. Token {held.token}.",
        (f"ategnatos lock release {name} --token {held.token}",),
    )


@command(app, "release", example="ategnatos lock release gpu:local:0 --token 7", dry_run=True)
def release(
    call: Call,
    resource: Resource,
    token: Annotated[
        int | None, typer.Option(help="The token that acquire gave; not needed in its terminal.")
    ] = None,
) -> Answer:
    """Give back a lock that you took by hand. One that is free already stays free."""
    from ategnatos.guard.locks.names import parse_resource
    from ategnatos.guard.locks.store import Store

    name = parse_resource(resource)
    store = Store.of_account()
    facts = store.look(name)
    holder = facts.holder
    if holder is None:
        return Answer({"resource": name, "released": False}, f"{name} was free already.")
    if not _is_ours(holder, token):
        raise StudioError(
            LOCK_NOT_YOURS,
            f"{name} is held by {holder.words(_now())}, and nothing says that this is you."
            " It was not released.",
            hint=f"If you took it, name the token that acquire gave: 'ategnatos lock release {name}"
            f" --token N'. To take it from somebody else: 'ategnatos lock force-release {name}'.",
            **_told(facts),
        )
    done = not call.dry_run and store.give_back(name, holder.token)
    words = f"{name} would be released." if call.dry_run else f"{name} is free."
    return Answer({"resource": name, "released": done, "token": holder.token}, words)


@command(app, "check", example="ategnatos lock check gpu:local:0 --json")
def check(call: Call, resource: Resource) -> Answer:
    """Who holds one resource."""
    from ategnatos.guard.locks.names import parse_resource
    from ategnatos.guard.locks.store import Store

    name = parse_resource(resource)
    facts = Store.of_account().look(name)
    return Answer({"resource": name, **_told(facts)}, _sentence(name, facts))


@command(app, "list", example="ategnatos lock list")
def everything(call: Call) -> Answer:
    """Everything that is held, and what was left behind."""
    from ategnatos.guard.locks.store import Store

    store = Store.of_account()
    held = [(facts, facts.holder) for facts in store.everything() if facts.holder is not None]
    lines = [_sentence(holder.resource, facts) for facts, holder in held]
    return Answer(
        {
            "folder": str(store.folder),
            "locks": [{"resource": holder.resource, **_told(facts)} for facts, holder in held],
        },
        "\n".join(lines) if lines else "Nothing is held.",
    )


@command(
    app, "force-release", example="ategnatos lock force-release gpu:local:0 --token 7", dry_run=True
)
def force_release(
    call: Call,
    resource: Resource,
    token: Annotated[int | None, typer.Option(help="The token of whoever holds it now.")] = None,
) -> Answer:
    """Take a lock from its holder, who goes on working until it next looks.

    Run it without --token first: it says who holds it and with which token. If another has
    taken it meanwhile, the token no longer fits and nothing happens.
    """
    from ategnatos.guard.locks.names import parse_resource
    from ategnatos.guard.locks.store import Store

    name = parse_resource(resource)
    store = Store.of_account()
    facts = store.look(name)
    holder = facts.holder
    if holder is None:
        return Answer({"resource": name, "released": False}, f"{name} is free.")
    if token != holder.token:
        given = "" if token is None else f" Token {token} is not its token."
        raise StudioError(
            FORCE_TOKEN,
            f"{name} is held by {holder.words(_now())}: {holder.command}.{given}"
            " It was not taken away.",
            hint="Better end that work, and the lock ends with it. To take it all the same, at the"
            f" risk of two on one: ategnatos lock force-release {name} --token {holder.token}",
            **_told(facts),
        )
    done = not call.dry_run and store.give_back(name, holder.token)
    if done:
        _remember(call, holder)
        if not holder.gone(_now()):
            call.warn(f"{holder.words(_now())} may still be at work on it until it next looks.")
    words = f"{name} would be taken away." if call.dry_run else f"{name} is free."
    return Answer({"resource": name, "released": done, "token": holder.token}, words)


def _extended(call: Call, store: Any, name: str, token: int, minutes: int) -> Answer:
    facts: Facts = store.look(name)
    holder = facts.holder
    if holder is None or holder.token != token or holder.process is not None:
        raise StudioError(
            LOCK_NOT_YOURS,
            f"There is no lease on {name} with token {token}; nothing was extended.",
            hint=f"See who holds it with 'ategnatos lock check {name}', or take it anew.",
            **_told(facts),
        )
    done = not call.dry_run and store.renew(name, token, _now(), minutes * 60.0)
    return Answer(
        {"resource": name, "token": token, "extended": done, "minutes": minutes},
        f"{name} {'would be' if call.dry_run else 'is'} held for {minutes} minutes from now.",
    )


def _owner(pid: int | None, lease: int | None) -> Process | None:
    """Whose life the lock is bound to; None for a lease. Raises StudioError
    (``process_unknown``).
    """
    from ategnatos.guard.locks import process

    if pid is None:
        return process.session_leader() if lease is None else None
    found = process.of(pid) if pid > 0 else None
    if found is None:
        raise StudioError(
            PROCESS_UNKNOWN,
            f"No process {pid} runs on this machine; nothing was locked.",
            hint="Give the number of a running process; in a script, --for $$ is the script.",
            pid=pid,
        )
    return found


def _is_ours(holder: Holder, token: int | None) -> bool:
    from ategnatos.guard.locks.process import alive, ancestors

    if token is not None and token != holder.token:
        return False
    if holder.gone(_now()):
        return True
    if holder.process is None:
        return token is not None
    return bool(alive(holder.process)) and holder.process.pid in ancestors()


def _told(facts: Facts) -> dict[str, Any]:
    holder = facts.holder
    gone = holder.gone(_now()) if holder is not None else ""
    return {
        "held": holder is not None and not gone,
        "stale": gone or None,
        "token": facts.token,
        "holder": None if holder is None else holder.facts(),
    }


def _sentence(name: str, facts: Facts) -> str:
    holder = facts.holder
    if holder is None:
        return f"{name} is free."
    if gone := holder.gone(_now()):
        return f"{name} is free: {holder.who} held it, and {gone}."
    return f"{name} is in use by {holder.words(_now())}. Token {holder.token}.\n  {holder.command}"


def _remember(call: Call, holder: Holder) -> None:
    """Write the taking down where it happened inside a studio."""
    from ategnatos.grimoire import journal
    from ategnatos.grimoire.project import NO_PROJECT
    from ategnatos.guard.actor import actor

    try:
        project = call.project()
    except StudioError as error:
        if error.code is not NO_PROJECT:
            raise
        return
    journal.append(
        project,
        "lock_forced",
        actor=actor(),
        data={"resource": holder.resource, "holder": holder.facts()},
    )


def _now() -> datetime:
    return datetime.now(UTC)
