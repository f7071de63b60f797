"""``provider status``, ``down`` and ``leftovers``: what bills, ending it, and the proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.machines import Ordered
    from ategnatos.grimoire.spend.records import Rental
    from ategnatos.providers import Provider
    from ategnatos.providers.values import Leftover
    from ategnatos.studio.renting.ending import Ended

RESULTS_THERE = ErrorCode("results_there", "A training on the machine is not home yet.")
LEFT_OVER = ErrorCode("left_over", "Something of ours may go on billing after its machine is gone.")


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the noun ``provider``."""
    command(app, "status", example="ategnatos studio provider status")(status)
    command(app, "down", example="ategnatos studio provider down runpod:7h9k2m4n6p")(down)
    command(app, "leftovers", example="ategnatos studio provider leftovers --confirm")(leftovers)


def status(
    call: Call,
    machine: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
) -> Answer:
    """Every rented machine: how its provider sees it now, what it has cost, when it ends."""
    from ategnatos.grimoire.spend import rentals
    from ategnatos.grimoire.spend.amounts import plain
    from ategnatos.studio import reaper, ways

    project = call.project()
    found = ways.live(project) if machine is None else [ways.one(project, machine)]
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    lines = []
    for rental, order in found:
        provider, why = reaper.provider_of(rental.provider)
        state, said = "unknown", why
        if provider is not None:
            try:
                seen = provider.get(rental.resource)
                state = "not seen" if seen is None else seen.state.value
                said = "" if seen is None else seen.hopeless or seen.said or seen.raw
            except StudioError as error:
                said = error.message
        cost = rentals.cost_so_far(rental, now)
        way = None if order is None else ways.read(order.label)
        rows.append(
            {
                "machine": rental.name,
                "label": None if order is None else order.label,
                "state": state,
                "said": said,
                "rental": rental.state,
                "gpu": "" if order is None else str(order.facts.get("gpu", "")),
                "rate_usd_per_hour": plain(rental.rate),
                "cost_usd": plain(cost),
                "started_at": rental.started_at,
                "due_at": rental.due_at,
                "ssh": None if way is None else {"host": way.host, "port": way.port},
            }
        )
        lines.append(
            f"{rental.name}  {state}{f' ({said})' if said else ''}, {plain(rental.rate)} USD an"
            f" hour, {plain(cost)} USD so far, ends {rental.due_at}"
        )
    steps = ("ategnatos studio reaper --once",) if rows else ()
    return Answer({"machines": rows}, "\n".join(lines) or "Nothing is rented.", steps)


def down(
    call: Call,
    machine: Annotated[
        str | None, typer.Argument(help="Which; not needed for the only one.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every machine that is rented.")
    ] = False,
    patience: Annotated[
        int, typer.Option("--patience", help="Seconds to wait for the proof that it is gone.")
    ] = 180,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also with a training on it that is not home yet.")
    ] = False,
) -> Answer:
    """End a machine and what is on it, for good; "gone" is said after two looks that find none."""
    from ategnatos.studio import ways

    if everything is (machine is not None) and everything:
        raise StudioError(
            USAGE, "Name one machine or say --all; nothing was ended.", hint="Choose."
        )
    if not 0 <= patience <= 3600:
        raise StudioError(USAGE, "--patience takes 0 to 3600; nothing was ended.", hint="Mend it.")
    project = call.project()
    found = ways.live(project) if everything else [ways.one(project, machine)]
    lines, rows, problems = [], [], []
    if not (everything or anyway):
        keep_results(*found[0])
    for rental, order in found:
        done = end_one(project, rental, order, patience=float(patience), say=call.say)
        rows.append(_ended_facts(done.ended))
        if done.problem is None:
            lines.append(done.said)
        else:
            problems.append(done.problem)
        for text in done.warnings:
            call.warn(text)
    return Answer(
        {"machines": rows},
        "\n".join(lines) or ("Nothing is rented." if not problems else None),
        failed=problems[0] if problems else None,
    )


