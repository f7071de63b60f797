"""``art run``: a recipe's levers set, and every output that follows made, found or put in line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.art.make import AllowRemote, Confirm, Priority, Queue, Server, Timeout
from ategnatos.commands.art.taste import with_taste
from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.recipes.model import Recipe
    from ategnatos.art.recipes.planning import EngineOf, Output
    from ategnatos.engines import Engine, PriceEstimate, Request
    from ategnatos.grimoire.jobs.store import Candidate, Job
    from ategnatos.grimoire.project import Project

# What a person reads of a run before it says "and N more".
_SHOWN = 24
_NOTES = 5


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the art room."""
    command(
        app,
        "run",
        example="ategnatos art run norse.character.hero.v1 --hair red --mood stoic --concepts 10",
        dry_run=True,
        open_options=True,
    )(run)


def run(
    call: Call,
    recipe: Annotated[str, typer.Argument(help="The recipe's id; without .vN its newest version.")],
    levers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="--LEVER VALUE", help="The recipe's levers, like --hair red --mood stoic."
        ),
    ] = None,
    concepts: Annotated[
        int, typer.Option("--concepts", help="How many of each binding: seed, seed + 1, ...")
    ] = 1,
    sweep: Annotated[
        list[str] | None,
        typer.Option("--sweep", metavar="LEVER", help="Every value of this lever; repeatable."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Sweep every lever that is not set.")
    ] = False,
    on: Annotated[
        list[str] | None,
        typer.Option("--on", metavar="KEY", help="Only by this engine key; repeatable."),
    ] = None,
    server: Server = None,
    allow_remote: AllowRemote = False,
    timeout: Timeout = None,
    confirm: Confirm = False,
    queue: Queue = False,
    priority: Priority = "normal",
    no_eye: Annotated[
        bool, typer.Option("--no-eye", help="Leave your taste out of it this once.")
    ] = False,
) -> Answer:
    """Make the outputs of a recipe. What was made before is found, not made again."""
    from ategnatos.art.recipes import binding, planning, running, shelf, vocabulary

    project = call.project()
    known = shelf.load(project, recipe)
    fixed = _levers(levers or [])
    swept = None if every else tuple(dict.fromkeys(sweep or ()))
    rows = binding.every(known, fixed, swept)
    engine_of = _engines(project, server, allow_remote, timeout)
    said: list[str] = []
    outputs = planning.plan(
        project,
        known,
        vocabulary.of(project),
        rows,
        concepts=concepts,
        on=on or (),
        engine_of=engine_of,
        season=_season(call, project, said, left_out=no_eye),
    )
    _warn(call, project, outputs)
    standing = running.standing(project, outputs)
    bill = _bill(outputs, standing)
    facts = {
        "recipe": str(known.id),
        "recipe_sha256": known.sha256,
        "planned": len(outputs),
        "bindings": len({one.origin.binding for one in outputs}),
        "taste_words": said,
        **bill,
    }
    _agree(call, project, outputs, bill, confirm=confirm)
    if call.dry_run:
        return _planned(project, known, outputs, standing, facts)
    return _ordered(call, project, known, outputs, facts, engine_of, queue=queue, priority=priority)


