"""``art generate --prompts FILE``: many prompts, planned and priced before the first is begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.commands.contract import Answer, Call
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.many import Line
    from ategnatos.art.order import Order
    from ategnatos.commands.art.taste import Tasted
    from ategnatos.engines import Engine, Request
    from ategnatos.grimoire.project import Project

_SHOWN = 30

# A line's request as the eye and the brief would have it.
Tasting = Callable[["Request"], "Tasted"]
# Make one tasted request, with a seed of its own or none.
Making = Callable[["Tasted", "int | None"], Answer]


@dataclass(frozen=True, slots=True)
class _Planned:
    line: Line
    tasted: Tasted
    order: Order
    seed: int | None
    standing: str | None


def generate_many(
    call: Call,
    project: Project,
    engine: Engine,
    path: Path,
    common: Request,
    *,
    seed: int | None,
    confirm: bool,
    tasted: Tasting,
    make: Making,
) -> Answer:
    """Every prompt of ``path`` as a job of its own; what stands already is shown, not made.

    Raises StudioError: ``prompts_file`` with every line at fault, ``price_not_confirmed`` for
    the whole, and what stops a single one, with the number of its line.
    """
    from ategnatos.art import many

    lines = many.read(path)
    planned: list[_Planned] = []
    faults: list[tuple[int, str]] = []
    for line in lines:
        try:
            planned.append(_plan(project, engine, common, line, seed, tasted))
        except StudioError as error:
            faults.append((line.number, error.message.splitlines()[0]))
    if faults:
        raise many.refused(path, faults, len(lines))
    usd, units = _priced(engine, planned)
    fresh = [one for one in planned if one.standing is None]
    facts: dict[str, Any] = {
        "file": str(path),
        "engine": engine.name,
        "prompts": len(planned),
        "pictures": sum(one.order.request.count for one in planned),
        "standing": len(planned) - len(fresh),
        "price_usd": str(usd),
        "price_units": {unit: str(amount) for unit, amount in units.items()},
    }
    if (usd or units) and not call.dry_run:
        _agreed(project, facts, confirm)
    if call.dry_run:
        return _told(facts, planned, [], dry_run=True)
    call.say(
        f"{facts['prompts']} prompts, {facts['pictures']} pictures, {facts['standing']} made"
        f" before, {usd} USD"
    )
    made: list[dict[str, Any]] = []
    for one in planned:
        try:
            made.append(make(one.tasted, one.seed).data)
        except StudioError as error:
            raise StudioError(
                error.code,
                f"Line {one.line.number} of {path.name} ({one.line.prompt[:60]!r}) stopped after"
                f" {len(made)} of {len(planned)} prompts were done: {error.message}",
                hint=f"{error.hint} Then run the same command again: what is made stands.",
                **{**error.details, "line": one.line.number, "done": len(made)},
            ) from error
        call.say(f"{len(made)} of {len(planned)}  {one.line.prompt[:60]}")
    return _told(facts, planned, made, dry_run=False)


def _plan(
    project: Project,
    engine: Engine,
    common: Request,
    line: Line,
    seed: int | None,
    tasted: Tasting,
) -> _Planned:
    from ategnatos.art import licences
    from ategnatos.art import line as room
    from ategnatos.art import order as orders

    settings = dict(line.settings)
    own_seed = settings.pop("seed", seed)
    if "size" in settings:
        width, height = orders.parse_size(settings.pop("size"))
        settings |= {"width": width, "height": height}
    wanted = tasted(replace(common, prompt=line.prompt, **settings))
    planned = orders.plan(engine, wanted.request, explicit_seed=own_seed)
    licences.check(project, engine.name, planned.request.family, release=False)
    standing = room.standing(project, planned, engine.name)
    return _Planned(line, wanted, planned, own_seed, None if standing is None else standing.name)


def _priced(engine: Engine, planned: list[_Planned]) -> tuple[Decimal, dict[str, Decimal]]:
    """What is still to be made, by money and by the vendor's units; the same order counts once."""
    orders = {one.order.binding: one.order for one in planned if one.standing is None}
    usd, units = Decimal(0), dict[str, Decimal]()
    for order in orders.values():
        price = engine.estimate(order.request)
        usd += price.amount_usd
        for unit, amount in price.units.items():
            units[unit] = units.get(unit, Decimal(0)) + amount
    return usd, units


def _agreed(project: Project, facts: dict[str, Any], confirm: bool) -> None:
    from ategnatos.commands.art.price import PRICE
    from ategnatos.guard.budget import approved

    if confirm or not approved.load(project).require_confirm:
        return
    units = "".join(f" and {amount} {unit}" for unit, amount in facts["price_units"].items())
    raise StudioError(
        PRICE,
        f"{facts['pictures']} pictures of {facts['prompts']} prompts would cost"
        f" {facts['price_usd']} USD{units}; nothing was sent.",
        hint="Add --confirm to agree to the price of all of them.",
        price_usd=facts["price_usd"],
    )


def _told(
    facts: dict[str, Any], planned: list[_Planned], made: list[dict[str, Any]], *, dry_run: bool
) -> Answer:
    rows = []
    for index, one in enumerate(planned):
        done = made[index] if index < len(made) else {}
        candidates = done.get("candidates") or []
        rows.append(
            {
                "line": one.line.number,
                "prompt": one.line.prompt,
                "binding": one.order.binding,
                "seed": one.order.request.seed,
                "count": one.order.request.count,
                "job": done.get("job", one.standing),
                "fresh": done.get("fresh", one.standing is None),
                "sheet": done.get("sheet"),
                "candidates": [found["candidate"] for found in candidates],
            }
        )

    def words(console: Console) -> None:
        verb = "Would make" if dry_run else "Done:"
        console.print(
            f"{verb} {facts['prompts']} prompts, {facts['pictures']} pictures on"
            f" {facts['engine']}, {facts['standing']} made before, {facts['price_usd']} USD"
        )
        for row in rows[:_SHOWN]:
            name = row["job"] or "new"
            console.print(
                plain(f"  {row['line']:>4}  {name:<6} {row['prompt'][:90]}"), soft_wrap=True
            )
        if len(rows) > _SHOWN:
            console.print(f"  and {len(rows) - _SHOWN} more (--json shows all)")

    steps = () if dry_run or not rows else (f"ategnatos art sheet {rows[0]['job']}",)
    return Answer({**facts, "dry_run": dry_run, "lines": rows}, words, steps)