def keep_results(rental: Rental, order: Ordered | None) -> None:
    """Refuse where a training lives on the machine, or has made what is not home yet.

    A machine that cannot be asked is ended: what it costs is sure. Raises StudioError
    (``results_there``).
    """
    from dataclasses import replace

    from ategnatos.studio import fleet, ways

    try:
        link = ways.link(ways.label_of(rental, order), rental.name)
        runs = fleet.look(replace(link, waits=())).runs
    except StudioError:
        return
    kept = {name: how for name, how in runs.items() if how != "over"}
    if not kept:
        return
    said = {"trains": "trains there", "unbrought": "has made what is not here yet"}
    first = next(iter(kept))
    raise StudioError(
        RESULTS_THERE,
        "; ".join(f"{name} {said.get(how, how)}" for name, how in kept.items())
        + f". {rental.name} was not ended, and bills on.",
        hint=f"Stop it and bring it here: ategnatos train stop {first}. Or end the machine with all"
        f" that is on it: ategnatos studio provider down {rental.name} --anyway",
        machine=rental.name,
        runs=kept,
    )


@dataclass(frozen=True, slots=True)
class Done:
    """How one end came out, in words too: ``said`` where it is gone, ``problem`` where it is not
    known to be.
    """

    ended: Ended
    said: str
    problem: StudioError | None
    warnings: tuple[str, ...]


def end_one(
    project: Project,
    rental: Rental,
    order: Ordered | None,
    *,
    patience: float,
    say: Callable[[str], None],
) -> Done:
    """End one machine, look until it is known to be gone, and forget the way to it."""
    from ategnatos.studio import reaper, rentals, ways
    from ategnatos.studio.renting import ending

    ended = ending.end(project, rental, reaper.provider_of, clock=_now, patience=patience, say=say)
    said, problem = "", None
    if ended.gone:
        if order is not None:
            ways.forget(order.label)
        said = f"{rental.name} is gone: {ended.finding.said}. {ended.bill.said}".strip()
    else:
        problem = rentals.still_billing(rental, ended.finding.said, _now())
    warnings = [_left_words(left) for left in ended.leftovers]
    if not ended.asked_leftovers:
        warnings.append(f"{rental.provider} did not say whether anything is left that bills.")
    return Done(ended, said, problem, tuple(warnings))


def leftovers(
    call: Call,
    provider: Annotated[list[str] | None, typer.Option("--provider", help="Only this one.")] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Delete what is ours. No way back.")
    ] = False,
) -> Answer:
    """Volumes, filesystems and keys of ours that outlive their machines, with what they cost."""
    from ategnatos.guard.budget.teardown import Outcome
    from ategnatos.providers import installed_providers, load_provider

    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    left: list[Leftover] = []
    for name in provider or installed_providers():
        one = load_provider(name)
        try:
            found = list(one.leftovers())
        except StudioError as error:
            call.warn(f"{name} was not asked: {error.message}")
            continue
        for thing in found:
            said = ""
            if confirm:
                said = _removed(one, thing)
                if said not in {Outcome.ACCEPTED.value, Outcome.ALREADY_GONE.value}:
                    left.append(thing)
            elif thing.bills:
                left.append(thing)
            rows.append({**_left_facts(thing), "removed": said or None})
            lines.append(_left_words(thing) + (f" Deleting it: {said}." if said else ""))
    failed = None
    if left:
        failed = StudioError(
            LEFT_OVER,
            f"{len(left)} of them may go on billing: "
            + " ".join(_left_words(thing) for thing in left)
            + (" It could not be deleted." if confirm else " Nothing was deleted."),
            hint="Look at the provider's own page."
            if confirm
            else "Delete them: ategnatos studio provider leftovers --confirm",
            leftovers=[thing.id for thing in left],
        )
    return Answer({"leftovers": rows}, "\n".join(lines) or "Nothing is left over.", failed=failed)


def _removed(provider: Provider, thing: Leftover) -> str:
    if not thing.ours:
        return "it bears no name of ours, so it was left alone"
    ending = provider.remove(thing)
    return ending.outcome.value


def _left_facts(one: Leftover) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "kind": one.kind,
        "id": one.id,
        "name": one.name,
        "usd_per_month": None if one.monthly is None else str(one.monthly),
        "size_gb": one.size_gb,
        "bills": one.bills,
        "ours": one.ours,
        "said": one.said,
    }


def _left_words(one: Leftover) -> str:
    price = "an unknown price" if one.monthly is None else f"{one.monthly} USD a month"
    return f"{one.provider}: the {one.kind} {one.name or one.id} is left, at {price}."


def _ended_facts(ended: Ended) -> dict[str, Any]:
    return {
        **ended.finding.facts(),
        "gone": ended.gone,
        "billed_usd": None if ended.bill.billed is None else str(ended.bill.billed),
        "billing_said": ended.bill.said,
        "leftovers": [_left_facts(one) for one in ended.leftovers],
        "asked_leftovers": ended.asked_leftovers,
    }


def _now() -> datetime:
    return datetime.now(UTC)