def _ordered(
    call: Call,
    project: Project,
    recipe: Recipe,
    outputs: list[Output],
    facts: dict[str, Any],
    engine_of: EngineOf,
    *,
    queue: bool,
    priority: str,
) -> Answer:
    from ategnatos.art.recipes import running
    from ategnatos.commands.art.work import urgency
    from ategnatos.commands.progress import progress
    from ategnatos.grimoire.jobs import database, store
    from ategnatos.guard.actor import actor

    urgent = urgency(priority)
    who, worked = actor(), 0

    def now() -> datetime:
        return datetime.now(UTC)

    with database.connect(project) as db:
        placed = running.put_down(project, db, recipe, outputs, now=now, actor=who, priority=urgent)
        if not queue:
            waiting = [job for job, _ in placed if job.runnable]
            for number, job in enumerate(waiting, start=1):
                title = f"{recipe.id} {number}/{len(waiting)}"
                with progress(call, title) as on_progress:
                    running.carry_out(
                        project, db, job, engine_of, now=now, actor=who, on_progress=on_progress
                    )
                worked += 1
            for job, _ in placed:
                if not job.runnable:
                    worked += running.carry_out(project, db, job, engine_of, now=now, actor=who)
        jobs = [store.get(db, job.id) for job, _ in placed]
        shown = [(job, one) for job in jobs for one in store.candidates(db, job.id)]
    _warn_of(call, [warning for job in jobs for warning in job.warnings])
    sheets = running.write_sheets(project, recipe, shown) if shown and not queue else []
    by_job: dict[int, list[Candidate]] = {}
    for job, one in shown:
        by_job.setdefault(job.id, []).append(one)
    rows = [
        _row(project, output, job, by_job.get(job.id, []), fresh=fresh)
        for output, job, (_, fresh) in zip(outputs, jobs, placed, strict=True)
    ]
    facts |= {
        "dry_run": False,
        "queued": sum(job.runnable for job in jobs),
        "made": worked,
        "found": len(jobs) - worked - (sum(job.runnable for job in jobs) if queue else 0),
        "outputs": rows,
        "sheets": [str(path) for path in sheets],
        "awaiting_person": sum(
            job.state in {"awaiting_review", running.CONCEPT_GATE} for job in jobs
        ),
    }
    return Answer(facts, lambda console: _draw(console, recipe, facts), _next(jobs, by_job, facts))


def _planned(
    project: Project,
    recipe: Recipe,
    outputs: list[Output],
    standing: Sequence[Job | None],
    facts: dict[str, Any],
) -> Answer:
    rows = [
        _row(project, output, job, [], fresh=job is None)
        for output, job in zip(outputs, standing, strict=True)
    ]
    facts |= {
        "dry_run": True,
        "to_make": sum(job is None or job.runnable for job in standing),
        "found": sum(job is not None and not job.runnable for job in standing),
        "outputs": rows,
    }
    return Answer(facts, lambda console: _draw(console, recipe, facts))


def _row(
    project: Project,
    output: Output,
    job: Job | None,
    candidates: Sequence[Candidate],
    *,
    fresh: bool,
) -> dict[str, Any]:
    """One output as JSON values; ``path`` is where its picture lies or will."""
    made_from = output.origin
    facts: dict[str, Any] = {
        "binding": made_from.binding,
        "levers": made_from.levers,
        "engine_key": made_from.engine_key,
        "engine": output.engine.name,
        "output_kind": made_from.output_kind,
        "child": made_from.child,
        "seed": output.seed,
        "path": str(output.path(project)),
        "prompt": output.order.request.prompt,
        "warnings": list(output.order.warnings if job is None else job.warnings),
        "job": None if job is None else job.name,
        "state": None if job is None else job.state,
        "fresh": fresh,
        "candidates": [
            {
                "candidate": one.reference,
                "path": str(project.root / one.path),
                "sha256": one.sha256,
                "verdict": one.verdict,
                "seed": one.seed,
            }
            for one in candidates
        ],
    }
    if output.concept is not None:
        facts["concept"] = {
            "engine_key": made_from.concept_key,
            "engine": made_from.concept_engine,
            "prompt": output.concept.request.prompt,
            "seed": output.concept.request.seed,
        }
    return facts


