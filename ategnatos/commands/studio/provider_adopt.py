"""``provider adopt``: a machine that somebody rented by hand comes under our care."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.studio.provider_options import Because, Confirm, Overriding
from ategnatos.grimoire.errors import StudioError


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the noun ``provider``."""
    example = "ategnatos studio provider adopt runpod:7h9k2m4n6p --rate 0.69 --confirm"
    command(app, "adopt", example=example, dry_run=True)(adopt)


def adopt(
    call: Call,
    machine: Annotated[str, typer.Argument(help="Provider and id, like runpod:7h9k2m4n6p.")],
    rate: Annotated[
        str | None, typer.Option("--rate", help="USD an hour; default: what its provider says.")
    ] = None,
    max_minutes: Annotated[
        int | None, typer.Option("--max-minutes", help="Default: auto_teardown_minutes.")
    ] = None,
    confirm: Confirm = False,
    override: Overriding = False,
    because: Because = "",
) -> Answer:
    """Take in a machine that runs already: a timer, its money reserved, the reaper's care."""
    from ategnatos.commands.studio import budget_timer
    from ategnatos.grimoire.files import write_atomic
    from ategnatos.grimoire.spend.amounts import millionths, plain
    from ategnatos.machines.ssh.address import KEY
    from ategnatos.providers import load_provider
    from ategnatos.providers.values import State
    from ategnatos.studio import market, rentals, ways
    from ategnatos.studio.renting import keys

    spelled, resource = rentals.parse_name(machine)
    provider = load_provider(spelled)
    seen = provider.get(resource)
    if seen is None or seen.state is State.TERMINATED:
        raise StudioError(
            market.OFFER_GONE,
            f"{provider.label} shows no machine {resource}; nothing was taken in.",
            hint="Look again in a minute, or on the provider's own page.",
            machine=machine,
        )
    if rate is None and seen.rate is not None:
        rate = plain(millionths(seen.rate))
    name = f"{provider.name}:{resource}"
    answer = budget_timer.start(call, name, rate, max_minutes, confirm, override, because)
    if call.dry_run:
        return answer
    label = ways.label_of(*ways.one(call.project(), name))
    # In a file: what is printed here is searched for keys, and this would be taken for one.
    public = keys.folder_of(label) / f"{KEY}.pub"
    write_atomic(public, f"{keys.make(label)}\n".encode(), 0o600)
    return Answer(
        {**answer.data, "public_key_file": str(public)},
        f"{answer.words}\nTo work on it from here, add what is in {public} to the machine's"
        " ~/.ssh/authorized_keys, and reconnect.",
        (f"ategnatos studio reconnect {name}", *answer.next_steps),
    )