def _draw(console: Console, recipe: Recipe, facts: dict[str, Any]) -> None:
    from ategnatos.commands.art.present import relative
    from ategnatos.commands.terminal import plain

    def line(text: str) -> None:
        console.print(plain(text), soft_wrap=True, markup=False, highlight=False)

    count = facts["planned"]
    plural = "" if count == 1 else "s"
    if facts["dry_run"]:
        line(
            f"{recipe.id}: {count} output{plural}, {facts['to_make']} to make,"
            f" {facts['found']} made before. Nothing was written."
        )
    else:
        line(
            f"{recipe.id}: {count} output{plural}, {facts['made']} made now,"
            f" {facts['found']} made before, {facts['queued']} in the line."
        )
    for row in facts["outputs"][:_SHOWN]:
        levers = " ".join(f"{name}={value}" for name, value in row["levers"].items())
        state = _STATES.get(str(row["state"]), str(row["state"] or "to make"))
        name = f"{row['job']}  " if row["job"] else ""
        line(
            f"  {name}{row['binding']}  {levers}  {row['engine_key']}  seed {row['seed']}  {state}"
        )
        if "concept" in row and row["state"] in (None, "pending"):
            line(f"    first a concept by {row['concept']['engine_key']}, for you to approve")
    if count > _SHOWN:
        line(f"  and {count - _SHOWN} more (--json names them all)")
    for words in facts["taste_words"]:
        line(f"  {words}")
    if facts["price_usd"] != "0" or facts["price_units"]:
        line(f"  Price, at most: {_price(facts)}")
    from pathlib import Path

    for sheet in facts.get("sheets", ()):
        line(f"Sheet: {relative(Path(sheet))}")


_STATES = {
    "pending": "in the line",
    "awaiting_review": "waits for your verdict",
    "awaiting_concept_approval": "its concept waits for your verdict",
    "None": "to make",
}


def _next(
    jobs: Sequence[Job], candidates: dict[int, list[Candidate]], facts: dict[str, Any]
) -> tuple[str, ...]:
    if facts["queued"]:
        return ("ategnatos jobs work --until-idle", "ategnatos jobs list")
    waiting = [one for job in jobs for one in candidates.get(job.id, []) if one.verdict is None]
    if not waiting:
        return ()
    first = waiting[0].reference
    return (f"ategnatos art approve '{first}'", f"ategnatos art reject '{first}' --because '...'")


def _levers(tokens: Sequence[str]) -> dict[str, str]:
    """``--hair red`` and ``--hair=red`` as levers. Raises StudioError (``usage``)."""
    found: dict[str, str] = {}
    waiting = ""
    for token in tokens:
        if waiting:
            name, value, waiting = waiting, token, ""
        elif token.startswith("--") and len(token) > 2:
            name, equals, value = token[2:].partition("=")
            if not equals:
                waiting = name
                continue
        else:
            raise _usage(f"{token!r} stands there without a lever", token)
        name = name.replace("-", "_")
        if name in found:
            raise _usage(f"The lever {name!r} is set twice", name)
        found[name] = value
    if waiting:
        raise _usage(f"--{waiting} has no value", waiting)
    return found


def _usage(what: str, given: str) -> StudioError:
    return StudioError(
        USAGE,
        f"{what}; nothing was made.",
        hint="Set a lever like --hair red. See a recipe's levers: ategnatos art recipe show ID",
        given=given,
    )


def _engines(
    project: Project, server: str | None, allow_remote: bool, timeout: float | None
) -> EngineOf:
    """Engines by name, each settled at the place given where it works at one."""
    from ategnatos.commands.art.place import place_of
    from ategnatos.engines import PlacedEngine, load_engine

    def engine_of(name: str) -> Engine:
        engine = load_engine(name)
        if not isinstance(engine, PlacedEngine):
            return engine
        place = place_of(project, server=server, allow_remote=allow_remote, timeout=timeout)
        engine.settle(place)
        return engine

    return engine_of


def _season(call: Call, project: Project, said: list[str], *, left_out: bool) -> Any:
    def season(engine: Engine, request: Request) -> tuple[Request, dict[str, Any] | None]:
        tasted = with_taste(call, project, engine, request, left_out=left_out)
        said.extend(words for words in tasted.words if words not in said)
        return tasted.request, tasted.kept

    return season


def _warn(call: Call, project: Project, outputs: Sequence[Output]) -> None:
    """What engines and the policy say; a family that it rules out is refused here."""
    from ategnatos.art import licences

    seen, said = set(), list[str]()
    for one in outputs:
        for name, order in ((one.engine.name, one.order), (one.origin.concept_engine, one.concept)):
            if order is None:
                continue
            said.extend(order.warnings)
            model = (name, order.request.family)
            if model not in seen:
                seen.add(model)
                for warning in licences.check(project, *model, release=False):
                    call.warn(warning)
    _warn_of(call, said)


def _warn_of(call: Call, said: Sequence[str]) -> None:
    """The first few notes on outputs; each output's own stand in its row."""
    told = list(dict.fromkeys(said))
    for warning in told[:_NOTES]:
        call.warn(warning)
    if len(told) > _NOTES:
        call.warn(f"And {len(told) - _NOTES} more notes on single outputs: --json has them all.")


def _bill(outputs: Sequence[Output], standing: Sequence[Job | None]) -> dict[str, Any]:
    """The most that what is still to make can cost, all together."""
    total, units, basis = Decimal(0), dict[str, Decimal](), "nothing is billed"
    for one, job in zip(outputs, standing, strict=True):
        if job is None or job.runnable or job.state in {"failed", "awaiting_concept_approval"}:
            price = _estimate(one)
            total += price.amount_usd
            for unit, amount in price.units.items():
                units[unit] = units.get(unit, Decimal(0)) + amount
            basis = price.basis
    return {
        "price_usd": str(total),
        "price_units": {unit: str(amount) for unit, amount in units.items()},
        "price_basis": basis,
    }


def _price(facts: dict[str, Any]) -> str:
    from ategnatos.commands.art.price import said

    return said(_total(facts))


def _agree(
    call: Call,
    project: Project,
    outputs: Sequence[Output],
    bill: dict[str, Any],
    *,
    confirm: bool,
) -> None:
    """Refuse a price that nobody agreed to; a dry run warns of the caps it would pass."""
    if Decimal(bill["price_usd"]) == 0 and not bill["price_units"]:
        return
    from ategnatos.commands.art import price as money
    from ategnatos.guard.actor import actor
    from ategnatos.guard.budget import approved

    if call.dry_run:
        _warn_of_caps(call, project, outputs, bill)
        return
    config = approved.load(project, now=datetime.now(UTC), actor=actor())
    if config.require_confirm and not confirm:
        raise StudioError(
            money.PRICE,
            f"This would cost up to {_price(bill)} ({bill['price_basis']}); nothing was sent.",
            hint="Add --confirm to agree to the price; where a concept comes first, it is paid"
            " only once you approved that.",
            price_usd=bill["price_usd"],
        )


def _warn_of_caps(
    call: Call, project: Project, outputs: Sequence[Output], bill: dict[str, Any]
) -> None:
    from ategnatos.art import billing
    from ategnatos.grimoire.jobs import database
    from ategnatos.grimoire.spend import ledger
    from ategnatos.guard.budget import approved, policy

    if not database.exists(project):
        return
    billed = next(one for one in outputs if billing.amounts_of(_estimate(one)))
    entry = billing.entry_of(project, billed.engine, billed.order, job=None, tries=0)
    entry = replace(entry, amounts=billing.amounts_of(_total(bill)))
    with database.connect(project) as db:
        held = ledger.standings(db, entry, now=datetime.now(UTC))
    for breach in policy.breaches(approved.load(project), entry, held):
        call.warn(f"It would be refused: {breach.said}")


def _estimate(one: Output) -> PriceEstimate:
    return one.engine.estimate(one.order.request)


def _total(bill: dict[str, Any]) -> PriceEstimate:
    from ategnatos.engines import PriceEstimate

    units = {unit: Decimal(amount) for unit, amount in bill["price_units"].items()}
    return PriceEstimate(Decimal(bill["price_usd"]), bill["price_basis"], units)
